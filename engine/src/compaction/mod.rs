//! Compaction: rewrites what is live of sparse segments, and removes segments that nothing needs.
//!
//! Live frames are copied into a cold segment beside history; only when it is whole and durable do the
//! indexes point into it. A cold segment counts when a snapshot lists it, and a segment goes only when
//! two snapshots do without it: a crash anywhere loses nothing. Knows segments, indexes and files;
//! nothing of who asks for it.

mod cold;
mod copy;
pub(crate) mod moves;
pub(crate) mod plan;
pub(crate) mod remove;
pub(crate) mod rewrite;
pub(crate) mod space;
