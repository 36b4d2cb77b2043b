//! Who waits for a watermark, who sleeps until there is something to flush, and how they are woken.
//!
//! Knows positions and threads; nothing of what moves a watermark.

pub(crate) mod committer;
pub(crate) mod waiters;
