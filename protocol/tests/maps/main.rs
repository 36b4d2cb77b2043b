//! The maps dialect, through what it offers to others.

mod golden;
mod index;
mod range;
