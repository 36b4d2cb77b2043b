//! What a turn changes in the maps of one room, until it is committed.
//!
//! Kept apart from the batch and written to it at the end: so later reads see it, a key that is put
//! often is stored once, and a map may end in the turn that filled it. Knows keys and values only.

use bytes::Bytes;
use hashbrown::HashMap;

/// The changes of a turn, by the number of the map.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    maps: Vec<(u64, Changes)>,
}

/// The changes of one map.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// It has ended: nothing else counts.
    pub(super) dropped: bool,
    /// The newest value of each key that was put; none for a key that was removed.
    pub(super) keys: HashMap<Box<[u8]>, Option<Bytes>>,
}

impl Overlay {
    pub(super) fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// What the turn made of a key; `None` when it has not touched it.
    pub(super) fn get(&self, map: u64, key: &[u8]) -> Option<Option<Bytes>> {
        let changes = self.changes(map)?;
        if changes.dropped {
            return Some(None);
        }
        changes.keys.get(key).cloned()
    }

    /// What the turn made of a map; `None` when it has not touched it.
    pub(super) fn changes(&self, map: u64) -> Option<&Changes> {
        self.maps.iter().find(|(number, _)| *number == map).map(|(_, changes)| changes)
    }

    pub(super) fn put(&mut self, map: u64, key: &[u8], value: &[u8]) {
        self.set(map, key, Some(Bytes::copy_from_slice(value)));
    }

    pub(super) fn remove(&mut self, map: u64, key: &[u8]) {
        self.set(map, key, None);
    }

    /// Ends a map.
    pub(super) fn drop_map(&mut self, map: u64) {
        *self.changes_mut(map) = Changes { dropped: true, keys: HashMap::new() };
    }

    pub(super) fn into_maps(self) -> Vec<(u64, Changes)> {
        self.maps
    }

    fn set(&mut self, map: u64, key: &[u8], value: Option<Bytes>) {
        let changes = self.changes_mut(map);
        debug_assert!(!changes.dropped, "the number of a map that ended is not used again");
        match changes.keys.get_mut(key) {
            Some(before) => *before = value,
            None => {
                changes.keys.insert(key.into(), value);
            }
        }
    }

    fn changes_mut(&mut self, map: u64) -> &mut Changes {
        let place = self.maps.iter().position(|(number, _)| *number == map);
        let place = place.unwrap_or_else(|| {
            self.maps.push((map, Changes::default()));
            self.maps.len() - 1
        });
        &mut self.maps[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_change_of_a_key_counts_and_the_end_of_a_map_counts_most() {
        let mut overlay = Overlay::default();
        assert!(overlay.is_empty());
        overlay.put(0, b"k", b"1");
        overlay.put(0, b"k", b"2");
        assert_eq!(overlay.get(0, b"k"), Some(Some(Bytes::from_static(b"2"))));
        assert_eq!(overlay.get(1, b"k"), None);
        overlay.remove(0, b"k");
        assert_eq!(overlay.get(0, b"k"), Some(None));
        assert_eq!(overlay.get(0, b"other"), None);
        overlay.put(3, b"k", b"3");
        overlay.drop_map(3);
        assert_eq!((overlay.get(3, b"k"), overlay.get(3, b"other")), (Some(None), Some(None)));
        assert!(overlay.changes(3).is_some_and(|changes| changes.keys.is_empty()));
    }
}
