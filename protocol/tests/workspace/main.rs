//! The workspace dialect through the traits the server uses, against collections in plain memory.
//!
//! No server, engine, socket or clock here: those paths have their own suites in tests/.

mod converge;
mod double;
mod golden;
mod rooms;
mod sessions;
mod wires;
mod world;
