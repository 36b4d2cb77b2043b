//! The server's side, against collections in plain memory.

mod closes;
mod controls;
mod double;
mod enters;
mod golden;
mod kept;
mod lobbies;
mod model;
mod notices;
mod operators;
mod packets;
mod replays;
mod restarts;
