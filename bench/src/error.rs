//! Why a run ended early. Knows nothing of what was measured.

use std::io;

/// Why a run ended early: each says who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options do not go together.
    #[error("{0}")]
    Usage(String),
    /// What the server sent is not what it had to send.
    #[error("violation: {0}")]
    Violation(String),
    /// The server could not be started, reached or observed.
    #[error("server: {0}")]
    Server(String),
    /// The operating system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for Error {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}
