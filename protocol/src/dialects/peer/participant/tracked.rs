//! A store that knows whether something of it is not on the device yet. Knows no entry.

use bytes::Bytes;

use crate::dialects::peer::store::{Change, Space, Store, StoreFailed};

/// The store of a participant.
#[derive(Debug)]
pub(super) struct Tracked<S> {
    store: S,
    is_dirty: bool,
}

impl<S: Store> Tracked<S> {
    pub(super) fn new(store: S) -> Self {
        Self { store, is_dirty: false }
    }

    pub(super) fn into_inner(self) -> S {
        self.store
    }
}

impl<S: Store> Store for Tracked<S> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreFailed> {
        self.store.get(space, key)
    }

    fn each(&self, space: Space, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreFailed> {
        self.store.each(space, each)
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<(), StoreFailed> {
        if changes.is_empty() {
            return Ok(());
        }
        self.is_dirty = true;
        self.store.apply(changes)
    }

    /// Only when there is something to sync.
    fn sync(&mut self) -> Result<(), StoreFailed> {
        if self.is_dirty {
            self.store.sync()?;
            self.is_dirty = false;
        }
        Ok(())
    }
}
