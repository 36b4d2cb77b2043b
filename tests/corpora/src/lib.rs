//! What fuzzing does with one input, for each target: called by the fuzzers of `fuzz/`, and on every
//! change with every input that they have kept.
//!
//! A target panics when something is wrong with the code under it. The format of the store is written
//! down here once more, after docs/format.md, so that nothing is judged by itself.

mod again;
mod batches;
mod contents;
mod frames;
mod golden;
mod input;
mod layout;
mod maps;
mod maps_coordinator;
mod oplog;
mod peer_packets;
mod peer_participant;
mod relay;
mod segments;
mod snapshots;
mod tokens;
mod workspace;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("segments", segments::run),
    ("snapshots", snapshots::run),
    ("batches", batches::run),
    ("relay", relay::run),
    ("frames", frames::run),
    ("tokens", tokens::run),
    ("workspace", workspace::run),
    ("oplog", oplog::run),
    ("maps", maps::run),
    ("coordinator", maps_coordinator::run),
    ("packets", peer_packets::run),
    ("participant", peer_participant::run),
];

/// Does what a target does with an input.
///
/// # Panics
/// When something is wrong, or there is no such target.
pub fn run(target: &str, data: &[u8]) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    run(data);
}
