//! What an application can show its user. Knows no task.

use std::time::Duration;

use super::error::SyncError;

/// Where a client stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Status {
    /// No answer has come yet.
    Connecting,
    /// The server answers; what was missed is on its way.
    CatchingUp {
        /// Operations and resets that the server has not confirmed.
        unsaved: usize,
    },
    /// Everything that the server had when it was last asked is here.
    Live {
        /// Operations and resets that the server has not confirmed.
        unsaved: usize,
    },
    /// Something is wrong. What is recorded is kept.
    Offline {
        /// The next attempt comes after this time.
        retry_in: Duration,
        /// What is wrong.
        error: SyncError,
        /// Operations and resets that the server has not confirmed.
        unsaved: usize,
    },
    /// The server asks for another token. Nothing is tried until
    /// [`Client::retry_now`](super::Client::retry_now).
    Unauthorized {
        /// 401 or 403.
        status: u16,
    },
    /// The client has ended.
    Stopped,
}
