//! The `peer` dialect: end-to-end encrypted sync between the participants of a room.
//!
//! The server routes packets and keeps ciphertext; it holds no key. The participants are machines
//! without I/O that sign, check, seal, merge and repair.

pub mod access;
pub mod chunks;
pub mod id;
pub mod invite;
pub mod keys;
pub mod kind;
pub mod moment;
pub mod now;
pub mod packet;
pub mod participant;
mod proto;
pub mod random;
pub mod relay;
pub mod rows;
pub mod seal;
pub mod store;
pub mod sync;

pub use relay::Peer;
