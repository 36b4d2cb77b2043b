//! The indexes, in memory only: where the records of a log and the keys of a map stand.
//!
//! Know locations; nothing of files, frames or who writes.

pub(crate) mod image;
pub(crate) mod log;
pub(crate) mod map;
pub(crate) mod relocate;
pub(crate) mod table;
pub(crate) mod words;
