//! A store looked at from outside, without changing it: every byte verified.
//!
//! Works on a store that is closed, open elsewhere, or damaged. Knows what a survey finds; nothing of
//! an open store.

mod verify;

pub use crate::survey::damage::{Damage, Flaw, Lost, Torn};
pub use verify::{VerifyReport, verify, verify_on, verify_with};
