//! Sudden death of the real program under load, again and again.

use std::{collections::HashMap, thread};

use syncline_tests::{
    process::Serving,
    relay::{Hello, Message, Peer},
};
use tempfile::TempDir;

use crate::load::{Promised, history, keeps, under_load};

const ROUNDS: u64 = 4;

/// What a bystander saw of one room, by sequence number.
type Seen = HashMap<u64, Vec<u8>>;

#[test]
fn kill_9_under_load_loses_nothing_and_gives_no_number_twice() {
    let dir = TempDir::new().unwrap();
    let mut promised: Vec<Promised> = Vec::new();
    let mut seen: HashMap<String, Seen> = HashMap::new();
    for round in 0..ROUNDS {
        let serving = Serving::start(dir.path(), &[]);
        let address = serving.address();
        let watchers = ["load 0", "load 1"].map(|key| {
            let peer = Peer::binary(address, &Hello::new("b", key));
            thread::spawn(move || (key, watch(peer)))
        });
        // Another moment each time: the death shall not find the store at the same step.
        let (new, _) = under_load(address, round, 100 + 331 * round, || serving.kill());
        promised.extend(new);
        for watcher in watchers {
            let (key, found) = watcher.join().expect("a watcher ends well");
            merge(seen.entry(key.into()).or_default(), &found);
        }

        let serving = Serving::start(dir.path(), &[]);
        let histories: HashMap<_, _> =
            seen.keys().map(|key| (key.clone(), history(serving.address(), key))).collect();
        for (key, known) in &mut seen {
            for (seq, payload) in &*known {
                assert_eq!(histories[key].get(seq), Some(payload), "{key} {seq}: it was seen");
            }
            merge(known, &histories[key]);
        }
        for writer in &promised {
            keeps(&histories[&writer.key], writer);
        }
        serving.kill();
    }
}

/// Everything a bystander gets until the connection ends.
fn watch(mut peer: Peer) -> Seen {
    let mut seen = Seen::new();
    while let Some(message) = peer.try_message() {
        if !matches!(message, Message::CaughtUp(_)) {
            let (seq, payload) = message.into_change();
            assert!(seen.insert(seq, payload).is_none(), "{seq} came twice");
        }
    }
    seen
}

/// Adds what was found: a number that was given to other bytes before is a number used twice.
fn merge(known: &mut Seen, found: &Seen) {
    for (seq, payload) in found {
        let before = known.insert(*seq, payload.clone());
        assert!(before.is_none_or(|b| b == *payload), "{seq} was given twice");
    }
}
