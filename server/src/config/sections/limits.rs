//! What can be set in `[limits]`, and its defaults. Values only.

use std::time::Duration;

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
