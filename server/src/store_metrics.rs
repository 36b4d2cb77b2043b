//! What the store tells of its space and its background work, for `/metrics`.
//!
//! Looked at only when somebody asks. Knows the store's figures; nothing of rooms or sessions.

use std::{fmt, sync::Arc};

use metrics::{Counter, Gauge};
use syncline_engine::{Stats, Store};

use crate::metrics::Metrics;

/// The gauges and counters of one store.
pub(crate) struct StoreMetrics {
    store: Store,
    live_bytes: Gauge,
    segment_bytes: Gauge,
    segments: Gauge,
    snapshot_bytes: Gauge,
    replay_bytes: Gauge,
    damaged_segments: Gauge,
    full: Gauge,
    snapshots: Counter,
    rewritten_bytes: Counter,
    removed_bytes: Counter,
}

impl fmt::Debug for StoreMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreMetrics")
    }
}

impl StoreMetrics {
    pub(crate) fn new(store: &Store, metrics: &Arc<Metrics>) -> Self {
        let counter = |name, help| metrics.counter(name, Vec::new(), help);
        Self {
            store: store.clone(),
            live_bytes: metrics.gauge("syncline_store_live_bytes", "Bytes of records in use"),
            segment_bytes: metrics
                .gauge("syncline_store_segment_bytes", "Bytes of the store's segment files"),
            segments: metrics.gauge("syncline_store_segments", "Segment files of the store"),
            snapshot_bytes: metrics
                .gauge("syncline_store_snapshot_bytes", "Bytes of the store's snapshots"),
            replay_bytes: metrics
                .gauge("syncline_store_replay_bytes", "Bytes that a start would replay"),
            damaged_segments: metrics.gauge(
                "syncline_store_damaged_segments",
                "Segments found damaged while rewriting, and left as they are",
            ),
            full: metrics.gauge("syncline_store_full", "Whether the disk is full (1) or not (0)"),
            snapshots: counter("syncline_store_snapshots_total", "Snapshots written"),
            rewritten_bytes: counter(
                "syncline_store_rewritten_bytes_total",
                "Bytes of records that compaction has moved",
            ),
            removed_bytes: counter(
                "syncline_store_removed_bytes_total",
                "Bytes of segment files that compaction has removed",
            ),
        }
    }

    /// Brings them up to date.
    pub(crate) fn refresh(&self) {
        let stats: Stats = self.store.stats();
        self.live_bytes.set(stats.live_bytes as f64);
        self.segment_bytes.set(stats.segment_bytes as f64);
        self.segments.set((stats.history_segments + stats.cold_segments) as f64);
        self.snapshot_bytes.set(stats.snapshot_bytes as f64);
        self.replay_bytes.set(stats.since_snapshot_bytes as f64);
        self.damaged_segments.set(stats.damaged_segments as f64);
        self.full.set(if stats.is_full { 1.0 } else { 0.0 });
        self.snapshots.absolute(stats.snapshots_written);
        self.rewritten_bytes.absolute(stats.bytes_rewritten);
        self.removed_bytes.absolute(stats.bytes_removed);
    }
}
