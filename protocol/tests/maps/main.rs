//! The maps dialect, through what it offers to others: timestamps, records, their hashes and bytes, the index,
//! and its rooms over collections in plain memory.

mod any;
mod clocks;
mod costs;
mod cursors;
mod digests;
mod double;
mod envelopes;
mod golden;
mod grants;
mod index;
mod pulls;
mod range;
mod records;
mod sample;
mod stored;
mod writes;
