//! Where a participant keeps what must survive it: a few ordered spaces of keys and values.
//!
//! Each module says what its entries look like; whoever implements the store knows bytes only.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;

/// What an entry is for. Each space has its own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Space {
    /// Rows of the tables.
    Rows,
    /// Own seeds and group keys. Secret.
    Keys,
    /// Which key is whose.
    Pins,
    /// Up to where all is here, by node.
    Frontier,
    /// Invites that were answered.
    Invites,
    /// Marks and counters of the machine.
    Marks,
}

impl Space {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Rows, Self::Keys, Self::Pins, Self::Frontier, Self::Invites, Self::Marks];

    /// Its name in a store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Keys => "keys",
            Self::Pins => "pins",
            Self::Frontier => "frontier",
            Self::Invites => "invites",
            Self::Marks => "marks",
        }
    }
}

/// One change of a store.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub space: Space,
    /// Which entry: at most 1,024 bytes.
    pub key: Vec<u8>,
    /// What it is from now on; `None` when it goes.
    pub value: Option<Vec<u8>>,
}

impl fmt::Debug for Change {
    /// Without the value: it may be a secret key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut change = f.debug_struct("Change");
        change.field("space", &self.space).field("key", &self.key.escape_ascii().to_string());
        change.field("value_bytes", &self.value.as_ref().map(Vec::len)).finish()
    }
}

/// The store failed: what was applied and not yet [synced](Store::sync) may be lost, and nothing more is
/// taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the local store failed: {0}")]
pub struct StoreFailed(pub String);

/// What a participant keeps in one room.
pub trait Store {
    /// An entry, with all that was applied.
    ///
    /// # Errors
    /// [`StoreFailed`].
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreFailed>;

    /// Calls `each` with every entry of a space, in no order.
    ///
    /// # Errors
    /// [`StoreFailed`].
    fn each(&self, space: Space, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreFailed>;

    /// Makes these changes, all or none of them also over a power cut. They are read from now on, and
    /// durable after the next [`Store::sync`].
    ///
    /// # Errors
    /// [`StoreFailed`].
    fn apply(&mut self, changes: Vec<Change>) -> Result<(), StoreFailed>;

    /// Everything that was applied is on the device when this returns.
    ///
    /// # Errors
    /// [`StoreFailed`].
    fn sync(&mut self) -> Result<(), StoreFailed>;
}

/// A store in plain memory, for tests, simulations and rooms of which nothing is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore {
    spaces: BTreeMap<Space, BTreeMap<Vec<u8>, Bytes>>,
    /// What a power cut takes back: each entry as it was at the last sync.
    unsynced: Vec<(Space, Vec<u8>, Option<Bytes>)>,
}

impl MemoryStore {
    /// Takes back what was not synced, as a power cut may.
    pub fn cut_power(&mut self) {
        while let Some((space, key, before)) = self.unsynced.pop() {
            let entries = self.spaces.entry(space).or_default();
            match before {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
    }
}

impl Store for MemoryStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreFailed> {
        Ok(self.spaces.get(&space).and_then(|entries| entries.get(key)).cloned())
    }

    fn each(&self, space: Space, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreFailed> {
        for (key, value) in self.spaces.get(&space).into_iter().flatten() {
            each(key, value);
        }
        Ok(())
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<(), StoreFailed> {
        for Change { space, key, value } in changes {
            let entries = self.spaces.entry(space).or_default();
            let before = match value {
                Some(value) => entries.insert(key.clone(), value.into()),
                None => entries.remove(&key),
            };
            self.unsynced.push((space, key, before));
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreFailed> {
        self.unsynced.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: Option<&str>) -> Change {
        let value = value.map(|value| value.as_bytes().to_vec());
        Change { space: Space::Rows, key: key.as_bytes().to_vec(), value }
    }

    #[test]
    fn a_power_cut_takes_back_what_was_not_synced_and_no_more() {
        let mut store = MemoryStore::default();
        store.apply(vec![put("a", Some("1")), put("b", Some("2"))]).unwrap();
        store.sync().unwrap();
        let synced = store.clone();
        store.apply(vec![put("a", Some("3")), put("b", None), put("c", Some("4"))]).unwrap();
        store.apply(vec![put("a", None), put("a", Some("5"))]).unwrap();
        assert_eq!(store.get(Space::Rows, b"a").unwrap().as_deref(), Some(&b"5"[..]));
        assert_eq!(store.get(Space::Keys, b"a").unwrap(), None);
        store.cut_power();
        for key in [b"a", b"b", b"c"] {
            assert_eq!(store.get(Space::Rows, key), synced.get(Space::Rows, key));
        }
    }

    #[test]
    fn no_value_is_shown() {
        let shown = format!("{:?}", put("name", Some("secret")));
        assert!(shown.contains("Rows") && !shown.contains("115, 101"), "{shown}");
    }
}
