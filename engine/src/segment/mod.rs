//! Segment files of an open store: what is in memory, in the file, mapped; reading a frame of any.
//!
//! Knows bytes and their places; nothing of indexes, of what frames mean, or of who writes.

pub(crate) mod file;
pub(crate) mod frames;
mod recent;
pub(crate) mod segments;
pub(crate) mod tail;
