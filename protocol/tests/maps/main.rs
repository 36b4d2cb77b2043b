//! The maps dialect, through what it offers to others: timestamps, records, their hashes and bytes, the index,
//! and its rooms over collections in plain memory.

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
mod peer;
mod pulls;
mod range;
mod records;
mod registry;
mod sample;
mod stored;
mod trees;
mod writes;
