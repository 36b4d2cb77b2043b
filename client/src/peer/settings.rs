//! What an application can choose about its peers, and every bound they live in.
//! Knows names, units and defaults.

use std::time::Duration;

use syncline_protocol::dialects::peer::participant;

/// What an application can choose about its peers, and every bound they live in.
///
/// ```
/// # use syncline_client::peer::Settings;
/// let mut settings = Settings::default();
/// settings.machine.tables = vec!["tasks".into()];
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The tables of the application, and the bounds of each participant.
    pub machine: participant::Settings,
    /// Whether the packets that the server kept while this peer was away are asked for. The token must
    /// say `hist`; without it none come, and other peers bring the rows.
    pub history: bool,
    /// Rooms that may be open at once: 64.
    pub rooms_max: usize,
    /// Events that may wait in [`Events`](super::Events) that are not read: 4,096. The oldest are let go
    /// then.
    pub events_max: usize,
    /// Bytes of packets that may wait for the network: 32 MiB. Then the connection is made anew, and
    /// the peers compare what they have.
    pub outgoing_bytes_max: usize,
    /// The largest message of the server, in bytes: 1 MiB.
    pub message_bytes_max: usize,
    /// The wait before the first new attempt to connect: 0.5 s. It doubles with each failure, and
    /// any part of it is waited, by chance.
    pub retry_min: Duration,
    /// What that wait does not exceed: 30 s.
    pub retry_max: Duration,
    /// A connection that lasted this long was no failure: 60 s.
    pub stable_after: Duration,
    /// An attempt to connect must succeed within this time, and the server's welcome must come within
    /// as long again: 10 s.
    pub connect_timeout: Duration,
    /// A server that is silent for this long is pinged, and given up after as long again: 20 s.
    pub idle_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            machine: participant::Settings::default(),
            history: true,
            rooms_max: 64,
            events_max: 4096,
            outgoing_bytes_max: 32 << 20,
            message_bytes_max: 1 << 20,
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
        }
    }
}
