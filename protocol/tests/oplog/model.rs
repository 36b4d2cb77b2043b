//! The room against a plain model of it: every answer to every question, over restarts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;
use syncline_protocol::dialects::oplog::{Answer, Request};

use crate::double::{Dataset, checkpoint, op_with, pull, push, reset};

type Tuple = (u8, u64);

/// A dataset as somebody would keep it in a notebook.
#[derive(Default)]
struct Model {
    key: String,
    snapshot: String,
    /// All of the generation, the dropped ones too: actor, clock, payload.
    ops: Vec<(u8, u64, u64)>,
    taken: BTreeSet<Tuple>,
    dropped: u64,
    covered: u64,
    /// Keys before a checkpoint of this generation, and what was covered then.
    aliases: BTreeMap<String, u64>,
    /// Every key that was ever active.
    keys: Vec<String>,
    acked: BTreeMap<u8, u64>,
}

/// An answer in plain words.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Bootstrap { key: String, snapshot: String, head: u64, ops: Vec<(u64, u64)> },
    Pulled { key: String, head: u64, ops: Vec<(u64, u64)> },
    Pushed { key: String, head: u64, stored: u64 },
    Reset { key: String, head: u64 },
    Checkpointed { key: String, head: u64, dropped: u64 },
    Stale { key: String, snapshot: String, stored: u64 },
    Exists,
    Beyond,
}

impl Model {
    fn head(&self) -> u64 {
        self.ops.len() as u64
    }

    fn stale(&self, stored: u64) -> Said {
        Said::Stale { key: self.key.clone(), snapshot: self.snapshot.clone(), stored }
    }

    /// Numbers and payloads after a number.
    fn after(&self, after: u64) -> Vec<(u64, u64)> {
        let all = self.ops.iter().zip(1..).map(|((.., payload), seq)| (seq, *payload));
        all.filter(|(seq, _)| *seq > after).collect()
    }

    /// Where 0 begins for who comes with this key, if anywhere.
    fn begin(&self, key: &str) -> Option<u64> {
        if key == self.key { Some(self.covered) } else { self.aliases.get(key).copied() }
    }

    fn activate(&mut self, key: String) {
        self.keys.push(key.clone());
        self.key = key;
    }

    fn bootstrap(&self) -> Said {
        let (key, snapshot) = (self.key.clone(), self.snapshot.clone());
        Said::Bootstrap { key, snapshot, head: self.head(), ops: self.after(self.covered) }
    }

    fn push(&mut self, client: u8, key: &str, ops: &[(u8, u64, u64)]) -> Said {
        if !key.is_empty() && self.begin(key).is_none() {
            return self.stale(0);
        }
        let before = self.head();
        for (actor, clock, payload) in ops {
            if self.taken.insert((*actor, *clock)) {
                self.ops.push((*actor, *clock, *payload));
            }
        }
        self.acked.entry(client).or_default();
        let (head, stored) = (self.head(), self.head() - before);
        if key.is_empty() && !self.snapshot.is_empty() {
            return self.stale(stored);
        }
        let key = if key.is_empty() { self.key.clone() } else { key.to_owned() };
        Said::Pushed { key, head, stored }
    }

    fn pull(&mut self, client: u8, key: &str, since: u64) -> Said {
        let Some(begin) = self.begin(key) else { return self.stale(0) };
        let after = if since == 0 { begin } else { since.min(self.head()) };
        if after < self.dropped {
            return self.stale(0);
        }
        let acked = self.acked.entry(client).or_default();
        *acked = after.max(*acked);
        Said::Pulled { key: self.key.clone(), head: self.head(), ops: self.after(after) }
    }

    fn reset(&mut self, key: &str, snapshot: &str) -> Said {
        if self.keys.iter().any(|known| known == key) {
            return Said::Exists;
        }
        *self = Self {
            keys: std::mem::take(&mut self.keys),
            snapshot: snapshot.to_owned(),
            ..Self::default()
        };
        self.activate(key.to_owned());
        Said::Reset { key: key.to_owned(), head: 0 }
    }

    fn rotate(&mut self, candidate: &str) -> Said {
        self.aliases.clear();
        self.acked.clear();
        self.activate(candidate.to_owned());
        Said::Reset { key: candidate.to_owned(), head: self.head() }
    }

    fn checkpoint(
        &mut self,
        client: u8,
        key: &str,
        covered: u64,
        snapshot: &str,
        candidate: &str,
    ) -> Said {
        if key != self.key {
            return self.stale(0);
        }
        if covered > self.head() {
            return Said::Beyond;
        }
        let mut dropped = 0;
        if covered > self.covered {
            let others = self.acked.iter().filter(|(other, _)| **other != client);
            let held = others.map(|(_, acked)| *acked).min().unwrap_or(covered);
            let until = held.min(covered).max(self.dropped);
            dropped = until - self.dropped;
            self.aliases.insert(self.key.clone(), self.covered);
            (self.dropped, self.covered) = (until, covered);
            self.snapshot = snapshot.to_owned();
            self.activate(candidate.to_owned());
        }
        Said::Checkpointed { key: self.key.clone(), head: self.head(), dropped }
    }
}

/// Which key a client comes with.
#[derive(Clone, Debug)]
enum Key {
    Active,
    Empty,
    Unknown,
    Earlier(prop::sample::Index),
}

