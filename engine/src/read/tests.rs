//! Readers while segments go and their slots are given to others: they find what is there, always.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use tempfile::TempDir;

use crate::{Batch, Durability, Log, Map, Options, Seq, Store};

const KEYS: u64 = 150;
const KEPT: u64 = 200;
const ROUNDS: u64 = 150;

fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let durability = Durability::Os;
    let options = Options { segment_bytes: 8 << 10, durability, ..Options::default() };
    let store = Store::open(dir.path(), options).unwrap();
    (dir, store)
}

fn payload(seq: u64) -> Vec<u8> {
    // Of many lengths, so that some runs have to be walked.
    format!("record {seq} {}", "x".repeat(seq as usize * 7 % 40)).into_bytes()
}

/// Puts every key anew, appends some records and trims as many.
fn round(store: &Store, map: &Map, log: &Log, round: u64) {
    for key in 0..KEYS {
        let mut batch = Batch::new();
        batch.put(map, format!("key {key}").as_bytes(), format!("{key} {round}").as_bytes());
        if key % 3 == 0 {
            batch.append(log, &payload(log.next_seq().0));
        }
        store.commit(batch).unwrap();
    }
    let mut batch = Batch::new();
    batch.trim(log, Seq(log.next_seq().0.saturating_sub(KEPT).max(1)));
    store.commit(batch).unwrap().wait().unwrap();
}

/// Removes the segments that nothing points at, by hand; how many.
fn remove_dead(store: &Store) -> u64 {
    let segments = &store.handle.frames.segments;
    let active = store.handle.core.lock().active.as_ref().map(|active| active.segment.slot);
    let dead = segments.iter().filter(|one| one.live_bytes() == 0 && Some(one.slot) != active);
    let slots: Vec<u16> = dead.filter(|one| one.is_sealed()).map(|one| one.slot).collect();
    for slot in &slots {
        let _nobody_counts = segments.counting.write();
        segments.remove(*slot).unwrap();
    }
    slots.len() as u64
}

fn generation(value: &[u8], key: u64) -> u64 {
    let text = std::str::from_utf8(value).unwrap();
    let (found, round) = text.split_once(' ').unwrap();
    assert_eq!(found.parse(), Ok(key));
    round.parse().unwrap()
}

fn get_keys(map: &Map, done: &AtomicBool) {
    let mut newest = HashMap::new();
    while !done.load(Ordering::Relaxed) {
        for key in 0..KEYS {
            let value = map.get(format!("key {key}").as_bytes()).unwrap().expect("always there");
            let found = generation(&value, key);
            let before = newest.insert(key, found).unwrap_or(0);
            assert!(found >= before, "key {key} went back from {before} to {found}");
            assert!(map.contains(format!("key {key}").as_bytes()).unwrap());
        }
        assert!(map.get(b"never there").unwrap().is_none());
    }
}

fn scan(map: &Map, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let mut seen = HashMap::new();
        for entry in map {
            let (key, value) = entry.unwrap();
            *seen.entry(key).or_insert(0) += 1;
            assert!(std::str::from_utf8(&value).is_ok());
        }
        assert_eq!(seen.len() as u64, KEYS);
        assert!(seen.values().all(|times| *times == 1));
    }
}

fn follow(log: &Log, done: &AtomicBool) {
    let (mut reader, mut last) = (log.read(..), 0);
    while !done.load(Ordering::Relaxed) {
        while let Some(record) = reader.next_ref() {
            let (seq, bytes) = record.unwrap();
            assert!(seq.0 > last, "{seq} behind {last}");
            last = seq.0;
            assert_eq!(bytes, payload(seq.0));
        }
        let seq = log.first_seq();
        if let Some(bytes) = log.get(seq).unwrap() {
            assert_eq!(bytes, payload(seq.0));
        }
        for record in log.read(..) {
            let record = record.unwrap();
            assert_eq!(record.payload, payload(record.seq.0));
        }
    }
}

#[test]
fn readers_find_everything_while_segments_go_and_slots_are_given_again() {
    let (_dir, store) = store();
    let (map, log) = (store.map("map").unwrap(), store.log("log").unwrap());
    round(&store, &map, &log, 0);
    let (done, removed) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let (map, log, done) = (&map, &log, &done);
        let readers = [
            scope.spawn(|| get_keys(map, done)),
            scope.spawn(|| scan(map, done)),
            scope.spawn(|| follow(log, done)),
        ];
        for n in 1..ROUNDS {
            round(&store, map, log, n);
            removed.fetch_add(remove_dead(&store), Ordering::Relaxed);
            if readers.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let highest = store.handle.frames.segments.iter().map(|one| one.slot).max().unwrap();
    assert!(removed.into_inner() > 100 && highest < 60, "slot {highest}");
}

/// What a reader was given stays as it was when its segment goes.
#[test]
fn a_payload_outlives_its_segment() {
    let (_dir, store) = store();
    let (map, log) = (store.map("map").unwrap(), store.log("log").unwrap());
    round(&store, &map, &log, 0);
    let (value, record) = (map.get(b"key 7").unwrap().unwrap(), log.get(Seq(9)).unwrap().unwrap());
    let mut reader = log.read(Seq(1)..);
    assert_eq!(reader.next().unwrap().unwrap().seq, Seq(1));
    for n in 1..20 {
        round(&store, &map, &log, n);
    }
    assert!(remove_dead(&store) > 5);
    assert_eq!((&value[..], &record[..]), (&b"7 0"[..], &payload(9)[..]));
    // The reader goes on with what it had in hand, or with what is kept.
    let next = reader.next().unwrap().unwrap();
    assert!(next.seq > Seq(1) && next.payload[..] == payload(next.seq.0)[..]);
}
