//! What can go wrong, and who must act. Knows no task.

use std::time::Duration;

use crate::{kept::StateError, task::Stopped};

use super::{machine::Violation, op::OpError, transport::ConnectionError, wire::TooLarge};

/// Why a client does not go on for now. It tries again by itself, except after
/// [`SyncError::Unauthorized`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// There was no whole answer.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The server asks for a token, or for another one.
    #[error("the server does not let this client in (HTTP status {status}); show another token")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
    },
    /// The server answered with a status that tells of no success.
    #[error("the server answered with HTTP status {status}")]
    Refused {
        /// The HTTP status: 404 asks for another URL, 5xx for patience.
        status: u16,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The server broke the protocol, or it is another one.
    #[error("the server broke the protocol: {0}")]
    Violation(&'static str),
    /// The server sent more than the settings allow.
    #[error("the server sent {0} above its limit; raise it in the settings")]
    TooLarge(&'static str),
    /// What came could not be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<Violation> for SyncError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation.0)
    }
}

impl From<TooLarge> for SyncError {
    fn from(what: TooLarge) -> Self {
        Self::TooLarge(what.0)
    }
}

/// Why an operation or a reset was not recorded.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// No server would take it.
    #[error(transparent)]
    Op(#[from] OpError),
    /// The snapshot is larger than the settings allow.
    #[error("the snapshot takes {bytes} bytes, the limit is {bytes_max}")]
    SnapshotTooLarge {
        /// Its length in bytes.
        bytes: usize,
        /// [`Settings::snapshot_bytes_max`](super::Settings).
        bytes_max: usize,
    },
    /// This actor has issued its last clock: open the client under another name.
    #[error("this actor has no clock left")]
    NoClock,
    /// No generation key could be drawn.
    #[error("the operating system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// It could not be made durable. It may be there all the same.
    #[error(transparent)]
    State(#[from] StateError),
    /// The client has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a client did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The URL or the token.
    #[error(transparent)]
    Address(#[from] super::http::AddressError),
    /// [`Settings::actor`](super::Settings).
    #[error(transparent)]
    Actor(#[from] OpError),
    /// No actor id could be drawn.
    #[error("the operating system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// What the last run left could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no tokio runtime here.
    #[error("a client runs on a tokio runtime with time and I/O; start it inside one")]
    NoRuntime,
}
