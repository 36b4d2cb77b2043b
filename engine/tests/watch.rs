//! Who is told how far the store is durable hears of every move, whatever made it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use syncline_engine::{Batch, Options, Position, Store, storage::sim::SimDisk};

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
