//! What may be wrong with a message.

use thiserror::Error;

/// A message that is none. The peer has to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadRange {
    /// No byte, or the first is not a version of this protocol.
    #[error("not a message of range reconciliation")]
    Foreign,
    /// The other end answers in a version that is not ours.
    #[error("version {0:#04x} of range reconciliation is not spoken here")]
    Version(u8),
    /// It ends within a range.
    #[error("the message ends within a range")]
    Truncated,
    /// A number has more than 64 bits.
    #[error("a number is too large")]
    Number,
    /// A range is neither skipped nor has it a fingerprint or a list.
    #[error("mode {0} is unknown")]
    Mode(u64),
    /// The bound of a range is longer than an id, or below the one before.
    #[error("the bounds of the ranges do not ascend")]
    Bound,
    /// More ranges differ than this end keeps in mind.
    #[error("too many ranges differ")]
    Many,
}
