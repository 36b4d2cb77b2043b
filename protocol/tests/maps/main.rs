//! The maps dialect, through what it offers to others: timestamps, records, their hashes and bytes, and the index.

mod any;
mod clocks;
mod cursors;
mod digests;
mod envelopes;
mod golden;
mod grants;
mod index;
mod range;
mod records;
mod stored;
