//! One folder per dialect. A dialect knows [`crate::dialect`] and itself, never a sibling.

pub mod maps;
pub mod oplog;
pub mod peer;
pub mod relay;
pub mod workspace;
