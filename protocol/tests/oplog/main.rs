//! The oplog dialect through the traits the server uses, against collections in plain memory.
//!
//! No server, engine, socket or clock here: those paths have their own suites in tests/.

mod batches;
mod checkpoints;
mod clients;
mod cursors;
mod double;
mod generations;
mod golden;
mod limits;
mod model;
mod pieces;
mod requests;
