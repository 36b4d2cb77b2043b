//! What an operator can set. Knows names, units and defaults; nothing of files or flags.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// `[http]`
    pub http: HttpConfig,
    /// `[storage]`
    pub storage: StorageConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[relay]`
    pub relay: RelayConfig,
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HttpConfig {
    /// The address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Event loops, one thread each; 0 for one per core.
    pub shards: usize,
}

/// Where the data is and how an acknowledged write is kept.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StorageConfig {
    /// The store's directory, created when absent.
    pub dir: PathBuf,
    /// What an acknowledged write survives.
    pub durability: Durability,
}

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Power loss.
    Device,
    /// A crash of the process.
    Os,
}

/// Bounds on what a peer may send, keep or leave unread.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// The largest message, its fragments joined, in bytes.
    pub message_bytes_max: usize,
    /// Connections of the whole server.
    pub connections_max: usize,
    /// Bytes that may wait for one connection in memory before it is fed from the log.
    pub queue_bytes_max: usize,
    /// A request's head must be whole within this time.
    pub handshake_timeout: Duration,
    /// A session must have joined a room within this time.
    pub join_timeout: Duration,
    /// A connection that says nothing for this long is pinged.
    pub ping_interval: Duration,
    /// A connection that takes no byte of what waits for it for this long is closed.
    pub write_timeout: Duration,
    /// At shutdown connections get this long to take what waits for them.
    pub drain_timeout: Duration,
}

/// The relay dialect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayConfig {
    /// When set, a peer must show this token (`?token=` or `Authorization: Bearer`).
    pub token: Option<String>,
    /// Payload bytes that one discovery key may hold; 0 for no bound.
    pub key_bytes_max: u64,
    /// Changes that one discovery key may hold; 0 for no bound.
    pub key_changes_max: u64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), shards: 0 }
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self { dir: PathBuf::from("syncline-data"), durability: Durability::Device }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            message_bytes_max: 64 << 20,
            connections_max: 100_000,
            queue_bytes_max: 1 << 20,
            handshake_timeout: Duration::from_secs(10),
            join_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(25),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
        }
    }
}
