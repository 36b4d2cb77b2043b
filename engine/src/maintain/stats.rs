//! What a store tells of itself: where its space is, and what its background work has done.
//!
//! Knows counts; changes nothing of what is counted.

use crate::{error::Error, format::header::is_cold, ids::Position, shared::Shared};

/// Where a store's space is, and what its background work has done since it was opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Segments of history: every batch is placed in them, in order.
    pub history_segments: u64,
    /// Segments that compaction wrote.
    pub cold_segments: u64,
    /// Bytes of all segment files, with what is reserved for batches to come.
    pub segment_bytes: u64,
    /// Bytes of records that are still of use, with their frames' heads.
    pub live_bytes: u64,
    /// Bytes of segments in which nothing is live, and that a snapshot still needs.
    pub waiting_bytes: u64,
    /// Segments that are not compacted because a live record in them is damaged.
    pub damaged_segments: u64,
    /// Snapshots kept: none, one or two.
    pub snapshots: u64,
    /// Bytes of their files.
    pub snapshot_bytes: u64,
    /// The position that the newest snapshot has everything before.
    pub snapshot_position: Option<Position>,
    /// Bytes appended since then, or ever: what an opening has to replay.
    pub since_snapshot_bytes: u64,
    /// Snapshots written.
    pub snapshots_written: u64,
    /// Bytes of their files: what snapshots cost.
    pub snapshot_bytes_written: u64,
    /// Segments rewritten.
    pub segments_rewritten: u64,
    /// Bytes of records that were moved for that: what compaction costs.
    pub bytes_rewritten: u64,
    /// Segments removed.
    pub segments_removed: u64,
    /// Bytes of their files: what compaction has won.
    pub bytes_removed: u64,
    /// Whether the disk was found full and what is free is kept for winning back space.
    pub is_full: bool,
    /// Why a step of the background work failed last.
    pub last_failure: Option<Error>,
}

impl Shared {
    /// See [`crate::Store::stats`].
    pub(crate) fn stats(&self) -> Stats {
        let (counts, last) = self.progress.now();
        let appended = self.appended();
        let mut stats = Stats {
            snapshots: last.snapshots,
            snapshot_bytes: last.snapshot_bytes,
            snapshot_position: last.snapshot_position.map(Position),
            since_snapshot_bytes: appended.saturating_sub(last.snapshot_position.unwrap_or(0)),
            damaged_segments: last.damaged_segments,
            snapshots_written: counts.snapshots_written,
            snapshot_bytes_written: counts.snapshot_bytes_written,
            segments_rewritten: counts.segments_rewritten,
            bytes_rewritten: counts.bytes_rewritten,
            segments_removed: counts.segments_removed,
            bytes_removed: counts.bytes_removed,
            is_full: self.gate.is_shut(),
            last_failure: last.failure,
            ..Stats::default()
        };
        let open = self.core.lock().active.as_ref().map_or(0, |active| active.capacity);
        stats.segment_bytes = open + self.prepared.lock().as_ref().map_or(0, |next| next.capacity);
        for segment in self.frames.segments.iter() {
            let live_bytes = segment.live_bytes();
            stats.live_bytes += live_bytes;
            if is_cold(segment.id()) {
                stats.cold_segments += 1;
            } else {
                stats.history_segments += 1;
            }
            if segment.is_sealed() {
                let file_bytes = segment.file_bytes().unwrap_or(0);
                stats.segment_bytes += file_bytes;
                stats.waiting_bytes += if live_bytes == 0 { file_bytes } else { 0 };
            }
        }
        stats
    }
}
