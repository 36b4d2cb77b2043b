//! The sync dialects of Syncline: wire types and pure state machines.
//!
//! Nothing in this crate reads a clock, opens a socket, starts a thread or knows the storage
//! engine. Time, randomness and identifiers come in as arguments; records and effects go out.
#![forbid(unsafe_code)]

pub mod dialect;
pub mod dialects;
pub mod set_hash;
