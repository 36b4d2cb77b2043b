//! The rows that one participant holds: heads in memory, values in the store.

mod answer;
mod digest;
mod frontier;
mod heads;
mod merge;
mod seen;
mod settings;
mod staged;
mod state;
mod stored;
mod sweep;
mod write;

pub use answer::{Answer, PartLimits};
pub use digest::{Digest, TableDigest};
pub use merge::{Merged, Refused, Unmerged};
pub use settings::Settings;
pub use state::Replica;
pub use write::{EDITS_MAX, Edit, WRITE_BYTES_MAX, WriteError, Written};
