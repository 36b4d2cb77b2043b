//! What an application can choose about a client, and every bound it lives in.
//! Knows names, units and defaults.

use std::time::Duration;

use super::{seal::Form, wire::Framing};

/// What an application can choose, and every bound a client lives in.
///
/// ```
/// # use syncline_client::relay::Settings;
/// let mut settings = Settings::default();
/// settings.outbox_changes_max = 100;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// How messages are written. [`Framing::Binary`] by default.
    pub framing: Framing,
    /// How payloads are sealed. [`Form::Compact`] by default. Both forms are opened.
    pub form: Form,
    /// Whether the server says what it has saved. True by default. The original server does not:
    /// with false, a change counts as saved once it has been written to the connection, and is
    /// lost when the connection breaks before the server has read it.
    pub acks: bool,
    /// The name that others see beside this client's changes, 1 to 256 bytes. By default a new
    /// random one with every start, which tells the server least.
    pub client_id: Option<String>,
    /// Changes that may wait to be saved: 1,024. [`Client::submit`](super::Client::submit) waits
    /// for room.
    pub outbox_changes_max: usize,
    /// Sealed bytes that may wait to be saved: 64 MiB. No change can be larger.
    pub outbox_bytes_max: usize,
    /// Changes that may wait for the application: 256. Beyond that nothing is read from the
    /// server.
    pub queue_changes_max: usize,
    /// Opened bytes that may wait for the application, beside one change of any size: 16 MiB.
    /// At most 512 MiB.
    pub queue_bytes_max: usize,
    /// The largest message of either side, in bytes as written: 64 MiB, as the server's default.
    pub message_bytes_max: usize,
    /// The wait before the first new attempt to connect: 1 s. It doubles with each failure, and
    /// up to a fifth is added at random.
    pub retry_min: Duration,
    /// What that wait does not exceed, before the random part: 30 s.
    pub retry_max: Duration,
    /// A connection that lasted this long was no failure: 5 s.
    pub stable_after: Duration,
    /// An attempt to connect must succeed within this time: 10 s.
    pub connect_timeout: Duration,
    /// A server that is silent for this long is pinged, and given up after as long again: 30 s.
    pub idle_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            framing: Framing::Binary,
            form: Form::Compact,
            acks: true,
            client_id: None,
            outbox_changes_max: 1024,
            outbox_bytes_max: 64 << 20,
            queue_changes_max: 256,
            queue_bytes_max: 16 << 20,
            message_bytes_max: 64 << 20,
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
        }
    }
}
