//! A batch's way into the store: encoded by its caller, placed under one lock, released when replaced.
//!
//! Knows frames and indexes; nothing of how the tail reaches the disk.

pub(crate) mod batch;
pub(crate) mod encode;
pub(crate) mod place;
pub(crate) mod placing;
pub(crate) mod release;
pub(crate) mod room;
