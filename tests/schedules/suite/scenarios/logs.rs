//! A log while records are appended and trimmed, under those who read it; and its way from the tail to a
//! file to a map of the file.

use super::{
    engine::{Batch, Log, Seq},
    world::{World, together},
};
use crate::images::Files;

/// What record `seq` holds: a length of its own, so that runs are not uniform.
fn payload(seq: u64) -> Vec<u8> {
    vec![seq as u8; 900 + 16 * seq as usize]
}

/// Appends six records, most of them in groups, which change segments twice, and trims the first three.
fn write(world: &World) {
    let mut next = 1;
    for (count, trim) in [(1, None), (2, Some(2)), (3, Some(4))] {
        let mut batch = Batch::new();
        for _ in 0..count {
            batch.append(&world.log, &payload(next));
            next += 1;
        }
        if let Some(seq) = trim {
            batch.trim(&world.log, Seq(seq));
        }
        world.store.commit(batch).expect("committed").wait().expect("durable");
    }
}

/// What a reader gets are the records, in order, none skipped but those trimmed.
pub(crate) fn read(log: &Log) {
    let mut reader = log.read(Seq(1)..);
    let mut expected = 1;
    for _ in 0..2 {
        for record in reader.by_ref() {
            let record = record.expect("a sound record");
            let is_next = record.seq.0 == expected || expected < log.first_seq().0;
            assert!(is_next, "{} after {expected}", record.seq);
            assert_eq!(record.payload, payload(record.seq.0));
            expected = record.seq.0 + 1;
        }
    }
}

/// A record is what it was, or trimmed, or not there yet.
pub(crate) fn get(log: &Log) {
    for seq in [4, 1, 4] {
        match log.get(Seq(seq)).expect("a sound record") {
            Some(found) => assert_eq!(found, payload(seq)),
            None => assert!(seq == 1 || log.first_seq().0 <= seq, "record {seq} is not trimmed"),
        }
    }
}

pub(crate) fn read_while_written(files: &Files, look: fn(&Log)) {
    let world = World::open(files, |_| {});
    let part = || world.part(move |world| look(&world.log));
    together(vec![world.part(write), part(), part()]);
    let seqs: Vec<u64> = world.log.read(..).map(|record| record.expect("sound").seq.0).collect();
    assert_eq!(seqs, [4, 5, 6]);
    let bytes: usize = (4..=6).map(|seq| payload(seq).len()).sum();
    assert_eq!(world.log.bytes(), bytes as u64);
}
