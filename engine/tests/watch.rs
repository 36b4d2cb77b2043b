//! Who is told how far the store is durable hears of every move, whatever made it, and does no harm.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use syncline_engine::{Batch, Error, Options, Position, Seq, Store, storage::sim::SimDisk};

/// Many files may wait for a sync, but not any number: the oldest is synced though nobody waits.
#[test]
fn a_sync_that_nobody_waited_for_is_told_too() {
    let mut options = Options::default();
    (options.segment_bytes, options.tail_bytes_max) = (4 << 10, 1);
    let store = Store::open_on(Arc::new(SimDisk::new(1)), options).unwrap();
    let log = store.log("log").unwrap();
    let told = Arc::new(AtomicU64::new(store.durable().0));
    let watched = Arc::clone(&told);
    store.on_durable(move |position| watched.store(position.unwrap().0, Ordering::SeqCst));
    let before = store.durable();
    for _ in 0..100 {
        let mut batch = Batch::new();
        batch.append(&log, &[7; 3000]);
        store.commit(batch).unwrap();
        assert_eq!(Position(told.load(Ordering::SeqCst)), store.durable());
    }
    assert!(store.durable() > before, "nothing was synced");
}

#[test]
fn a_watch_that_panics_poisons_and_hangs_nobody() {
    for committer_thread in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.segment_bytes = 16 << 10;
        options.committer_thread = committer_thread;
        let store = Store::open(dir.path(), options).unwrap();
        let log = store.log("log").unwrap();
        let told = Arc::new(AtomicU64::new(0));
        let watched = Arc::clone(&told);
        store.on_durable(|_| panic!("a watch with a bug"));
        store.on_durable(move |news| {
            watched.fetch_add(u64::from(news.is_err()), Ordering::SeqCst);
        });
        // What was synced is durable all the same, and a wait for it may say so.
        let ended = loop {
            let mut batch = Batch::new();
            batch.append(&log, b"x");
            match store.commit(batch) {
                Ok(commit) => drop(catch_unwind(AssertUnwindSafe(|| commit.wait()))),
                Err(error) => break error,
            }
        };
        assert!(matches!(ended, Error::Poisoned));
        assert_eq!(log.get(Seq(1)).unwrap().as_deref(), Some(&b"x"[..]));
        assert!(matches!(store.close(), Err(Error::Poisoned)));
        assert_eq!(told.load(Ordering::SeqCst), 1);
    }
}
