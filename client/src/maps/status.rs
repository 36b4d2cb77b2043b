//! What an application can show its user. Knows no task.

use std::time::Duration;

use crate::transport::ConnectionError;

/// Where a client stands. Every number is of keys of the open maps whose newest value the server is
/// not known to keep. It falls with the server's acknowledgements, and with its refusals:
/// [`Event::Rejected`](super::Event::Rejected) tells of a write that it will never keep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// There is a connection, and the server keeps everything that was written to the open maps and
    /// not refused. A server that acknowledges before it writes to its disk may still lose it in a
    /// power cut; then this client brings it again.
    Saved,
    /// There is a connection, and something is on its way.
    Saving {
        /// How many keys.
        pending: usize,
    },
    /// There is no connection. Reads and writes go on; what is written waits in the local store.
    Offline {
        /// How many keys wait.
        pending: usize,
        /// When the next attempt comes, counted from when this was said; `None` while one is made.
        retry_in: Option<Duration>,
        /// Why the last attempt or connection ended; `None` before the first.
        error: Option<ConnectionError>,
    },
    /// The server does not let this client in. No attempt is made before
    /// [`Client::set_token`](super::Client::set_token) or
    /// [`Client::retry_now`](super::Client::retry_now); reads and writes go on as offline.
    Denied {
        /// How many keys wait.
        pending: usize,
        /// What the server said.
        reason: std::sync::Arc<str>,
    },
    /// The client has ended.
    Stopped {
        /// How many keys wait for the next run.
        pending: usize,
    },
}

impl Status {
    /// Keys whose newest value the server is not known to keep.
    #[must_use]
    pub fn pending(&self) -> usize {
        match self {
            Self::Saved => 0,
            Self::Saving { pending }
            | Self::Offline { pending, .. }
            | Self::Denied { pending, .. }
            | Self::Stopped { pending } => *pending,
        }
    }

    /// Whether there is a connection on which the server has let this client in.
    #[must_use]
    pub fn is_online(&self) -> bool {
        matches!(self, Self::Saved | Self::Saving { .. })
    }
}

/// In a word or two, as a status line has it: `saved`, `saving 3`, `offline (3 wait)`.
impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Saved => f.write_str("saved"),
            Self::Saving { pending } => write!(f, "saving {pending}"),
            Self::Offline { pending: 0, .. } => f.write_str("offline"),
            Self::Offline { pending, .. } => write!(f, "offline ({pending} wait)"),
            Self::Denied { reason, .. } => write!(f, "denied: {reason}"),
            Self::Stopped { .. } => f.write_str("stopped"),
        }
    }
}
