//! The original client against the room: its outbox, its cursor and what it does on 409. Whatever happens
//! between, all devices end with the same state, and nothing that was taken is missing in it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use syncline_protocol::dialects::oplog::{Answer, Limits};

use crate::double::{Dataset, key_of, op};

/// What a device knows: actors and clocks of operations. Its payloads are of no matter here.
type State = BTreeSet<(String, u64)>;

/// A device with the original client.
#[derive(Clone, Debug)]
struct Device {
    name: String,
    key: String,
    cursor: u64,
    outbox: Vec<(String, u64)>,
    state: State,
    clock: u64,
}

/// What gets lost on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Nothing,
    Push,
    Pull,
}

impl Device {
    fn new(name: &str) -> Self {
        let (outbox, state) = (Vec::new(), State::new());
        Self { name: name.into(), key: String::new(), cursor: 0, outbox, state, clock: 0 }
    }

    fn edit(&mut self) {
        self.clock += 1;
        self.state.insert((self.name.clone(), self.clock));
        self.outbox.push((self.name.clone(), self.clock));
    }

    /// One turn of its timer: what it has to say, then what is new.
    fn poll(&mut self, server: &mut Server, lost: Lost) {
        if self.outbox.is_empty() && (self.key.is_empty() || self.cursor == 0) {
            self.bootstrap(server);
        }
        if !self.outbox.is_empty() {
            let ops: Vec<String> = self.outbox.iter().map(|(actor, n)| op(actor, *n)).collect();
            let answer = server.dataset.push(&self.name, &self.key, &ops);
            server.taken(&answer, &self.outbox, &self.key);
            if lost == Lost::Push {
                return; // offline until the next poll
            }
            match &answer {
                Answer::Pushed { generation, .. } => {
                    self.key = generation.to_string();
                    self.outbox.clear();
                }
                _ => self.conflict(&answer),
            }
        }
        let answer = server.dataset.pull(&self.name, &self.key, self.cursor);
        if lost == Lost::Pull {
            return;
        }
        match &answer {
            Answer::Pulled { generation, server_seq, records } => {
                self.key = generation.to_string();
                self.cursor = *server_seq;
                self.take(server.dataset.records(*records));
            }
            _ => self.conflict(&answer),
        }
    }

    fn bootstrap(&mut self, server: &mut Server) {
        let answer = server.dataset.bootstrap();
        let Answer::Bootstrap { generation, snapshot, server_seq, records } = answer else {
            panic!("{answer:?}")
        };
        self.key = generation.to_string();
        self.cursor = server_seq;
        self.apply_snapshot(&snapshot);
        self.take(server.dataset.records(records));
    }

    /// What it does on 409.
    fn conflict(&mut self, answer: &Answer) {
        let Answer::Stale { generation, snapshot, .. } = answer else { panic!("{answer:?}") };
        if **generation != self.key {
            self.key = generation.to_string();
            self.cursor = 0;
            self.outbox.clear();
            self.apply_snapshot(snapshot);
        }
    }

    /// A snapshot that says anything replaces the state, and sends the cursor back.
    fn apply_snapshot(&mut self, token: &[u8]) {
        let text: String = serde_json::from_slice(token).unwrap();
        if !text.is_empty() {
            self.state = serde_json::from_str(&text).unwrap();
            self.cursor = 0;
        }
    }

    fn take(&mut self, records: Vec<String>) {
        for record in records {
            let op: Value = serde_json::from_str(&record).unwrap();
            let (actor, clock) = (op["actor"].as_str().unwrap(), op["clock"].as_u64().unwrap());
            self.clock = self.clock.max(clock);
            self.state.insert((actor.to_owned(), clock));
        }
    }

    fn snapshot(&self) -> String {
        serde_json::to_string(&self.state).unwrap()
    }
}

/// The dataset, and what was taken since its last reset.
struct Server {
    dataset: Dataset,
    taken: State,
    resets: u64,
}

impl Server {
    fn new() -> Self {
        let dataset = Dataset::new(Limits::default());
        Self { dataset, taken: State::new(), resets: 0 }
    }

    fn taken(&mut self, answer: &Answer, ops: &[(String, u64)], key: &str) {
        if matches!(answer, Answer::Pushed { .. }) || key.is_empty() {
            self.taken.extend(ops.iter().cloned());
        }
    }

