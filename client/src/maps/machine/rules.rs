//! What bounds the machine, and its waits. Knows names, units and defaults.

use std::time::Duration;

use syncline_protocol::dialects::maps::{KEY_BYTES_MAX, Limits};

use super::super::replica::Bounds;
use crate::backoff::Backoff;

/// What bounds the machine, and its waits.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// How long writes are gathered before they are sent together.
    pub(crate) window: Duration,
    /// What one push holds at most, if the server takes that much.
    pub(crate) batch: Bounds,
    /// Pushes under way at once.
    pub(crate) in_flight_max: usize,
    /// Other requests under way at once; one map never has more than one.
    pub(crate) requests_max: usize,
    /// A push must be answered within this time, or it is sent again.
    pub(crate) ack_timeout: Duration,
    /// Any other request must be answered within this time.
    pub(crate) request_timeout: Duration,
    /// The server must let us in within this time.
    pub(crate) auth_timeout: Duration,
    /// A server that owes an answer and says nothing for this long is given up.
    pub(crate) silence_max: Duration,
    /// The first wait before something is tried again, before chance shortens it. It doubles.
    pub(crate) retry_min: Duration,
    /// What that wait does not exceed.
    pub(crate) retry_max: Duration,
    /// The longest wait that a server may ask for.
    pub(crate) retry_after_max: Duration,
    /// The first wait of a map that repairs did not make equal. It doubles.
    pub(crate) repair_wait_min: Duration,
    /// What that wait does not exceed; also the wait of a map that may not be read.
    pub(crate) repair_wait_max: Duration,
    /// How long a map rests before it asks whether something changed that it was not told.
    pub(crate) pull_every: Duration,
    /// How long before its end a new token is asked for.
    pub(crate) token_ahead: Duration,
    /// Questions of one repair.
    pub(crate) rounds_max: u32,
    /// Levels of the tree that are asked for at once: 1 on a metered link, more where a round trip
    /// is dear.
    pub(crate) levels_max: u8,
    /// A bucket of more records is asked for its parts, a smaller one for its keys.
    pub(crate) bucket_records_max: u64,
    /// Answers to one request.
    pub(crate) parts_max: u32,
    /// How far ahead of the server's clock a timestamp may be, until the server says otherwise.
    pub(crate) drift_max_ms: u64,
    /// What a message of the server may hold.
    pub(crate) message: Limits,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(10),
            batch: Bounds { ops_max: 1000, bytes_max: 1 << 20 },
            in_flight_max: 8,
            requests_max: 8,
            ack_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            auth_timeout: Duration::from_secs(10),
            silence_max: Duration::from_secs(60),
            retry_min: Duration::from_millis(200),
            retry_max: Duration::from_secs(30),
            retry_after_max: Duration::from_secs(300),
            repair_wait_min: Duration::from_secs(10),
            repair_wait_max: Duration::from_secs(1800),
            pull_every: Duration::from_secs(300),
            token_ahead: Duration::from_secs(60),
            rounds_max: 16,
            levels_max: 2,
            bucket_records_max: 64,
            parts_max: 1 << 16,
            drift_max_ms: 60_000,
            message: from_servers(),
        }
    }
}

impl Rules {
    /// The waits between tries of the same thing.
    pub(super) fn retries(&self) -> Backoff {
        Backoff::with_full_jitter(self.retry_min, self.retry_max, Duration::MAX)
    }

    /// The waits between repairs that bring nothing.
    pub(super) fn repairs(&self) -> Backoff {
        Backoff::new(self.repair_wait_min, self.repair_wait_max, Duration::MAX)
    }
}

/// Servers may be set up for more than ours takes by default.
fn from_servers() -> Limits {
    let bytes = 16 << 20;
    Limits {
        batch_ops_max: 1 << 16,
        batch_bytes_max: bytes,
        frame_bytes_max: bytes,
        value_bytes_max: bytes,
        key_bytes_max: KEY_BYTES_MAX,
        items_max: 1 << 18,
        ..Limits::default()
    }
}
