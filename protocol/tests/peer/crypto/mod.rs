//! Packets, keys, seals and pieces.

mod epochs;
mod golden;
mod handshakes;
mod keys;
mod legacy;
mod packets;
mod pieces;
mod pins;
mod samples;
mod seals;
mod streams;