    fn import(&mut self, state: State) {
        self.resets += 1;
        let snapshot = serde_json::to_string(&state).unwrap();
        let answer = self.dataset.reset(&format!("import {}", self.resets), &snapshot);
        assert!(matches!(answer, Answer::Reset { .. }), "{answer:?}");
        self.taken = state;
    }

    fn checkpoint(&mut self, device: &Device) {
        if device.key.is_empty() {
            return; // it has no generation to make one for
        }
        let answer =
            self.dataset.checkpoint(&device.name, &device.key, device.cursor, &device.snapshot());
        assert!(matches!(answer, Answer::Checkpointed { .. } | Answer::Stale { .. }), "{answer:?}");
    }
}

fn settle(server: &mut Server, devices: &mut [Device]) {
    for _ in 0..4 {
        for device in &mut *devices {
            device.poll(server, Lost::Nothing);
        }
    }
    let mut late = Device::new("late");
    late.poll(server, Lost::Nothing);
    late.poll(server, Lost::Nothing);
    for device in devices.iter().chain([&late]) {
        assert!(device.outbox.is_empty(), "{device:?}");
        assert_eq!(device.state, server.taken, "{}", device.name);
        assert_eq!(device.key, key_of(&server.dataset.bootstrap()));
    }
}

#[test]
fn a_device_born_offline_loses_nothing() {
    for imported in [false, true] {
        let mut server = Server::new();
        let mut online = Device::new("online");
        online.edit();
        if imported {
            server.import([("imported".to_owned(), 1)].into());
        }
        let mut offline = Device::new("offline");
        offline.edit();
        offline.edit();
        offline.poll(&mut server, Lost::Push);
        offline.edit();
        settle(&mut server, &mut [online, offline]);
        assert_eq!(server.taken.len(), 4 + usize::from(imported));
    }
}

#[test]
fn an_import_reaches_a_live_device_and_a_late_one() {
    let mut server = Server::new();
    let mut devices = [Device::new("a"), Device::new("b")];
    for device in &mut devices {
        device.edit();
        device.poll(&mut server, Lost::Nothing);
    }
    server.import([("imported".to_owned(), 1)].into());
    settle(&mut server, &mut devices);
    devices[0].edit();
    settle(&mut server, &mut devices);
    assert_eq!(server.taken.len(), 2);
}

#[test]
fn an_edit_of_a_device_that_lags_behind_a_checkpoint_is_kept() {
    let mut server = Server::new();
    let mut devices = [Device::new("a"), Device::new("b")];
    for device in &mut devices {
        device.edit();
        device.poll(&mut server, Lost::Nothing);
    }
    server.dataset.now += 40 * 24 * 60 * 60 * 1000;
    let [a, b] = &mut devices;
    for _ in 0..3 {
        a.edit();
        a.poll(&mut server, Lost::Nothing);
    }
    server.checkpoint(a);
    assert!(server.dataset.memory.trimmed > 2, "what b lacks is dropped");
    b.edit();
    settle(&mut server, &mut devices);
    assert_eq!(server.taken.len(), 6);
}

#[derive(Clone, Debug)]
enum Act {
    Edit(usize),
    Poll(usize, Lost),
    Import(usize),
    Checkpoint(usize),
    Restart,
    Away,
}

fn act() -> impl Strategy<Value = Act> {
    let device = 0..3_usize;
    let lost = prop_oneof![4 => Just(Lost::Nothing), 1 => Just(Lost::Push), 1 => Just(Lost::Pull)];
    prop_oneof![
        6 => device.clone().prop_map(Act::Edit),
        8 => (device.clone(), lost).prop_map(|(device, lost)| Act::Poll(device, lost)),
        1 => device.clone().prop_map(Act::Import),
        2 => device.prop_map(Act::Checkpoint),
        1 => Just(Act::Restart),
        1 => Just(Act::Away),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn all_devices_end_alike(acts in prop::collection::vec(act(), 1..80)) {
        let mut server = Server::new();
        let mut devices = ["a", "b", "c"].map(Device::new);
        for act in acts {
            match act {
                Act::Edit(at) => devices[at].edit(),
                Act::Poll(at, lost) => devices[at].poll(&mut server, lost),
                Act::Import(at) => {
                    let mut state = devices[at].state.clone();
                    state.insert(("import".to_owned(), server.resets));
                    server.import(state);
                }
                Act::Checkpoint(at) => server.checkpoint(&devices[at]),
                Act::Restart => server.dataset.restart(),
                Act::Away => server.dataset.now += 20 * 24 * 60 * 60 * 1000,
            }
        }
        settle(&mut server, &mut devices);
    }
}
