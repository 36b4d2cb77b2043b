//! A changeset and its JSON: the payload of a `DATA_CHUNK` (dossier, 1.5).

mod loose;
mod read;
mod set;
mod write;

pub use set::{BadRow, Changes, Kind, Malformed, Meta, ROWS_MAX, Wrong};
