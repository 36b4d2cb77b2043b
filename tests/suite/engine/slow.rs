//! A device whose syncs do not end: what waits is bounded, in order, and told only when it is there
//! (E40).

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use syncline_engine::{Batch, Error, Options, Position, Seq, Store, storage::sim::SimDisk};

use crate::world::manners::{Between, Slow};

const TAIL_BYTES_MAX: usize = 8 << 10;
const THREADS: u64 = 4;
const BATCHES: u64 = 200;
const PAYLOAD_BYTES: usize = 500;
/// A payload with what its frame adds, with room to spare.
const BATCH_BYTES_MAX: u64 = PAYLOAD_BYTES as u64 + 100;

fn open(disk: &SimDisk, slow: &Arc<Slow>, committer_thread: bool) -> Result<Store, Error> {
    let mut options = Options::default();
    options.segment_bytes = 1 << 20;
    options.tail_bytes_max = TAIL_BYTES_MAX;
    options.committer_thread = committer_thread;
    Store::open_on(Between::new(disk, Arc::clone(slow)), options)
}

/// Commits all its batches and waits for the last; looks at the bound after each.
fn write(store: &Store, most: &Mutex<u64>) -> Result<Seq, Error> {
    let log = store.log("log")?;
    let mut last = None;
    for _ in 0..BATCHES {
        let mut batch = Batch::new();
        batch.append(&log, &[7; PAYLOAD_BYTES]);
        last = Some(store.commit(batch)?);
        // In this order, so that what is written meanwhile makes the difference smaller.
        let appended = store.appended();
        let waiting = appended.0.saturating_sub(store.written().0);
        let mut most = most.lock().expect("no panic");
        *most = waiting.max(*most);
    }
    let last = last.expect("at least one");
    last.wait()?;
    assert!(store.durable() >= last.position());
    Ok(last.seqs()[0])
}

fn run(committer_thread: bool) {
    let (disk, slow) = (SimDisk::new(1), Arc::new(Slow::default()));
    // Making a store takes some syncs.
    slow.let_go(1_000);
    let store = open(&disk, &slow, committer_thread).expect("opens");
    let told = Arc::new(Mutex::new(vec![Position(0)]));
    let hears = Arc::clone(&told);
    store.on_durable(move |position| {
        hears.lock().expect("no panic").push(position.expect("no failure"));
    });
    let (most, is_done) = (Mutex::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| write(&store, &most))).collect();
        // One sync after the other, each only when it is asked for.
        scope.spawn(|| {
            while !is_done.load(Ordering::Acquire) {
                slow.let_go(1);
                thread::yield_now();
            }
        });
        for writer in writers {
            writer.join().expect("no panic").expect("acknowledged");
        }
        is_done.store(true, Ordering::Release);
    });
    let most = most.into_inner().expect("no panic");
    let bound = TAIL_BYTES_MAX as u64 + THREADS * BATCH_BYTES_MAX;
    assert!(most <= bound, "{most} bytes waited, {bound} may");
    let log = store.log("log").expect("finds");
    assert_eq!(log.len(), THREADS * BATCHES);
    let told = told.lock().expect("no panic");
    assert!(told.is_sorted(), "told out of order: {told:?}");
}

#[test]
fn what_waits_for_a_slow_disk_is_bounded_and_told_in_order() {
    run(false);
    run(true);
}

/// As long as the first sync has not ended nobody is told anything, reads go on, and those who commit
/// are held up when the bound is reached.
#[test]
fn nothing_is_acknowledged_while_a_sync_hangs() {
    for committer_thread in [false, true] {
        let (disk, slow) = (SimDisk::new(1), Arc::new(Slow::default()));
        slow.let_go(1);
        let store = open(&disk, &slow, committer_thread).expect("opens");
        let acknowledged = AtomicBool::new(false);
        thread::scope(|scope| {
            let (store, acknowledged) = (&store, &acknowledged);
            let writers: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(move || {
                        let seq = write(store, &Mutex::new(0)).expect("in the end");
                        acknowledged.store(true, Ordering::Release);
                        seq
                    })
                })
                .collect();
            slow.await_sync();
            let log = store.log("log").expect("finds");
            let total = THREADS * BATCHES * BATCH_BYTES_MAX;
            for _ in 0..1_000 {
                assert!(!acknowledged.load(Ordering::Acquire), "acknowledged before the sync");
                assert!(store.durable() < store.appended() || store.appended() == Position(0));
                assert!(store.appended().0 < total / 2, "nobody is held up");
                assert!(log.read(..).all(|record| record.is_ok()));
                thread::yield_now();
            }
            slow.let_go(1 << 40);
            for writer in writers {
                writer.join().expect("no panic");
            }
        });
        assert_eq!(store.log("log").expect("finds").len(), THREADS * BATCHES);
    }
}
