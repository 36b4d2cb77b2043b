//! Many threads on the real disk: sequence numbers stay dense, watermarks only rise, one opener.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use syncline_engine::{Batch, Durability, Error, Options, Position, Seq, Store};

const THREADS: u64 = 6;
const BATCHES: u64 = 150;

fn options(durability: Durability, committer_thread: bool) -> Options {
    let mut options = Options::default();
    options.segment_bytes = 32 << 10;
    options.durability = durability;
    options.committer_thread = committer_thread;
    options
}

fn payload(thread: u64, n: u64) -> Vec<u8> {
    format!("{thread} {n} ").into_bytes().repeat(1 + (n % 40) as usize)
}

/// Each thread has a log of its own and shares one; it waits for most batches and reads its own back.
fn write(store: &Store, thread: u64, shared_seqs: &Mutex<HashSet<Seq>>) {
    let own = store.log(&format!("own/{thread}")).expect("creates");
    let shared = store.log("shared").expect("creates");
    for n in 1..=BATCHES {
        let mut batch = Batch::new();
        batch.append(&own, &payload(thread, n));
        batch.append(&shared, &payload(thread, n));
        let commit = store.commit(batch).expect("commits");
        let [own_seq, shared_seq] = commit.seqs() else { panic!("{:?}", commit.seqs()) };
        assert_eq!(*own_seq, Seq(n));
        assert!(shared_seqs.lock().expect("no panic").insert(*shared_seq), "given twice");
        if n % 4 != 0 {
            commit.wait().expect("durable");
            assert!(store.durable() >= commit.position());
        }
        let found = shared.get(*shared_seq).expect("reads").expect("is there");
        assert_eq!(found, payload(thread, n));
    }
}

/// Reads the shared log again and again while it grows, and watches the watermarks.
fn watch(store: &Store, done: &AtomicBool) {
    let (mut durable, mut appended) = (Position(0), Position(0));
    while !done.load(Ordering::Acquire) {
        let now = store.durable();
        assert!(now >= durable, "durable went back");
        durable = now;
        let now = store.appended();
        assert!(now >= appended && now >= durable, "appended is behind");
        appended = now;
        let Some(log) = store.find_log("shared").expect("finds") else { continue };
        for (record, seq) in log.read(..).zip(1..) {
            assert_eq!(record.expect("reads").seq, Seq(seq));
        }
    }
}

fn run(durability: Durability, committer_thread: bool) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(&dir, options(durability, committer_thread)).expect("opens");
    let (done, seqs, told) =
        (AtomicBool::new(false), Mutex::default(), std::sync::Arc::new(AtomicU64::new(0)));
    let watched = std::sync::Arc::clone(&told);
    store.on_durable(move |position| {
        let position = position.expect("no failure").0;
        assert!(watched.fetch_max(position, Ordering::AcqRel) <= position, "told out of order");
    });
    std::thread::scope(|scope| {
        scope.spawn(|| watch(&store, &done));
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let (store, seqs) = (&store, &seqs);
                    move || write(store, thread, seqs)
                })
            })
            .collect();
        let outcomes: Vec<_> =
            writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Release);
        outcomes.into_iter().for_each(|outcome| outcome.expect("no panic"));
    });
    let end = store.sync().expect("durable");
    assert_eq!(told.load(Ordering::Acquire), end.0, "the last move of the watermark was told");
    assert_eq!(seqs.into_inner().expect("no panic").len() as u64, THREADS * BATCHES);
    store.close().expect("closes");
    check(&Store::open(&dir, options(durability, false)).expect("reopens"));
}

fn check(store: &Store) {
    for thread in 0..THREADS {
        let log = store.find_log(&format!("own/{thread}")).expect("finds").expect("is there");
        let records: Vec<_> = log.read(..).map(|record| record.expect("reads").payload).collect();
        let expected: Vec<_> = (1..=BATCHES).map(|n| payload(thread, n)).collect();
        assert_eq!(records, expected);
    }
    let shared = store.find_log("shared").expect("finds").expect("is there");
    assert_eq!(shared.read(..).count() as u64, THREADS * BATCHES);
    assert_eq!(shared.next_seq(), Seq(THREADS * BATCHES + 1));
}

#[test]
fn whoever_waits_flushes_for_all() {
    run(Durability::Device, false);
}

#[test]
fn a_committer_thread_flushes_for_all() {
    run(Durability::Device, true);
}

#[test]
fn waiting_for_the_page_cache_is_the_same_but_for_the_syncs() {
    run(Durability::Os, false);
}

#[test]
fn a_second_opener_is_refused_and_told_who_is_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(&dir, Options::default()).expect("opens");
    let error = Store::open(&dir, Options::default()).expect_err("locked");
    let Error::Locked { pid } = error else { panic!("{error}") };
    assert_eq!(pid, Some(std::process::id()));
    drop(store);
    Store::open(&dir, Options::default()).expect("the lock went with the store");
}
