//! What the maps dialect needs of this machine: its settings, who is let in, and a clock that never goes
//! back.
//!
//! Knows no HTTP and no hub.

mod clock;
mod coordinator;
mod settings;

pub(crate) use self::{coordinator::Coordinator, settings::settings};
