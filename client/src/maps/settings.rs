//! What an application can choose about a client, and every bound it lives in.
//! Knows names, units and defaults.

use std::time::Duration;

use super::{clock::WallClock, machine::Rules};

/// What an application can choose, and every bound a client lives in.
///
/// ```
/// # use syncline_client::maps::Settings;
/// let mut settings = Settings::default();
/// settings.pending_keys_max = 100;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where timestamps come from. The clock of the system by default.
    pub wall: WallClock,
    /// How long writes are gathered before they are sent together: 10 ms. One that meets an idle
    /// connection is sent at once.
    pub window: Duration,
    /// Levels of the tree of hashes that are asked for at once when a map is repaired: 2. On a
    /// metered link 1 costs less and takes longer. 1 to 3.
    pub levels_max: u8,
    /// Keys whose newest write may wait for the server: 1,000,000, about 200 bytes of memory each. A
    /// write of another key is refused then.
    pub pending_keys_max: usize,
    /// Maps that may be open at once: 256, as many as a server follows for one connection.
    pub maps_max: usize,
    /// The longest key, in bytes: 1,024, as the server's default.
    pub key_bytes_max: usize,
    /// The largest value, in bytes: 256 KiB, as the server's default.
    pub value_bytes_max: usize,
    /// Events that may wait in a watch that is not read: 4,096. Then they are let go
    /// ([`Event::Lagged`](super::Event::Lagged)).
    pub watch_events_max: usize,
    /// Bytes of keys and values in them: 16 MiB.
    pub watch_bytes_max: usize,
    /// The largest message of the server, in bytes: 16 MiB.
    pub message_bytes_max: usize,
    /// The wait before the first new attempt to connect: 0.5 s. It doubles with each failure, and
    /// any part of it is waited, by chance.
    pub retry_min: Duration,
    /// What that wait does not exceed: 30 s.
    pub retry_max: Duration,
    /// A connection that lasted this long was no failure: 60 s.
    pub stable_after: Duration,
    /// An attempt to connect must succeed within this time: 10 s. The server must let this client
    /// in within as long again.
    pub connect_timeout: Duration,
    /// A server that is silent for this long is pinged, and given up after as long again: 20 s.
    pub idle_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wall: WallClock::system(),
            window: Duration::from_millis(10),
            levels_max: 2,
            pending_keys_max: 1_000_000,
            maps_max: 256,
            key_bytes_max: 1024,
            value_bytes_max: 256 << 10,
            watch_events_max: 4096,
            watch_bytes_max: 16 << 20,
            message_bytes_max: 16 << 20,
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
        }
    }
}

impl Settings {
    /// What the reconciler keeps to.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            window: self.window,
            auth_timeout: self.connect_timeout,
            levels_max: self.levels_max.clamp(1, 3),
            ..Rules::default()
        }
    }
}
