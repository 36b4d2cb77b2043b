//! What a map does by itself: ends lives, and forgets old tombstones.
//!
//! A bounded number of records each time; the rest is due the next time.

use super::{
    super::{digest::Path, record::Record, stored::Stored, window::Changes},
    map::{META, Map, RECORDS, read},
};
use crate::dialect::{Collections, UnixMillis};

/// How many lives one sweep ends, and how many tombstones it takes from the tree and from the store, each.
/// Tombstones of one millisecond leave the tree together, however many; the store they leave bit by bit.
pub(super) const SWEEP_RECORDS_MAX: usize = 2048;

impl Map {
    /// Whether a sweep would do something.
    pub(super) fn is_due(&self, now: UnixMillis) -> bool {
        self.times.is_due(now.0, self.kept_ms(now))
    }

    /// Ends lives and forgets tombstones. A record that cannot be read is left as it is.
    pub(super) fn sweep(&mut self, now: UnixMillis, collections: &mut impl Collections) -> Changes {
        let mut changes = Changes::default();
        self.end_lives(now, collections, &mut changes);
        self.forget(now, collections);
        changes
    }

    fn end_lives(
        &mut self,
        now: UnixMillis,
        collections: &mut impl Collections,
        changes: &mut Changes,
    ) {
        for path in self.times.take_ended(now.0, SWEEP_RECORDS_MAX) {
            let found = read(path, collections).ok().and_then(Stored::decode);
            let ended = found.and_then(|Stored { record, .. }| {
                let tombstone = record.tombstone_of_expiry()?;
                Some((record, tombstone))
            });
            let Some((record, tombstone)) = ended else { continue };
            let (old, new): (&Record, &Record) = (&record, &tombstone);
            self.put(path, &new.as_ref(), Some(&old.as_ref()), now, collections, changes);
        }
    }

    /// Moves the watermark over tombstones that were kept as long as they must be, and removes them. One
    /// that was late leaves the tree with the others and is kept as long from when it came.
    fn forget(&mut self, now: UnixMillis, collections: &mut impl Collections) {
        let before = self.meta;
        let kept_ms = self.kept_ms(now);
        let mut gone = Vec::new();
        for (own_ms, path) in self.times.take_stones(kept_ms, SWEEP_RECORDS_MAX) {
            self.meta.watermark_ms = self.meta.watermark_ms.max(own_ms + 1);
            let kept_from_ms = self.times.kept_from(own_ms, path);
            if kept_from_ms < kept_ms && gone.len() < SWEEP_RECORDS_MAX {
                gone.push(path);
            } else {
                self.times.wait(kept_from_ms, path);
                self.leave_tree(path);
            }
        }
        gone.extend(self.times.take_waiting(kept_ms, SWEEP_RECORDS_MAX));
        for path in gone {
            self.remove(path, collections);
        }
        if self.meta.floor != before.floor {
            let retention_ms = self.settings.limits.tombstone_retention_ms;
            self.lately.note(now.0, before.floor, retention_ms);
        }
        if self.meta != before {
            self.put_meta(collections);
        }
    }

    fn leave_tree(&mut self, path: Path) {
        if let Some(mut entry) = self.index.get(path) {
            entry.counted = false;
            self.index.insert(entry);
            self.views.replace(entry);
        }
    }

    fn remove(&mut self, path: Path, collections: &mut impl Collections) {
        collections.remove(RECORDS, &path.to_key());
        if self.times.forget_late(path) {
            collections.remove(META, &path.to_key());
        }
        if let Some(entry) = self.index.remove(path) {
            self.meta.floor = self.meta.floor.max(entry.seq);
        }
        self.views.remove(path);
    }
}
