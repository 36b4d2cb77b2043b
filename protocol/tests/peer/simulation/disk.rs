//! A device's disk: what was synced survives a power cut, and of the rest as much as chance leaves.
//! Knows no row.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use syncline_protocol::dialects::peer::store::{Change, MemoryStore, Space, Store, StoreFailed};

#[derive(Debug, Default)]
struct Platter {
    synced: MemoryStore,
    live: MemoryStore,
    /// What was applied and not synced, in its order.
    unsynced: Vec<Vec<Change>>,
    /// After so many changes or syncs the next one fails.
    fails_in: Option<u64>,
}

/// A disk that outlives whoever writes on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Platter>>);

impl Disk {
    /// Power is lost: of what was not synced so many changes are kept, the first ones.
    pub(crate) fn cut_power(&self, kept: usize) {
        let mut platter = self.lock();
        let unsynced = std::mem::take(&mut platter.unsynced);
        for changes in unsynced.into_iter().take(kept) {
            platter.synced.apply(changes).expect("memory");
        }
        platter.synced.sync().expect("memory");
        platter.live = platter.synced.clone();
        platter.fails_in = None;
    }

    /// The process ends and the machine goes on: all that was applied is there.
    pub(super) fn kill(&self) {
        self.cut_power(usize::MAX);
    }

    /// After so many steps one fails.
    pub(super) fn fail_in(&self, steps: u64) {
        self.lock().fails_in = Some(steps);
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl Platter {
    fn step(&mut self) -> Result<(), StoreFailed> {
        match &mut self.fails_in {
            Some(0) => Err(StoreFailed("chance".into())),
            Some(steps) => {
                *steps -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Store for Disk {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreFailed> {
        self.lock().live.get(space, key)
    }

    fn each(&self, space: Space, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreFailed> {
        let live = self.lock().live.clone();
        live.each(space, each)
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<(), StoreFailed> {
        let mut platter = self.lock();
        platter.step()?;
        platter.live.apply(changes.clone())?;
        platter.live.sync()?;
        platter.unsynced.push(changes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreFailed> {
        let mut platter = self.lock();
        platter.step()?;
        let unsynced = std::mem::take(&mut platter.unsynced);
        for changes in unsynced {
            platter.synced.apply(changes)?;
        }
        platter.synced.sync()
    }
}
