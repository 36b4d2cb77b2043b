//! What an operator can set: names, units and defaults, and how file, environment and flags add up.
//!
//! Parsing is pure; the one place that reads files and the environment is `load`. Nothing here knows
//! the command line's layout or what the server does with a setting.

mod choice;
mod environment;
mod exposure;
mod file;
mod load;
mod nearest;
mod problem;
mod render;
mod resolve;
mod setting;
mod settings;
mod units;

#[cfg(test)]
mod tests;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

pub use choice::{Durability, LogFormat, LogLevel};
pub use exposure::Exposed;
pub use load::{Sources, load};
pub use problem::{Origin, Problem, Problems};
pub use render::{default_file, show, show_json};
pub use resolve::{Given, Loaded};
pub use setting::Setting;
pub use settings::SETTINGS;

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// `[http]`
    pub http: HttpConfig,
    /// `[storage]`
    pub storage: StorageConfig,
    /// `[auth]`
    pub auth: AuthConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[log]`
    pub log: LogConfig,
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
    /// Below it a running server makes backups; a relative path is inside `dir`.
    pub backup_dir: PathBuf,
}

/// Who may do what.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Whether an address that others can reach may be served without a token.
    pub insecure_open: bool,
    /// When set, whoever shows this token may ask `/admin/` for figures and backups.
    pub admin_token: Option<String>,
}

impl fmt::Debug for AuthConfig {
    /// Everything but the token, so that no log of a configuration shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("insecure_open", &self.insecure_open)
            .field("admin_token", &self.admin_token.as_ref().map(|_| "(set)"))
            .finish()
    }
}

/// Bounds on what a peer may send, keep or leave unread.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// The largest message, its fragments joined, in bytes.
    pub message_bytes_max: usize,
    /// Connections of the whole server.
    pub connections_max: usize,
    /// Messages that one connection may send per second; more are read later. 0 for no bound.
    pub messages_per_second_max: u32,
    /// Bytes that may wait for one connection in memory before it is fed from the log.
    pub queue_bytes_max: usize,
    /// Followers of one room that are moved to the shard that owns it; later ones stay on the
    /// shard that accepted them, which then mirrors the room.
    pub followers_moved_max: usize,
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

/// What is logged and how. The library only carries it; the program acts on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogConfig {
    /// The least urgent events that are logged.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}

/// The relay dialect.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayConfig {
    /// When set, a peer must show this token (`?token=` or `Authorization: Bearer`).
    pub token: Option<String>,
    /// Bytes that the stored changes of one discovery key may take, names included; 0 for no bound.
    pub key_bytes_max: u64,
    /// Changes that one discovery key may hold; 0 for no bound.
    pub key_changes_max: u64,
}

impl fmt::Debug for RelayConfig {
    /// Everything but the token, so that no log of a configuration shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayConfig")
            .field("token", &self.token.as_ref().map(|_| "(set)"))
            .field("key_bytes_max", &self.key_bytes_max)
            .field("key_changes_max", &self.key_changes_max)
            .finish()
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), shards: 0 }
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("syncline-data"),
            durability: Durability::Device,
            backup_dir: PathBuf::from("backups"),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            message_bytes_max: 64 << 20,
            connections_max: 100_000,
            messages_per_second_max: 200_000,
            queue_bytes_max: 1 << 20,
            followers_moved_max: 1_024,
            handshake_timeout: Duration::from_secs(10),
            join_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(25),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
        }
    }
}
