//! The `maps` dialect: maps of opaque values, written offline and merged by the last writer's clock.

mod cursor;
mod digest;
mod fault;
mod hlc;
mod index;
mod permissions;
pub mod proto;
mod record;
mod settings;
mod stored;
mod varint;
pub mod wire;

pub use cursor::{CURSOR_BYTES_MAX, Cursor, CursorFault};
pub use digest::{Leaf, PATH_DIGITS, Path, Prefix, Sum, Totals, fingerprint, hash_of};
pub use fault::Fault;
pub use hlc::{BadTimestamp, Clock, HLC_BYTES_MAX, Hlc, MILLIS_MAX, NODE_ID_BYTES_MAX, NodeId};
pub use index::{Entries, Entry, Index};
pub use permissions::{BadGrants, GRANTS_MAX, Grants, Op};
pub use record::{KEY_BYTES_MAX, Kind, Record, RecordRef};
pub use settings::{
    Ack, CORRELATION_ID_BYTES_MAX, Limits, MAP_NAME_BYTES_MAX, Settings, is_map_name,
};
pub use stored::{Stored, StoredRef};
