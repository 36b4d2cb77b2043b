//! What is wrong with an operation or a request, as its sender is told.
//!
//! Knows the codes of the wire; nothing of how a message is read.

use super::proto::ErrorCode;

/// Why something was not done: the code and the words on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The code.
    pub code: ErrorCode,
    /// A few words for a person.
    pub message: &'static str,
}

impl Fault {
    /// A fault of this code in these words.
    #[must_use]
    pub const fn new(code: ErrorCode, message: &'static str) -> Self {
        Self { code, message }
    }
}
