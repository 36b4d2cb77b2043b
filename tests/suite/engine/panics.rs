//! A panic in the middle of the disk, as a bug of the store or of a device's driver would be: whoever
//! waits is told, nobody hangs, and the next opening finds what was acknowledged (E39).

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use syncline_engine::{
    Batch, Error, Seq, Store,
    storage::{File, sim::SimDisk},
};

use crate::world::{
    driver::{open, options},
    manners::{Between, Manner},
};

const THREADS: u64 = 3;

/// Panics at every sync of a file, when so many went well.
#[derive(Debug)]
struct Panics(AtomicU64);

impl Manner for Panics {
    fn sync(&self, _name: &str, file: &Arc<dyn File>) -> io::Result<()> {
        let step = |left: u64| left.checked_sub(1);
        let goes = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).is_ok();
        assert!(goes, "a bug put in on purpose");
        file.sync()
    }
}

/// Appends and waits until that fails, or panics; the last number that was acknowledged.
fn write(store: &Store, thread: u64) -> Seq {
    let mut acknowledged = Seq(0);
    loop {
        // The panic comes out here when it is this thread that syncs for all.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut batch = Batch::new();
            batch.append(&store.log(&format!("log {thread}"))?, &[7; 300]);
            let commit = store.commit(batch)?;
            commit.wait().map(|()| commit.seqs()[0])
        }));
        match outcome {
            Ok(Ok(seq)) => acknowledged = seq,
            Ok(Err(error)) => {
                assert!(matches!(error, Error::Poisoned), "{error}");
                return acknowledged;
            }
            // It came out here, perhaps while the next file was made: then the store goes on.
            Err(_) => return acknowledged,
        }
    }
}

#[test]
fn a_panic_while_syncing_hangs_nobody_and_loses_nothing() {
    for committer_thread in [false, true] {
        for after in 2..40 {
            let disk = SimDisk::new(after);
            let mut options = options();
            options.committer_thread = committer_thread;
            let between = Between::new(&disk, Arc::new(Panics(AtomicU64::new(after))));
            let store = Store::open_on(between, options).expect("opens");
            let acknowledged: Vec<Seq> = thread::scope(|scope| {
                let write = |thread| {
                    scope.spawn({
                        let store = &store;
                        move || write(store, thread)
                    })
                };
                let writers: Vec<_> = (0..THREADS).map(write).collect();
                writers.into_iter().map(|one| one.join().expect("caught")).collect()
            });
            // Closing it syncs, and so panics, unless it is poisoned.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(store)));
            let store = open(&disk.after_power_cut(after)).expect("opens");
            for (acknowledged, thread) in acknowledged.iter().zip(0..) {
                let log = store.log(&format!("log {thread}")).expect("finds");
                assert!(log.next_seq() > *acknowledged, "{after}: acknowledged and lost");
            }
        }
    }
}

/// Where the caller's own thread panics in a snapshot, the store goes on or says that it does not.
#[test]
fn a_panic_in_a_snapshot_is_the_callers_and_loses_nothing() {
    for after in 2..20 {
        let disk = SimDisk::new(after);
        let panics = Arc::new(Panics(AtomicU64::new(u64::MAX)));
        let store =
            Store::open_on(Between::new(&disk, Arc::clone(&panics)), options()).expect("opens");
        let log = store.log("log").expect("creates");
        let mut batch = Batch::new();
        batch.append(&log, b"acknowledged");
        store.commit(batch).expect("commits").wait().expect("durable");
        panics.0.store(after % 3, Ordering::SeqCst);
        let outcome = catch_unwind(AssertUnwindSafe(|| store.snapshot()));
        let next = catch_unwind(AssertUnwindSafe(|| store.snapshot()));
        panics.0.store(u64::MAX, Ordering::SeqCst);
        let is_told = outcome.is_err() || next.is_err() || store.health().is_ok();
        assert!(is_told, "{outcome:?}, {next:?}");
        drop((log, store));
        let store = open(&disk.after_power_cut(after)).expect("opens");
        let log = store.log("log").expect("finds");
        assert_eq!(log.get(Seq(1)).expect("reads").as_deref(), Some(&b"acknowledged"[..]));
    }
}
