//! Drives a store on a simulated disk and keeps the model beside it.

use std::sync::Arc;

use syncline_engine::{Batch, Commit, Error, Options, Seq, Store, storage::sim::SimDisk};

use super::{
    dice::Dice,
    history::History,
    model::{Change, LOGS, LogModel, MAPS, Model, keys},
    observe::{check_counts, observe},
};

/// A store that is open, and what is known of it.
pub(crate) struct Driver {
    pub(crate) disk: SimDisk,
    pub(crate) store: Store,
    pub(crate) history: History,
    /// Commits not yet known to be durable, each with its number in the history.
    pending: Vec<(Commit, usize)>,
    /// Whether a read may have failed: what it should have counted is missing, and the next snapshot
    /// takes that along.
    pub(crate) may_have_failed_to_read: bool,
}

/// Small segments, so that a short run has many; little room in memory, so that much is written
/// without being synced.
pub(crate) fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 4 << 10;
    options.tail_bytes_max = 1 << 10;
    // Little garbage is left, so that there is much to do in a short run.
    options.space_percent_max = 110;
    options.snapshot_bytes = 24 << 10;
    options.reserve_bytes = 0;
    options
}

pub(crate) fn open(disk: &SimDisk) -> Result<Store, Error> {
    Store::open_on(Arc::new(disk.clone()), options())
}

impl Driver {
    /// Opens the store and takes what it holds for given.
    pub(crate) fn start(disk: SimDisk) -> Result<Self, Error> {
        let store = open(&disk)?;
        Self::with_store(disk, store)
    }

    /// As [`Driver::start`], with a store that was opened on this disk.
    pub(crate) fn with_store(disk: SimDisk, store: Store) -> Result<Self, Error> {
        let history = History::new(observe(&store)?);
        Ok(Self { disk, store, history, pending: Vec::new(), may_have_failed_to_read: false })
    }

    /// Commits the changes as one batch; collections that are missing are created before. The
    /// history has it only when the store took it.
    pub(crate) fn commit(&mut self, changes: &[Change]) -> Result<(), Error> {
        let mut batch = Batch::new();
        let mut seqs = Vec::new();
        let mut model = self.history.now().clone();
        for change in changes {
            self.create_for(change, &mut model)?;
        }
        for change in changes {
            if let Change::Append { log, .. } = change {
                seqs.push(Seq(model.log(*log).next()));
            }
            self.add(&mut batch, change)?;
            model.apply(change);
        }
        let commit = self.store.commit(batch)?;
        assert_eq!(commit.seqs(), seqs);
        assert_eq!(commit.position(), self.store.appended());
        self.history.push(model);
        self.pending.push((commit, self.history.commits()));
        Ok(())
    }

    fn create_for(&mut self, change: &Change, model: &mut Model) -> Result<(), Error> {
        match change {
            Change::Append { log, .. } | Change::Trim { log, .. } | Change::DropLog { log } => {
                if model.logs[*log].is_some() {
                    return Ok(());
                }
                self.store.log(LOGS[*log])?;
                model.log(*log);
            }
            Change::Put { map, .. } | Change::Remove { map, .. } | Change::DropMap { map } => {
                if model.maps[*map].is_some() {
                    return Ok(());
                }
                self.store.map(MAPS[*map])?;
                model.map(*map);
            }
        }
        self.history.push(model.clone());
        Ok(())
    }

    fn add(&self, batch: &mut Batch, change: &Change) -> Result<(), Error> {
        let log = |log: &usize| self.store.log(LOGS[*log]);
        let map = |map: &usize| self.store.map(MAPS[*map]);
        match change {
            Change::Append { log: at, payload } => batch.append(&log(at)?, payload),
            Change::Trim { log: at, before } => batch.trim(&log(at)?, Seq(*before)),
            Change::DropLog { log: at } => batch.drop_log(&log(at)?),
            Change::Put { map: at, key, value } => batch.put(&map(at)?, key, value),
            Change::Remove { map: at, key } => batch.remove(&map(at)?, key),
            Change::DropMap { map: at } => batch.drop_map(&map(at)?),
        }
        Ok(())
    }

    /// Waits for the newest commit.
    pub(crate) fn wait(&mut self) -> Result<(), Error> {
        if let Some((commit, commits)) = self.pending.last() {
            commit.wait()?;
            assert!(self.store.durable() >= commit.position());
            self.history.acknowledge(*commits);
            self.pending.clear();
        }
        Ok(())
    }

