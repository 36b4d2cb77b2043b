//! Who asks whom for what is missing, who answers, and whether all came out the same.
//!
//! Machines that are told the time and what came in, and say what is to be sent. They know no key, no
//! store and no table.

pub mod check;
pub mod consistency;
pub mod control;
pub mod election;
pub mod lamport;
mod recent;
pub mod requester;
pub mod time;

pub use self::{
    check::{BadCheck, Check, TableDigest},
    consistency::{Clocks, Consistency, Repair},
    control::{Ack, BadControl, Control, Secret},
    election::{Do, Election, Heard},
    lamport::{Jump, Lamport},
    requester::{Ask, Requester},
    time::{Sample, TimeSync},
};
