//! Clients as they are in the field, racing on a few keys of a real server: they believe whatever they
//! set or read last, read late, lose their connections and queue what they set meanwhile.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use syncline_tests::{
    dice::{Dice, seeds},
    server::TestServer,
    workspace::{Peer, dial, op, server, token},
};

const KEYS: u64 = 3;
const STEPS: u32 = 150;

/// A client of the field.
struct Client<'a> {
    server: &'a TestServer,
    name: u64,
    dice: Dice,
    copy: BTreeMap<String, Value>,
    queue: Vec<String>,
    peer: Option<Peer>,
    sets: u64,
}

impl<'a> Client<'a> {
    fn new(server: &'a TestServer, name: u64, seed: u64) -> Self {
        let dice = Dice::new(seed * 31 + name + 1);
        let (copy, queue) = (BTreeMap::new(), Vec::new());
        Self { server, name, dice, copy, queue, peer: None, sets: 0 }
    }

    /// Connects, says what was queued, and only then reads its first message.
    fn connect(&mut self) {
        let token = token(&json!({ "sub": self.name.to_string() }));
        let (mut socket, answer) = dial(self.server.address(), "w", &token, "");
        assert_eq!(answer.status, 101);
        for message in self.queue.drain(..) {
            socket.send_text(&message);
        }
        let peer = Peer::over(socket, self.server, "w");
        let all = peer.data().as_object().expect("an object").clone();
        self.copy = all.into_iter().collect();
        self.peer = Some(peer);
    }

    fn set(&mut self) {
        self.sets += 1;
        let (key, value) = (format!("k{}", self.dice.below(KEYS)), json!([self.name, self.sets]));
        let millis = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as i64;
        // Whole milliseconds meet, and a clock that lags loses now and then.
        let lag = if self.dice.below(5) == 0 { self.dice.below(60) as i64 } else { 0 };
        let message = op(&key, &value.to_string(), (millis - lag) * 1000);
        self.copy.insert(key, value);
        match &mut self.peer {
            Some(peer) => peer.say(&message),
            None => self.queue.push(message),
        }
    }

    fn read(&mut self, wait: Duration) {
        let Some(peer) = &mut self.peer else { return };
        while let Some(text) = peer.wait(wait) {
            let message = serde_json::from_str(&text).expect("JSON");
            take(&mut self.copy, message);
        }
    }

    fn live(&mut self) {
        for _ in 0..STEPS {
            match self.dice.below(20) {
                0..10 => self.set(),
                10..14 => self.read(Duration::from_millis(1)),
                14..18 => thread::sleep(Duration::from_millis(self.dice.below(6))),
                18 => self.peer = None,
                _ if self.peer.is_none() => self.connect(),
                _ => {}
            }
        }
        if self.peer.is_none() {
            self.connect();
        }
    }
}

fn take(copy: &mut BTreeMap<String, Value>, mut message: Value) {
    assert_eq!(message["type"], "op", "{message}");
    let payload = &mut message["payload"];
    let key = payload["key"].as_str().expect("a key").to_owned();
    copy.insert(key, payload["value"].take());
}

#[test]
fn clients_that_race_end_with_what_the_room_has() {
    for seed in 0..seeds(4) {
        let server = server(|_| ());
        let mut clients: Vec<_> = (0..4).map(|name| Client::new(&server, name, seed)).collect();
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.live());
            }
        });
        // What one was told may make another's words come back: until nobody hears anything new.
        for _ in 0..3 {
            for client in &mut clients {
                let peer = client.peer.as_mut().expect("all are there in the end");
                for message in peer.drain() {
                    take(&mut client.copy, message);
                }
            }
        }
        let room = Peer::join(&server, "w", "late").data().clone();
        for Client { name, copy, .. } in &clients {
            assert_eq!(json!(copy), room, "client {name} of seed {seed}");
        }
    }
}
