//! What a store that opened in spite of a change to its files must do from then on.

use syncline_engine::{Batch, Maintained, storage::sim::SimDisk};

use crate::contents::{self, Contents};

/// The log that is written to a store that opened.
const OWN: &str = "written after the change";
/// Steps of background work that are tried.
const STEPS_MAX: usize = 20;

/// A store whose checks lie may be taken for damaged at any time, but nothing worse.
pub(crate) fn forged(disk: &SimDisk) {
    for _ in 0..2 {
        let Ok(store) = contents::open(disk) else { return };
        let _ = contents::read(&store, true);
        let Ok(log) = store.log(OWN) else { return };
        let mut batch = Batch::new();
        batch.append(&log, b"after");
        let _ = store.commit(batch).and_then(|commit| commit.wait());
        let _ = store.snapshot();
        // Where checks lie, compaction may never be done: words may point at frames of other keys.
        for _ in 0..STEPS_MAX {
            if !matches!(store.maintain(), Ok(done) if done != Maintained::Idle) {
                break;
            }
        }
        let _ = contents::read(&store, true);
        let _ = store.close();
    }
}

/// A store that was opened once opens again, with the same answers and what was written since.
pub(crate) fn write_and_reopen(disk: &SimDisk, mut before: Contents) {
    let store = contents::open(disk).expect("what opened once opens again");
    assert_eq!(store.report().bytes_cut, 0, "a second opening cuts");
    assert_eq!(contents::read(&store, false), before, "other answers after a second opening");
    let log = store.log(OWN).expect("a new log");
    let mut batch = Batch::new();
    batch.append(&log, b"after");
    store.commit(batch).and_then(|commit| commit.wait()).expect("an open store takes commits");
    store.snapshot().expect("an open store takes snapshots");
    store.close().expect("closed");
    let store = contents::open(disk).expect("what was closed opens again");
    before.logs.insert(OWN.to_owned(), [(1, b"after".to_vec())].into());
    before.next.insert(OWN.to_owned(), 2);
    assert_eq!(contents::read(&store, false), before, "other answers after a commit");
}
