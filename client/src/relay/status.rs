//! What an application can show its user. Knows no task.

use std::time::Duration;

use crate::transport::ConnectionError;

/// Where a client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// A connection is being made.
    Connecting,
    /// The server sends what was missed. Changes are sent meanwhile, but not those that it may
    /// have already.
    CatchingUp,
    /// Changes arrive as they are made. On the JSON wire, which does not say when the history
    /// ends, a connection is live at once.
    Live {
        /// Changes of this client that the server has not saved yet.
        unsaved: usize,
    },
    /// There is no connection. Changes are kept in the outbox.
    Offline {
        /// The next attempt comes after this time.
        retry_in: Duration,
        /// Why the last attempt or connection ended.
        error: ConnectionError,
    },
    /// The client has ended.
    Stopped,
}
