//! A store looked at from outside, without changing it: every byte verified, and what is whole copied.
//!
//! Works on a store that is closed, open elsewhere, or damaged. Knows what a survey finds, and stores;
//! nothing of their parts.

mod images;
mod salvage;
mod verify;

pub use crate::survey::damage::{Damage, Flaw, Lost, Torn};
pub use salvage::{Part, SalvageReport, salvage, salvage_on};
pub use verify::{VerifyReport, verify, verify_on, verify_with};
