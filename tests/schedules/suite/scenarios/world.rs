//! A store on a simulated disk, and what its threads may conclude.

use std::sync::Arc;

use syncline_schedules::thread;

use super::engine::{Batch, Commit, Error, Log, Options, Store, storage::sim::SimDisk};
use crate::images::{self, Files, SEGMENT_BYTES};

/// An open store and its disk.
#[derive(Clone)]
pub(super) struct World {
    pub(super) disk: SimDisk,
    pub(super) store: Store,
    pub(super) log: Log,
}

impl World {
    /// Opens the store of a directory.
    pub(super) fn open(files: &Files, change: impl Fn(&mut Options)) -> Self {
        let disk = SimDisk::with_files(0, files.clone());
        let mut options = Options::default();
        options.segment_bytes = SEGMENT_BYTES;
        change(&mut options);
        let store = Store::open_on(Arc::new(disk.clone()), options).expect("the store opens");
        let log = store.find_log("log").expect("no map").expect("the log is there");
        Self { disk, store, log }
    }

    /// Commits one record.
    pub(super) fn append(&self, payload: &[u8]) -> Result<Commit, Error> {
        let mut batch = Batch::new();
        batch.append(&self.log, payload);
        self.store.commit(batch)
    }

    /// Commits one record and waits for it. When it is acknowledged, the device must hold it at that moment,
    /// with all that were ordered before it.
    pub(super) fn append_durably(&self, payload: &[u8]) -> Result<(), Error> {
        let commit = self.append(payload)?;
        commit.wait()?;
        assert!(self.store.durable() >= commit.position(), "acknowledged behind the watermark");
        self.expect_on_device(payload, commit.seqs()[0].0);
        Ok(())
    }

    /// The record must survive a power cut now.
    pub(super) fn expect_on_device(&self, payload: &[u8], seq: u64) {
        let records = images::records(self.disk.files_on_device());
        let found = records.get(seq as usize - 1).map(Vec::as_slice);
        assert_eq!(found, Some(payload), "record {seq} was acknowledged and is not on the device");
    }
}

/// What one thread does.
pub(super) type Part = Box<dyn FnOnce() + Send>;

/// Runs every part on a thread of its own, to their ends.
pub(super) fn together(parts: Vec<Part>) {
    // All are there before any is waited for; who begins is then as free as who goes on.
    let threads: Vec<_> = parts.into_iter().map(thread::spawn).collect();
    for thread in threads {
        thread.join().expect("a thread that ends");
    }
}

impl World {
    /// A part that has this world.
    pub(super) fn part(&self, part: impl FnOnce(&Self) + Send + 'static) -> Part {
        let world = self.clone();
        Box::new(move || part(&world))
    }
}
