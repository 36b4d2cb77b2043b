//! The snapshots that are kept, and what each of them still needs of the segments.
//!
//! Held under one lock by everything that changes the set of a store's files. Knows ids; nothing of
//! files or indexes.

use std::collections::BTreeSet;

use crate::format::{
    header::is_cold,
    listing::{Listed, SnapshotEnd},
    snapshot::SnapshotHeader,
};

/// Snapshots that are kept: when the newest is damaged, there is one more to open with.
pub(crate) const KEPT_MAX: usize = 2;

/// A snapshot that a later opening may begin with.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) id: u64,
    /// It has everything before this position.
    pub(crate) as_of: u64,
    /// Length of its file, in bytes.
    pub(crate) file_bytes: u64,
    /// The segments that there were, by id.
    segments: Vec<Listed>,
    /// Asked for each segment, so that it is worked out once.
    replay_segment: u64,
}

impl Kept {
    pub(crate) fn new(header: &SnapshotHeader, end: SnapshotEnd, file_bytes: u64) -> Self {
        let mut segments = end.segments;
        segments.sort_unstable_by_key(|listed| listed.id);
        let SnapshotHeader { snapshot_id: id, replay, as_of, .. } = *header;
        let history = segments.iter().filter(|listed| !is_cold(listed.id));
        let before = history.filter(|listed| listed.base <= replay).map(|listed| listed.id);
        let replay_segment = before.max().unwrap_or(0);
        Self { id, as_of, file_bytes, segments, replay_segment }
    }

    /// The segments that there were, by id: history, then the cold ones.
    pub(crate) fn segments(&self) -> &[Listed] {
        &self.segments
    }

    /// What it tells of a segment.
    pub(crate) fn listed(&self, id: u64) -> Option<&Listed> {
        let at = self.segments.binary_search_by_key(&id, |listed| listed.id).ok()?;
        self.segments.get(at)
    }

    /// The history segment in which replaying begins: the last one that begins at or before the
    /// position. 0 when no history is listed, which no sound snapshot has.
    pub(crate) fn replay_segment(&self) -> u64 {
        self.replay_segment
    }

    /// Whether opening with it needs the segment.
    pub(crate) fn needs(&self, id: u64) -> bool {
        let is_replayed = !is_cold(id) && id >= self.replay_segment();
        is_replayed || self.listed(id).is_some_and(|listed| listed.is_referenced)
    }
}

/// What is known of the files beside the segments that take frames.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// The snapshots kept, oldest first, at most [`KEPT_MAX`].
    pub(crate) kept: Vec<Kept>,
    /// The id that the next snapshot gets.
    pub(crate) next_snapshot: u64,
    /// The number that the next cold segment gets: never one that was given before.
    pub(crate) next_cold: u64,
    /// Segments that are not rewritten, because a live frame in them is damaged.
    pub(crate) damaged: BTreeSet<u64>,
    /// Segments that rewriting left nothing live in since the newest snapshot was taken.
    pub(crate) emptied: BTreeSet<u64>,
    /// Segments out of use whose files are still there.
    pub(crate) doomed: Vec<u64>,
    /// Whether the reserve is there.
    pub(crate) reserve: Reserve,
}

/// Whether the file that holds space for a full disk is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// Nobody has looked since the store was opened.
    #[default]
    Unknown,
    There,
    None,
}

impl Maintenance {
    /// Whether a segment may go: as many snapshots are kept as there can be, the newest knows it, and
    /// none needs it.
    pub(crate) fn may_remove(&self, id: u64) -> bool {
        let is_known = self.kept.last().is_some_and(|newest| newest.listed(id).is_some());
        self.kept.len() == KEPT_MAX && is_known && self.kept.iter().all(|kept| !kept.needs(id))
    }

    /// Keeps a new snapshot, and those before it that there is room for.
    pub(crate) fn keep(&mut self, newest: Kept) {
        self.next_snapshot = newest.id + 1;
        self.emptied.clear();
        self.kept.push(newest);
        let surplus = self.kept.len().saturating_sub(KEPT_MAX);
        self.kept.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::COLD;

    /// Segments of 100 bytes each: those of `referenced` are pointed into.
    fn kept(id: u64, replay: u64, ids: &[u64], referenced: &[u64]) -> Kept {
        let listed = |id: &u64| Listed {
            id: *id,
            base: if is_cold(*id) { 0 } else { (*id - 1) * 100 },
            live_bytes: 0,
            data_end: 164,
            slot: 0,
            is_referenced: referenced.contains(id),
        };
        let segments = ids.iter().rev().map(listed).collect();
        let end = SnapshotEnd { segments, ..SnapshotEnd::default() };
        let header = SnapshotHeader {
            store_id: 1,
            snapshot_id: id,
            replay,
            as_of: replay,
            next_collection_id: 1,
            end_at: 64,
        };
        Kept::new(&header, end, 0)
    }

    #[test]
    fn a_segment_may_go_when_two_snapshots_do_without_it() {
        let mut files = Maintenance::default();
        let cold = COLD | 1;
        assert!(!files.may_remove(1));
        files.keep(kept(1, 350, &[1, 2, 3, 4], &[2]));
        assert!(!files.may_remove(1), "one snapshot is not enough");
        files.keep(kept(2, 450, &[1, 2, 3, 4, 5, cold], &[3]));
        let may: Vec<u64> = [1, 2, 3, 4, 5, cold, cold + 1]
            .into_iter()
            .filter(|id| files.may_remove(*id))
            .collect();
        assert_eq!(may, [1, cold], "2 and 3 are pointed into, 4 is replayed by the older");
        files.keep(kept(3, 600, &[1, 2, 3, 4, 5, 6], &[3]));
        assert_eq!((files.kept.len(), files.kept[0].id, files.next_snapshot), (2, 2, 4));
        assert!(files.may_remove(2) && files.may_remove(4) && !files.may_remove(5));
        assert!(!files.may_remove(7), "not known to the newest");
    }

    #[test]
    fn replay_begins_in_the_last_segment_that_begins_before() {
        assert_eq!(kept(1, 0, &[1], &[]).replay_segment(), 1);
        assert_eq!(kept(1, 100, &[1], &[]).replay_segment(), 1);
        assert_eq!(kept(1, 100, &[1, 2], &[]).replay_segment(), 2);
        assert_eq!(kept(1, 199, &[1, 2, 3], &[]).replay_segment(), 2);
    }
}
