//! A seeded disk in memory, with a page cache that a power cut takes away: for tests of this crate and
//! of those who embed it.
//!
//! Knows the seam; nothing of segments, frames or records.

mod chance;
mod content;
mod disk;
mod fate;
mod names;
mod plan;
mod state;
#[cfg(test)]
mod tests;

pub use disk::SimDisk;
pub use plan::{Call, Fault};
pub use state::{Charge, Lie};
