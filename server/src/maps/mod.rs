//! What the maps dialect needs of this machine: its settings, and a clock that never goes back.
//!
//! Knows no HTTP and no hub.

mod clock;
mod settings;

pub(crate) use self::{
    clock::{InUse, ServerClock},
    settings::settings,
};
