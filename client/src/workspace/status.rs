//! What an application can show its user. Knows no task.

use std::time::Duration;

use crate::transport::ConnectionError;

/// Where a client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How it stands with the server.
    pub link: Link,
    /// Keys whose newest value is this client's own and not known to be kept by the server.
    pub pending: usize,
}

/// How a client stands with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// A connection is being made, or stands and has not brought the workspace yet.
    Connecting,
    /// The client has what the server has, and gets what changes.
    Synced,
    /// There is no connection. What is set is kept until there is one.
    Offline {
        /// The next attempt comes after this time.
        retry_in: Duration,
        /// Why the last attempt or connection ended.
        error: ConnectionError,
    },
    /// The server does not let this client in: HTTP 401, or a close code from 4000 to 4099. No
    /// attempt is made before [`Client::retry_now`](super::Client::retry_now). What is set is
    /// kept, as offline.
    Denied {
        /// What the server said.
        error: ConnectionError,
    },
    /// The client has ended.
    Stopped,
}
