//! Packets, keys, seals and pieces.

mod epochs;
mod golden;
mod handshakes;
mod keys;
#[cfg(feature = "legacy-cohrtz")]
mod legacy;
mod packets;
mod pieces;
mod pins;
mod samples;
mod seals;
mod streams;
