//! What can be set in `[oplog]`, and its defaults. Values only.

use std::{path::PathBuf, time::Duration};

use crate::config::Tenants;

/// The oplog dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OplogConfig {
    /// Who has a dataset.
    pub tenants: Tenants,
    /// The largest body of a request, unpacked, in bytes.
    pub body_bytes_max: usize,
    /// Bytes of all bodies that may be in memory at a time.
    pub bodies_bytes_max: usize,
    /// The longest that a pull may wait for news; zero for no waiting.
    pub wait_max: Duration,
    /// Whether `/sync/events` is served.
    pub events: bool,
    /// Whether `POST /sync/checkpoint` is served.
    pub checkpoint: bool,
    /// Whether an operation of an unknown scope is refused.
    pub strict_scopes: bool,
    /// Origins whose pages may call the sync API from elsewhere; `*` alone for all.
    pub cors_origins: Vec<String>,
    /// An app that is served at all other paths.
    pub static_dir: Option<PathBuf>,
    /// Cursors of clients that one dataset remembers.
    pub clients_max: usize,
    /// How long a client's cursor holds the compaction of a checkpoint back.
    pub seen_for: Duration,
    /// Bytes that the operations and the snapshot of one dataset may take; 0 for no bound.
    pub dataset_bytes_max: u64,
    /// Operations that one dataset takes between two resets; 0 for no bound.
    pub dataset_ops_max: u64,
    /// Keys of earlier generations that one dataset remembers; 0 for no bound.
    pub generations_max: u64,
}

impl Default for OplogConfig {
    fn default() -> Self {
        Self {
            tenants: Tenants::None,
            body_bytes_max: 64 << 20,
            bodies_bytes_max: 256 << 20,
            wait_max: Duration::ZERO,
            events: false,
            checkpoint: false,
            strict_scopes: false,
            cors_origins: Vec::new(),
            static_dir: None,
            clients_max: 10_000,
            seen_for: Duration::from_secs(30 * 24 * 60 * 60),
            dataset_bytes_max: 0,
            dataset_ops_max: 0,
            generations_max: 1_000_000,
        }
    }
}
