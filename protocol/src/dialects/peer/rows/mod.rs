//! Tables whose rows merge: the last write wins, whatever the order in which writes arrive.
//!
//! Knows no packet, no key and no permission; who may write what is asked of the caller.

mod changes;
mod clock;
mod hlc;
mod node;
mod replica;
mod row;
mod vector;

pub use changes::{BadRow, Changes, Kind, Malformed, Meta, ROWS_MAX, Wrong};
pub use clock::{Clock, DRIFT_MS_MAX, is_ahead};
pub use hlc::{BadHlc, Hlc, MICROS_MAX};
pub use node::{NODE_ID_BYTES_MAX, NodeId};
pub use replica::{
    Answer, Digest, EDITS_MAX, Edit, Merged, PartLimits, Refused, Replica, Settings, TableDigest,
    Unmerged, WRITE_BYTES_MAX, WriteError, Written,
};
pub use row::{Author, BUILT_IN, ROW_ID_BYTES_MAX, Row, TableName, VALUE_BYTES_MAX};
pub use vector::{BadVector, VECTOR_NODES_MAX, VersionVector};
