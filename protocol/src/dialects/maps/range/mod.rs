//! Range reconciliation over an index: negentropy, version 1, both ends.
//!
//! Two replicas tell each other the fingerprints of ranges and split those that differ, until a range
//! is small enough to list its leaves. It must not know records, rooms or the dialect's messages.

mod answer;
mod bad;
mod bound;
mod compare;
mod initiator;
mod items;
mod part;
mod read;
mod write;

pub use answer::{Answered, answer};
pub use bad::BadRange;
pub use initiator::{Initiator, Stepped};

/// The bytes of a message that both ends keep to by default.
pub const RANGE_BYTES: usize = 60_000;

/// No message is bounded closer than this: one range with all that belongs to it must have room.
pub const RANGE_BYTES_MIN: usize = 4096;

/// The version of the protocol: the first byte of each message.
const VERSION: u8 = 0x61;
