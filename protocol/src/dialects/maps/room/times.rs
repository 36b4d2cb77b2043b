//! What of a map is due when: lives that end, tombstones that leave the tree, tombstones that go.
//!
//! Knows paths and times; nothing of where the records lie.

use std::collections::{BTreeSet, HashMap};

use super::super::{
    digest::Path,
    record::{Kind, RecordRef},
};

/// Of how long a tombstone is kept, the part by which one may arrive after its own timestamp and still
/// count from that: a thirtieth, a day of a month.
pub(super) const LATE_PART: u64 = 30;

/// About how many bytes an entry of an ordered set takes.
const SET_ENTRY_BYTES: usize = 40;
/// About how many bytes an entry of a hashed map takes.
const MAP_ENTRY_BYTES: usize = 48;

/// A time in milliseconds, and the path of the record that is due then.
type Due = (u64, [u8; 16]);

/// What is due when.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Where a life ends.
    ends: BTreeSet<Due>,
    /// Tombstones in the tree, by their own time.
    stones: BTreeSet<Due>,
    /// Tombstones that left it, by the time from which they are kept.
    waiting: BTreeSet<Due>,
    /// Tombstones that arrived long after their own time, and when: they are kept from then, so that
    /// whoever was here since has seen them.
    late: HashMap<[u8; 16], u64>,
}

impl Times {
    /// Whether a tombstone that arrives now is kept from now, and not from its own time.
    pub(super) fn is_late(
        record: &RecordRef<'_>,
        now_ms: u64,
        watermark_ms: u64,
        retention_ms: u64,
    ) -> bool {
        let behind_ms = now_ms.saturating_sub(record.hlc.millis);
        record.kind == Kind::Remove
            && (record.hlc.millis < watermark_ms || behind_ms > retention_ms / LATE_PART)
    }

    /// Takes a record in; a tombstone that is late with the time of its arrival.
    pub(super) fn add(
        &mut self,
        path: Path,
        record: &RecordRef<'_>,
        arrived_ms: Option<u64>,
        watermark_ms: u64,
    ) {
        let key = path.to_key();
        if let Some(end) = record.expires_at() {
            self.ends.insert((end.0, key));
        }
        if record.kind != Kind::Remove {
            return;
        }
        if let Some(arrived_ms) = arrived_ms {
            self.late.insert(key, arrived_ms);
        }
        let own_ms = record.hlc.millis;
        if own_ms < watermark_ms {
            self.waiting.insert((arrived_ms.unwrap_or(own_ms), key));
        } else {
            self.stones.insert((own_ms, key));
        }
    }

    /// Takes a record out. Says whether it was a late tombstone.
    pub(super) fn remove(&mut self, path: Path, record: &RecordRef<'_>, watermark_ms: u64) -> bool {
        let key = path.to_key();
        if let Some(end) = record.expires_at() {
            self.ends.remove(&(end.0, key));
        }
        if record.kind != Kind::Remove {
            return false;
        }
        let own_ms = record.hlc.millis;
        let arrived_ms = self.late.remove(&key);
        if own_ms < watermark_ms {
            self.waiting.remove(&(arrived_ms.unwrap_or(own_ms), key));
        } else {
            self.stones.remove(&(own_ms, key));
        }
        arrived_ms.is_some()
    }

    /// At most so many whose life was over before this moment, taken out.
    pub(super) fn take_ended(&mut self, now_ms: u64, max: usize) -> Vec<Path> {
        take_before(&mut self.ends, now_ms, max).into_iter().map(|(_, path)| path).collect()
    }

    /// At most so many tombstones of before this moment, taken out of the tree's, and in any case all of the
    /// last one's millisecond; and from when each is kept.
    pub(super) fn take_stones(&mut self, before_ms: u64, max: usize) -> Vec<(u64, Path)> {
        let mut taken = take_before(&mut self.stones, before_ms, max);
        if let Some((last_ms, _)) = taken.last().copied() {
            taken.append(&mut take_before(&mut self.stones, last_ms + 1, usize::MAX));
        }
        taken
    }

    /// From when a tombstone is kept that was just taken out of the tree's.
    pub(super) fn kept_from(&self, own_ms: u64, path: Path) -> u64 {
        self.late.get(&path.to_key()).copied().unwrap_or(own_ms)
    }

    /// Lets a tombstone wait that was taken out of the tree's.
    pub(super) fn wait(&mut self, kept_from_ms: u64, path: Path) {
        self.waiting.insert((kept_from_ms, path.to_key()));
    }

    /// At most so many tombstones that waited from before this moment, taken out.
    pub(super) fn take_waiting(&mut self, before_ms: u64, max: usize) -> Vec<Path> {
        take_before(&mut self.waiting, before_ms, max).into_iter().map(|(_, path)| path).collect()
    }

    /// Forgets that a tombstone was late. Says whether it was.
    pub(super) fn forget_late(&mut self, path: Path) -> bool {
        self.late.remove(&path.to_key()).is_some()
    }

    /// Whether something is due: a life that ended before now, or a tombstone of before `kept_ms`.
    pub(super) fn is_due(&self, now_ms: u64, kept_ms: u64) -> bool {
        let is_before = |set: &BTreeSet<Due>, ms| set.first().is_some_and(|(due, _)| *due < ms);
        is_before(&self.ends, now_ms)
            || is_before(&self.stones, kept_ms)
            || is_before(&self.waiting, kept_ms)
    }

    /// About how much memory this takes.
    pub(super) fn memory_bytes(&self) -> usize {
        let entries = self.ends.len() + self.stones.len() + self.waiting.len();
        entries * SET_ENTRY_BYTES + self.late.capacity() * MAP_ENTRY_BYTES
    }
}

fn take_before(set: &mut BTreeSet<Due>, before_ms: u64, max: usize) -> Vec<(u64, Path)> {
    let mut taken = Vec::new();
    while taken.len() < max
        && let Some((ms, key)) = set.first().copied()
        && ms < before_ms
    {
        set.remove(&(ms, key));
        taken.push((ms, Path(u128::from_be_bytes(key))));
    }
    taken
}
