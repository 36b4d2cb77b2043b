//! Clients that push, pull and reset until their connections end.
//!
//! Knows the wire, and tells what it was told; judges nothing.

use std::{net::SocketAddr, sync::Mutex, thread};

use serde_json::{Value, json};
use syncline_tests::{
    dice::Dice,
    http::Answer,
    oplog::{Client, body, op},
};

use super::known::{Id, Known, payload};

const WRITERS: u64 = 4;

/// Load on one server.
pub(super) struct Load<'a> {
    address: SocketAddr,
    known: &'a Mutex<Known>,
    seed: u64,
}

impl<'a> Load<'a> {
    pub(super) fn new(address: SocketAddr, known: &'a Mutex<Known>, seed: u64) -> Self {
        Self { address, known, seed }
    }

    /// Until the server ends by itself.
    pub(super) fn run_until_end(&self) {
        self.run(|| ());
    }

    /// Until the server ends; `meanwhile` happens beside it.
    pub(super) fn run(&self, meanwhile: impl FnOnce()) {
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                scope.spawn(move || self.write(writer));
            }
            for reader in 0..2 {
                scope.spawn(move || self.read(reader));
            }
            scope.spawn(|| self.reset());
            meanwhile();
        });
    }

    fn client(&self, name: &str) -> Option<(Client, String)> {
        let mut client = Client::try_new(self.address, name)?;
        let answer = answered(client.try_ask("GET", "/sync/bootstrap", &[]))?;
        let key = answer["datasetGenerationKey"].as_str().expect("a key").to_owned();
        self.known.lock().unwrap().shown(&key, 0, &answer);
        Some((client, key))
    }

    fn write(&self, number: u64) -> Option<()> {
        let mut dice = Dice::new(self.seed * 10 + number);
        let actor = format!("writer {number} of {}", self.seed);
        let (mut client, mut key) = self.client(&actor)?;
        let (mut clock, mut kept): (u64, Vec<Id>) = (0, Vec::new());
        loop {
            let new: Vec<Id> =
                (0..=dice.below(4)).map(|n| (actor.clone(), clock + n + 1)).collect();
            clock += new.len() as u64;
            let mut ops: Vec<Value> = new.iter().map(|id| op(&id.0, id.1, &payload(id))).collect();
            if let Some(old) = kept.last().filter(|_| dice.below(3) == 0) {
                ops.insert(0, op(&old.0, old.1, &json!("again")));
            }
            self.known.lock().unwrap().send(&key, &new);
            let push = json!({"clientId": actor, "datasetGenerationKey": key, "ops": ops});
            let answer = client.try_ask("POST", "/sync/push", push.to_string().as_bytes())?;
            if answer.status == 409 {
                key = adopted(&answer);
                kept.clear();
                continue;
            }
            let answer = answered(Some(answer))?;
            self.known.lock().unwrap().pushed(&key, &new, &answer);
            kept.extend(new);
        }
    }

    fn read(&self, number: u64) -> Option<()> {
        let mut dice = Dice::new(self.seed * 10 + 5 + number);
        let (mut client, mut key) = self.client("reader")?;
        let mut since = 0;
        loop {
            let target =
                format!("/sync/pull?since={since}&clientId=reader&datasetGenerationKey={key}");
            let answer = client.try_ask("GET", &target, &[])?;
            if answer.status == 409 {
                (key, since) = (adopted(&answer), 0);
                continue;
            }
            let answer = answered(Some(answer))?;
            self.known.lock().unwrap().shown(&key, since, &answer);
            since = match dice.below(8) {
                0 => 0,
                _ => answer["serverSeq"].as_u64().expect("a head"),
            };
        }
    }

    fn reset(&self) -> Option<()> {
        let mut dice = Dice::new(self.seed * 10 + 9);
        let (mut client, _) = self.client("importer")?;
        for n in 0.. {
            for _ in 0..10 + dice.below(30) {
                let _ = answered(client.try_ask("GET", "/healthz", &[]))?;
            }
            let (key, snapshot) = (format!("reset-{n}-of-{}", self.seed), format!("snapshot {n}"));
            self.known.lock().unwrap().reset(&key, &snapshot);
            let reset = json!({
                "clientId": "importer", "datasetGenerationKey": key, "snapshot": snapshot,
            });
            let answer = client.try_ask("POST", "/sync/reset", reset.to_string().as_bytes());
            assert_eq!(answered(answer)?["datasetGenerationKey"], key);
            self.known.lock().unwrap().is_active(&key);
        }
        None
    }
}

/// The body of a 200; none when the server has failed.
fn answered(answer: Option<Answer>) -> Option<Value> {
    let answer = answer?;
    match answer.status {
        200 => Some(body(&answer)),
        500 | 503 => None,
        status => panic!("{status}: {}", answer.text()),
    }
}

fn adopted(stale: &Answer) -> String {
    body(stale)["datasetGenerationKey"].as_str().expect("a key").to_owned()
}
