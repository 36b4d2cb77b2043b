//! What clients were told of a dataset, and whether a server that was started again keeps to it.
//!
//! Knows answers as JSON, and which requests were made; nothing of when the server died.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
};

use serde_json::{Value, json};
use syncline_tests::oplog::{Client, body, ok, op};

/// An operation: who made it, and its clock. Its payload follows from both.
pub(super) type Id = (String, u64);

/// The payload of an operation, sent for the first time.
pub(super) fn payload(id: &Id) -> Value {
    json!({ "by": id.0, "n": id.1, "text": "t".repeat((id.1 * 37 % 700) as usize) })
}

/// What was told of one generation.
#[derive(Clone, Debug, Default)]
struct Generation {
    /// Every operation that was ever sent to it.
    sent: BTreeSet<Id>,
    /// Those that were answered 200.
    kept: BTreeSet<Id>,
    /// The places that were shown.
    places: BTreeMap<u64, Id>,
    /// The highest head that was told.
    head: u64,
}

/// What was told of a dataset.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    generations: HashMap<String, Generation>,
    /// Resets as they were asked for, one after the other: key and snapshot.
    resets: Vec<(String, String)>,
    /// Every reset before this one is over: it has happened, or never will.
    reset: usize,
    /// The keys that were told to be the active one.
    used: BTreeSet<String>,
    told: u64,
}

impl Known {
    /// Operations that were answered 200, of all generations.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// These are about to be sent.
    pub(super) fn send(&mut self, key: &str, ids: &[Id]) {
        self.generations.entry(key.into()).or_default().sent.extend(ids.iter().cloned());
    }

    /// A push of these was answered.
    pub(super) fn pushed(&mut self, key: &str, ids: &[Id], answer: &Value) {
        assert_eq!(answer["datasetGenerationKey"], key);
        self.told += ids.len() as u64;
        self.is_active(key);
        let generation = self.generations.get_mut(key).expect("it was sent to");
        generation.kept.extend(ids.iter().cloned());
        let head = answer["serverSeq"].as_u64().expect("a head");
        assert!(head >= ids.len() as u64, "{head} is not all that was stored");
        generation.head = generation.head.max(head);
    }

    /// Operations behind `since` were shown; whether all up to the head are among them.
    pub(super) fn shown(&mut self, key: &str, since: u64, answer: &Value) {
        assert_eq!(answer["datasetGenerationKey"], key);
        self.is_active(key);
        let generation = self.generations.entry(key.into()).or_default();
        let ops = answer["ops"].as_array().expect("operations");
        for (at, found) in (since + 1..).zip(ops) {
            assert_eq!(found["serverSeq"], at, "no gap and no repetition");
            let actor = found["actor"].as_str().expect("an actor").to_owned();
            let id = (actor, found["clock"].as_u64().expect("a clock"));
            assert_eq!(found["payload"], payload(&id), "the first one counts");
            assert!(generation.sent.contains(&id), "{id:?} was never sent to {key}");
            let before = generation.places.insert(at, id.clone());
            assert!(before.is_none_or(|before| before == id), "place {at} was another's");
        }
        let head = answer["serverSeq"].as_u64().expect("a head");
        assert_eq!(head, since.max(head).min(since + ops.len() as u64), "all up to the head");
        generation.head = generation.head.max(head);
    }

    /// A reset is about to be asked for.
    pub(super) fn reset(&mut self, key: &str, snapshot: &str) {
        self.resets.push((key.into(), snapshot.into()));
    }

    /// The generation of this key was told to be the active one; or was, and another one follows.
    pub(super) fn is_active(&mut self, key: &str) {
        self.used.insert(key.into());
        if let Some(at) = self.resets.iter().position(|(asked, _)| asked == key) {
            self.reset = self.reset.max(at + 1);
        }
    }

    /// Holds a server against it, and learns what that shows.
    pub(super) fn check(&mut self, address: SocketAddr) {
        let mut client = Client::new(address, "checker");
        let now = client.bootstrap();
        let key = now["datasetGenerationKey"].as_str().expect("a key").to_owned();
        match self.resets.iter().position(|(asked, _)| *asked == key) {
            Some(at) => {
                assert!(
                    at + 1 >= self.reset,
                    "reset {} was answered, not {at} is there",
                    self.reset
                );
                assert_eq!(now["snapshot"], *self.resets[at].1);
            }
            None => {
                assert_eq!(self.reset, 0, "a reset was answered");
                let first = self.generations.keys().all(|known| {
                    *known == key || self.resets.iter().any(|(asked, _)| asked == known)
                });
                assert!(first, "the dataset has another first key");
            }
        }
        self.shown(&key, 0, &now);
        let generation = &self.generations[&key];
        let head = now["serverSeq"].as_u64().expect("a head");
        assert!(head >= generation.head, "the head was {}, and is {head}", generation.head);
        let stored: BTreeSet<&Id> = generation.places.values().collect();
        assert_eq!(stored.len() as u64, head, "none is there twice, and none where another was");
        for id in &generation.kept {
            assert!(stored.contains(id), "{id:?} was answered 200");
        }
        assert_eq!(client.bootstrap(), now);
    }

    /// Sends again what is stored, and asks for keys that were used: nothing changes.
    pub(super) fn check_old_ones_are_known(&mut self, address: SocketAddr) {
        let mut client = Client::new(address, "checker");
        let before = client.bootstrap();
        let key = before["datasetGenerationKey"].as_str().expect("a key").to_owned();
        let again: Vec<Value> = self.generations[&key]
            .places
            .values()
            .map(|(actor, clock)| op(actor, *clock, &json!("again")))
            .collect();
        assert_eq!(ok(&client.push(&key, &again))["serverSeq"], before["serverSeq"]);
        for old in &self.used {
            assert_eq!(client.reset(old, "again").status, 409, "{old} was used");
            if *old != key {
                let stale = client.push(old, &again);
                assert_eq!(
                    (stale.status, &body(&stale)["datasetGenerationKey"]),
                    (409, &json!(key))
                );
            }
        }
        assert_eq!(client.bootstrap(), before);
    }
}
