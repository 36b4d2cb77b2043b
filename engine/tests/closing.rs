//! The end of a session: cut at any of its steps it leaves a store that opens and goes on, and the
//! directory is free only when everything is durable.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::channel,
    },
    thread,
    time::Duration,
};

use syncline_engine::{Batch, Error, Options, Store, storage::sim::SimDisk};

/// Small, so that a few records fill a segment.
const SEGMENT_BYTES: usize = 4 << 10;

fn open(disk: &SimDisk) -> Result<Store, Error> {
    let mut options = Options::default();
    options.segment_bytes = SEGMENT_BYTES as u64;
    // Every second commit writes, without a sync.
    options.tail_bytes_max = 64;
    Store::open_on(Arc::new(disk.clone()), options)
}

fn append(store: &Store, bytes: usize) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.append(&store.log("log")?, &vec![7; bytes]);
    store.commit(batch).map(|_| ())
}

/// Records of a store, which is expected to open.
fn records(disk: &SimDisk, what: &str) -> u64 {
    let store = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    store.log("log").unwrap().read(..).inspect(|record| assert!(record.is_ok())).count() as u64
}

/// A session of one record that is durable, killed when closing has taken this many steps; `None`
/// when it takes fewer.
fn killed_while_closing(bytes: usize, steps: u64) -> Option<SimDisk> {
    let disk = SimDisk::new(bytes as u64);
    let store = open(&disk).unwrap();
    append(&store, bytes).unwrap();
    store.sync().unwrap();
    disk.stop_after(disk.steps() + steps);
    let closed = store.close();
    (closed.is_err() || disk.is_stopped()).then(|| disk.after_kill())
}

/// The mark of the end may be in the page cache only, and the next segment's file without a durable
/// name: neither may be taken for durable by the session that follows.
#[test]
fn a_clean_end_cut_at_any_step_is_no_trap_for_the_next_session() {
    let mut killed = 0;
    // Around half a segment, where the next file is made; every place of the mark in its sector.
    for bytes in (SEGMENT_BYTES / 2 - 560..SEGMENT_BYTES / 2).step_by(16) {
        for (steps, disk) in
            (0..).map_while(|steps| Some((steps, killed_while_closing(bytes, steps)?)))
        {
            killed += 1;
            let what = format!("{bytes} bytes, killed after {steps} steps of closing");
            let store = open(&disk).unwrap();
            for round in 0..4 {
                append(&store, 800).unwrap();
                append(&store, 800).unwrap();
                for cut in 0..16 {
                    let found = records(&disk.after_power_cut(cut), &what);
                    assert!(found > 2 * round, "{what}, cut {cut}, {found} records");
                }
                store.sync().unwrap();
                for cut in 0..8 {
                    let found = records(&disk.after_power_cut(cut), &what);
                    assert_eq!(found, 2 * round + 3, "{what}, cut {cut}");
                }
            }
        }
    }
    assert!(killed > 50, "only {killed} different ends");
}

fn open_dir(path: &Path) -> Result<Store, Error> {
    Store::open(path, Options::default())
}

/// Whoever closes second waits for the first: the lock goes when everything is durable, not before.
#[test]
fn two_who_close_at_once_both_return_when_it_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_dir(dir.path()).unwrap();
    append(&store, 100).unwrap();
    let (entered, has_entered) = channel();
    let (leave, may_leave) = channel::<()>();
    let (entered, may_leave) = (Mutex::new(entered), Mutex::new(may_leave));
    let is_synced = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_synced);
    store.on_durable(move |_| {
        let _ = entered.lock().unwrap().send(());
        // Gives the second one time to be wrong; it is not told to leave while it rightly waits.
        let _ = may_leave.lock().unwrap().recv_timeout(Duration::from_millis(100));
        told.store(true, Ordering::SeqCst);
    });
    let first = store.clone();
    thread::scope(|scope| {
        scope.spawn(move || first.close().unwrap());
        has_entered.recv().unwrap();
        store.close().unwrap();
        assert!(is_synced.load(Ordering::SeqCst), "returned before the data was durable");
        let _ = leave.send(());
        open_dir(dir.path()).unwrap();
    });
}

/// A store whose first close failed does not say at the second that all is well.
#[test]
fn closing_again_does_not_hide_that_closing_failed() {
    use syncline_engine::storage::sim::{Call, Fault};
    let disk = SimDisk::new(1);
    let store = open(&disk).unwrap();
    append(&store, 10).unwrap();
    disk.fail(Fault { call: Call::Sync, after: 0, times: 1, errno: Fault::EIO });
    assert!(matches!(store.clone().close(), Err(Error::Io(_))));
    assert!(matches!(store.close(), Err(Error::Poisoned)));
    assert_eq!(open(&disk).unwrap().log("log").unwrap().len(), 1, "the lock is free");
}
