//! The maps dialect, through what it offers to others: timestamps, records, their hashes and bytes, the index,
//! its rooms over collections in plain memory, and its sessions before a coordinator in memory.

mod any;
mod clocks;
mod costs;
mod cursors;
mod digests;
mod double;
mod envelopes;
mod forgetting;
mod golden;
mod grants;
mod index;
mod model;
mod peer;
mod pulls;
mod range;
mod records;
mod registry;
mod sample;
mod sessions;
mod stored;
mod trees;
mod writes;