#[derive(Clone, Debug)]
enum Act {
    Bootstrap,
    Push(u8, Key, Vec<Tuple>),
    Pull(u8, Key, u64),
    Reset(Key, bool),
    Checkpoint(u8, Key, u64),
    Rotate,
    Restart,
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => Just(Key::Active),
        2 => Just(Key::Empty),
        1 => Just(Key::Unknown),
        3 => any::<prop::sample::Index>().prop_map(Key::Earlier),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let client = 0..3_u8;
    let since = prop_oneof![Just(0), 1..30_u64];
    let ops = prop::collection::vec((0..3_u8, 1..12_u64), 0..6);
    prop_oneof![
        1 => Just(Act::Bootstrap),
        8 => (client.clone(), key(), ops).prop_map(|(c, k, ops)| Act::Push(c, k, ops)),
        8 => (client.clone(), key(), since).prop_map(|(c, k, since)| Act::Pull(c, k, since)),
        1 => (key(), any::<bool>()).prop_map(|(k, empty)| Act::Reset(k, empty)),
        3 => (client, key(), 0..20_u64).prop_map(|(c, k, n)| Act::Checkpoint(c, k, n)),
        1 => Just(Act::Rotate),
        2 => Just(Act::Restart),
    ]
}

/// The dataset, the model, and names for both.
struct World {
    dataset: Dataset,
    model: Model,
    /// Makes keys and payloads that never come twice.
    made: u64,
}

impl World {
    fn fresh(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn key(&mut self, key: &Key) -> String {
        match key {
            Key::Active => self.model.key.clone(),
            Key::Empty => String::new(),
            Key::Unknown => format!("unknown {}", self.fresh()),
            Key::Earlier(index) => self.model.keys[index.index(self.model.keys.len())].clone(),
        }
    }

    /// A key that is not empty.
    fn some_key(&mut self, key: &Key) -> String {
        self.key(if matches!(key, Key::Empty) { &Key::Unknown } else { key })
    }

    /// Does one thing in both, and compares.
    fn act(&mut self, act: &Act) {
        let expected = match act {
            Act::Restart => return self.dataset.restart(),
            Act::Bootstrap => (self.model.bootstrap(), self.dataset.bootstrap()),
            Act::Push(client, key, tuples) => {
                let key = self.key(key);
                let ops: Vec<_> = tuples.iter().map(|(a, c)| (*a, *c, self.fresh())).collect();
                let texts: Vec<_> = ops
                    .iter()
                    .map(|(actor, clock, n)| op_with(&actor.to_string(), *clock, &n.to_string()))
                    .collect();
                let said = self.model.push(*client, &key, &ops);
                (said, self.dataset.answer(push(&client.to_string(), &key, &texts)))
            }
            Act::Pull(client, key, since) => {
                let key = self.key(key);
                let said = self.model.pull(*client, &key, *since);
                (said, self.dataset.answer(pull(&client.to_string(), &key, *since)))
            }
            Act::Reset(key, empty) => {
                let key = self.some_key(key);
                let snapshot = if *empty { String::new() } else { format!("snapshot of {key}") };
                let said = self.model.reset(&key, &snapshot);
                (said, self.dataset.answer(reset(&key, &snapshot)))
            }
            Act::Checkpoint(client, key, covered) => {
                let key = self.some_key(key);
                let name = client.to_string();
                let snapshot = format!("up to {covered}");
                let answer = self.dataset.answer(checkpoint(&name, &key, *covered, &snapshot));
                let made = self.dataset.candidate();
                (self.model.checkpoint(*client, &key, *covered, &snapshot, &made), answer)
            }
            Act::Rotate => {
                let answer = self.dataset.answer(Request::Rotate);
                (self.model.rotate(&self.dataset.candidate()), answer)
            }
        };
        let (expected, answer) = expected;
        assert_eq!(said(&self.dataset, answer), expected);
    }
}

/// An answer in plain words.
fn said(dataset: &Dataset, answer: Answer) -> Said {
    let key = |key: &str| key.to_owned();
    let text = |token: &[u8]| serde_json::from_slice::<String>(token).unwrap();
    let ops = |records| {
        let records = dataset.records(records);
        let pair = |record: &String| {
            let op: Value = serde_json::from_str(record).unwrap();
            (op["serverSeq"].as_u64().unwrap(), op["payload"].as_u64().unwrap())
        };
        records.iter().map(pair).collect()
    };
    match answer {
        Answer::Bootstrap { generation, snapshot, server_seq: head, records } => Said::Bootstrap {
            key: key(&generation),
            snapshot: text(&snapshot),
            head,
            ops: ops(records),
        },
        Answer::Pulled { generation, server_seq: head, records } => {
            Said::Pulled { key: key(&generation), head, ops: ops(records) }
        }
        Answer::Pushed { generation, server_seq: head, stored } => {
            Said::Pushed { key: key(&generation), head, stored }
        }
        Answer::Reset { generation, server_seq: head } => {
            Said::Reset { key: key(&generation), head }
        }
        Answer::Checkpointed { generation, server_seq: head, dropped } => {
            Said::Checkpointed { key: key(&generation), head, dropped }
        }
        Answer::Stale { generation, snapshot, stored } => {
            Said::Stale { key: key(&generation), snapshot: text(&snapshot), stored }
        }
        Answer::GenerationExists => Said::Exists,
        Answer::BeyondHead => Said::Beyond,
        other => panic!("an answer that is new: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_answer_is_that_of_the_model(acts in prop::collection::vec(act(), 1..80)) {
        let (dataset, key) = Dataset::begun();
        let mut model = Model::default();
        model.activate(key);
        let mut world = World { dataset, model, made: 0 };
        for act in &acts {
            world.act(act);
        }
        // Everything once more, of a room that is made anew.
        world.dataset.restart();
        world.act(&Act::Bootstrap);
        let kept = world.model.head() - world.model.dropped;
        prop_assert_eq!(world.dataset.memory.log.len() as u64, kept);
    }
}