    /// Makes everything durable, also what was created since the last batch.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        let appended = self.store.appended();
        assert!(self.store.sync()? >= appended);
        self.history.acknowledge(self.history.commits());
        self.pending.clear();
        Ok(())
    }

    /// Writes a snapshot, which makes durable whatever was committed before.
    pub(crate) fn snapshot(&mut self) -> Result<(), Error> {
        let appended = self.store.appended();
        self.store.snapshot()?;
        assert!(self.store.durable() >= appended);
        self.history.acknowledge(self.history.commits());
        self.pending.clear();
        Ok(())
    }

    /// Rewrites and removes all that can be, or takes one step of it.
    pub(crate) fn compact(&mut self, all: bool) -> Result<(), Error> {
        match all {
            true => self.store.compact()?,
            false => drop(self.store.maintain()?),
        }
        self.note_durable();
        Ok(())
    }

    /// Takes note of what became durable without anybody waiting.
    pub(crate) fn note_durable(&mut self) {
        let durable = self.store.durable();
        while let Some((commit, commits)) = self.pending.first() {
            if commit.position() > durable {
                return;
            }
            self.history.acknowledge(*commits);
            drop(self.pending.remove(0));
        }
    }

    /// Whether nothing that was committed waits for the disk.
    pub(crate) fn is_all_durable(&self) -> bool {
        self.store.durable() == self.store.appended()
    }

    /// Reads everything and compares it with the model.
    pub(crate) fn check(&self) {
        let found = observe(&self.store).expect("reading");
        let expected = self.history.now();
        assert!(found == *expected, "{}", super::history::difference(expected, &found));
        self.check_counts();
    }

    fn check_counts(&self) {
        if !self.may_have_failed_to_read {
            check_counts(&self.store, self.history.now());
        }
    }

    /// Closes the store in good order and opens it again.
    pub(crate) fn reopen(self) -> Result<Self, Error> {
        let Self { disk, store, history, may_have_failed_to_read, .. } = self;
        store.close()?;
        let next = Self { may_have_failed_to_read, ..Self::start(disk)? };
        assert_eq!(next.store.report().bytes_cut, 0, "a clean end has nothing to cut");
        assert!(next.history.now() == history.now(), "everything is there after a clean end");
        Ok(next)
    }

    /// Goes on with what a crash left on `disk`, which has to be possible.
    pub(crate) fn recover(self, disk: SimDisk) -> Self {
        let Self { store, history, may_have_failed_to_read, .. } = self;
        drop(store);
        let next = Self::start(disk).expect("opens after a crash");
        let next = Self { may_have_failed_to_read, ..next };
        if let Err(wrong) = history.check(next.history.now()) {
            panic!("{wrong}");
        }
        next.check_counts();
        next
    }
}

/// A batch that can be committed to a store in this state.
pub(crate) fn random_batch(dice: &mut Dice, state: &Model, disk: &SimDisk) -> Vec<Change> {
    let mut changes = Vec::new();
    for _ in 0..1 + dice.below(4) {
        let (log, map) = (dice.below(LOGS.len()), dice.below(MAPS.len()));
        let key = dice.pick(&keys()).clone();
        let change = match dice.below(24) {
            0 => Change::DropLog { log },
            1 => Change::DropMap { map },
            2..=4 => {
                let next = state.logs[log].as_ref().map_or(1, LogModel::next);
                Change::Trim { log, before: 1 + dice.below(next as usize) as u64 }
            }
            5..=9 => Change::Put { map, key, value: random_payload(dice, disk) },
            10 | 11 => Change::Remove { map, key },
            _ => Change::Append { log, payload: random_payload(dice, disk) },
        };
        if changes.iter().all(|earlier| change.goes_with(earlier)) {
            changes.push(change);
        }
    }
    changes
}

/// A payload: most are short, some longer than a sector or a segment, some copies of what lies on
/// the disk, as a hostile client could send them.
fn random_payload(dice: &mut Dice, disk: &SimDisk) -> Vec<u8> {
    let length = match dice.below(16) {
        0 => 0,
        1..=10 => dice.below(60),
        11..=13 => dice.below(700),
        14 => dice.below(5000),
        _ => {
            let files = disk.files();
            let Some(bytes) = files.values().nth(dice.below(files.len().max(1))) else {
                return vec![];
            };
            let start = dice.below(bytes.len().max(1)) / 8 * 8;
            return bytes[start..bytes.len().min(start + 300)].to_vec();
        }
    };
    dice.bytes(length)
}
