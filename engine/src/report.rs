//! What opening a store found.
//!
//! Knows figures; nothing of how they came about.

use std::time::Duration;

use crate::survey::damage::{Damage, Torn};

/// What opening found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenReport {
    /// Segments in use.
    pub segments: u64,
    /// Records replayed, of all kinds: with a snapshot those that came after it began, else all that
    /// were ever committed.
    pub records: u64,
    /// The snapshot that it began with.
    pub snapshot: Option<u64>,
    /// Newer snapshots that could not be used, because they are damaged or could not be read. They are
    /// removed.
    pub snapshots_unusable: u64,
    /// Bytes of a torn tail that were cut: what was committed but not durable at a crash.
    pub bytes_cut: u64,
    /// What is damaged; only a store that was opened to read only can have some.
    pub damages: Vec<Damage>,
    /// A torn end that was left as it is; only of a store that was opened to read only.
    pub torn: Option<Torn>,
    /// How long it took.
    pub elapsed: Duration,
}
