//! One folder per dialect. A dialect knows [`crate::dialect`] and itself, never a sibling.

pub mod relay;
pub mod workspace;
