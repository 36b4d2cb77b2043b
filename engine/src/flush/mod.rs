//! The tail's way to the disk: turns of the flush role, and the thread that takes them.
//!
//! Knows watermarks; nothing of collections.

mod aside;
pub(crate) mod background;
pub(crate) mod turn;
