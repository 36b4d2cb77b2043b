//! What an application can choose about a client, and every bound it lives in.
//! Knows names, units and defaults.

use std::time::Duration;

use super::{clock::Clock, wire::Opening};

/// What an application can choose, and every bound a client lives in.
///
/// ```
/// # use syncline_client::workspace::Settings;
/// let mut settings = Settings::default();
/// settings.pending_keys_max = 100;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// How the server writes the values of its first message: as its setting
    /// `workspace.opening` says. [`Opening::Values`] by default.
    pub opening: Opening,
    /// Where timestamps come from. The clock of the system by default.
    pub clock: Clock,
    /// How long after an operation was sent the client asks whether the server has it: 50 ms.
    /// What is set meanwhile is asked for together.
    pub confirm_after: Duration,
    /// Keys whose newest value may wait for the server: 1,000. [`Client::set`] of another key
    /// waits for room.
    ///
    /// [`Client::set`]: super::Client::set
    pub pending_keys_max: usize,
    /// Bytes of keys and values that may wait for the server: 64 MiB.
    pub pending_bytes_max: usize,
    /// The longest key that can be set, in bytes: 4 KiB, as the server's default.
    pub key_bytes_max: usize,
    /// The largest operation that can be set, in bytes as written: 16 MiB, as the server's
    /// default.
    pub operation_bytes_max: usize,
    /// Bytes of keys and values of a workspace that this client holds in memory: 128 MiB. A larger
    /// workspace is not read. Every key counts 64 bytes more than it is long.
    pub cache_bytes_max: usize,
    /// The largest message of the server, in bytes as written: 256 MiB. Its first message holds
    /// the whole workspace.
    pub message_bytes_max: usize,
    /// The wait before the first new attempt to connect: 1 s. It doubles with each failure, and
    /// up to a fifth is added at random.
    pub retry_min: Duration,
    /// What that wait does not exceed, before the random part: 30 s.
    pub retry_max: Duration,
    /// A connection that lasted this long was no failure: 5 s.
    pub stable_after: Duration,
    /// An attempt to connect must succeed within this time: 10 s. The server's first message must
    /// begin to arrive within as long again.
    pub connect_timeout: Duration,
    /// A server that is silent for this long is pinged, and given up after as long again: 30 s.
    pub idle_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            opening: Opening::Values,
            clock: Clock::system(),
            confirm_after: Duration::from_millis(50),
            pending_keys_max: 1000,
            pending_bytes_max: 64 << 20,
            key_bytes_max: 4 << 10,
            operation_bytes_max: 16 << 20,
            cache_bytes_max: 128 << 20,
            message_bytes_max: 256 << 20,
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
        }
    }
}
