//! The client crate against a real server. Knows the client's public API.

mod board;
mod device;
mod oplog;
mod restart;
mod state;
mod sync;
