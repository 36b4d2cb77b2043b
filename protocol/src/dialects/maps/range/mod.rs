//! Range reconciliation over an index: negentropy, version 1, both ends.
//!
//! Two replicas tell each other the fingerprints of ranges and split those that differ, until a range
//! is small enough to list its leaves. It must not know records, rooms or the dialect's messages.
//!
//! An item is a counted entry: its time the first half of its path, its id the leaf. Ranges are in the
//! order of time, then id. Any other negentropy end may take part on either side.
//!
//! # How far to split
//!
//! A range that differs alone is split into 160 parts, each of ten or more into 16. The end that asks
//! lists its leaves as soon as all that differs has no more than 256 items, and the end that answers
//! lists only what the other one listed: so it sees what both have, and its records travel with its
//! last answer. Among a million records one or two changes take two round trips and 11 or 18 KB both
//! ways, ten take three and 18 KB, a hundred three and 130 KB; the answering end needs 0.4 ms for ten.
//!
//! # What the ends do with what they learn
//!
//! The end that answers sends the records of [`Answered::lacking`] with the answer, and asks for those
//! of [`Answered::wanted`]. The end that asks takes those records first; then it pushes what
//! [`Stepped::have`] and the wanted leaves name, as far as it still is its current record. It needs
//! [`Stepped::need`] only to know that something is missing still: every leaf there is of a record that
//! came with some answer. A message that was full when not all was said goes on with the next one.
//!
//! # Limits
//!
//! A message is read in place. An answer has its bound of bytes; memory is bounded by the message and
//! that bound, work by a few descents of the index for each range of either.

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
