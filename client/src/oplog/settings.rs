//! What an application can choose about a client, and every bound it lives in.
//! Knows names, units and defaults.

use std::time::Duration;

use super::machine::{ChunkLimits, OnReplaced, Rules};

/// What an application can choose, and every bound a client lives in.
///
/// ```
/// # use syncline_client::oplog::Settings;
/// let mut settings = Settings::default();
/// settings.poll = std::time::Duration::from_secs(10);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The actor id of a store that has none yet, 1 to 256 bytes; a store keeps its actor for
    /// ever. By default a random one.
    pub actor: Option<String>,
    /// What becomes of unconfirmed operations when another device replaces the dataset.
    /// [`OnReplaced::Drop`] by default, as in the original app.
    pub on_replaced: OnReplaced,
    /// The time between two questions for news: 2 s, as in the original app.
    pub poll: Duration,
    /// How long the server may hold back an answer until there are news, in whole seconds: 0, not
    /// at all. With a server that offers this (`oplog.wait_max`), news come at once. Any other
    /// answers at once and is asked every [`Settings::poll`].
    pub wait: Duration,
    /// Operations that may wait to be confirmed: 100,000. [`Client::record`](super::Client::record)
    /// waits for room.
    pub outbox_ops_max: usize,
    /// Bytes that may wait to be confirmed, beside one operation of any size: 64 MiB. They are in
    /// memory too.
    pub outbox_bytes_max: usize,
    /// Operations that may wait for the application: 100,000. Beyond that the server is not asked
    /// for more.
    pub inbox_ops_max: u64,
    /// Bytes that may wait for the application, beside one answer: 64 MiB. They are in the store
    /// alone.
    pub inbox_bytes_max: u64,
    /// The largest operation of either side, as JSON in bytes: 16 MiB. One from the server above
    /// it stops the client's intake ([`SyncError::TooLarge`](super::SyncError::TooLarge)).
    pub op_bytes_max: usize,
    /// The largest snapshot of either side, as JSON in bytes: 48 MiB. At most what a record of the
    /// store can hold, less 64 KiB.
    pub snapshot_bytes_max: usize,
    /// Operations of one push: 1,000.
    pub push_ops_max: usize,
    /// Bytes of one push, beside one operation of any size: 1 MiB.
    pub push_bytes_max: usize,
    /// Operations of one [`Event::Ops`](super::Event::Ops): 256.
    pub event_ops_max: usize,
    /// Bytes of one [`Event::Ops`](super::Event::Ops), beside one operation of any size: 1 MiB.
    pub event_bytes_max: usize,
    /// Bodies of this many bytes and more are compressed until a server refuses that: 1 KiB.
    pub compress_bytes_min: usize,
    /// An answer must begin, and go on, within this time: 30 s. For a question that waits,
    /// [`Settings::wait`] comes on top.
    pub answer_timeout: Duration,
    /// The wait before a new attempt: 1 s. It doubles with each failure, and up to a fifth is
    /// added at random.
    pub retry_min: Duration,
    /// What that wait does not exceed, before the random part: 30 s. Neither does what a server
    /// asks for (`Retry-After`) exceed ten times this.
    pub retry_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            actor: None,
            on_replaced: OnReplaced::Drop,
            poll: Duration::from_secs(2),
            wait: Duration::ZERO,
            outbox_ops_max: 100_000,
            outbox_bytes_max: 64 << 20,
            inbox_ops_max: 100_000,
            inbox_bytes_max: 64 << 20,
            op_bytes_max: 16 << 20,
            snapshot_bytes_max: 48 << 20,
            push_ops_max: 1000,
            push_bytes_max: 1 << 20,
            event_ops_max: 256,
            event_bytes_max: 1 << 20,
            compress_bytes_min: 1 << 10,
            answer_timeout: Duration::from_secs(30),
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(30),
        }
    }
}

impl Settings {
    pub(super) fn rules(&self) -> Rules {
        Rules {
            on_replaced: self.on_replaced,
            outbox_ops_max: self.outbox_ops_max.max(1),
            outbox_bytes_max: self.outbox_bytes_max.max(1),
            chunk: ChunkLimits { ops_max: self.push_ops_max, bytes_max: self.push_bytes_max },
        }
    }
}
