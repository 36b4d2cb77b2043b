//! What the owner of a participant writes, and why it may be refused.
//!
//! Knows no packet.

use crate::dialects::peer::store::StoreFailed;

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The table: 1 to 64 bytes of `[a-z0-9_]`.
    pub table: String,
    /// Which row: 1 to 512 bytes.
    pub id: String,
    /// Its value from now on, usually JSON; `None` deletes it.
    pub value: Option<String>,
}

/// Why a write, or another wish of the owner, was refused. Nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The table is not known here.
    #[error("the table {0:?} is not known here: name it in the settings")]
    UnknownTable(String),
    /// A name or a value is over a limit, or a row of groups and roles is not what it must be.
    #[error("the row cannot be kept: {0}")]
    BadRow(String),
    /// The others would refuse it.
    #[error("this member may not change {table}/{id}")]
    Forbidden {
        /// The table.
        table: String,
        /// The row.
        id: String,
    },
    /// The others would not take it from this member.
    #[error("this member may not do that")]
    NotPermitted,
    /// More edits than one write may have.
    #[error("more edits than one write may have")]
    TooMany,
    /// It has no place in a room of this kind.
    #[error("a room of this kind has no such thing")]
    WrongRoomKind,
    /// Nobody of this name is known.
    #[error("nobody of this name is known")]
    UnknownPeer,
    /// The machine's clock cannot go on: it is too far ahead.
    #[error("the clock is too far ahead of the time of this machine")]
    Clock,
    /// The local store failed.
    #[error(transparent)]
    Store(#[from] StoreFailed),
}

/// Why a participant could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The name of the room is empty, over 128 bytes or has a control character.
    #[error("the name of the room is empty, over 128 bytes or has a control character")]
    BadRoom,
    /// The name of a table is none.
    #[error("{0:?} is no name of a table: 1 to 64 bytes of a-z, 0-9 and _")]
    BadTable(String),
    /// The keys and rows in the store are another identity's.
    #[error("what is stored of the room belongs to another identity: give each a store of its own")]
    OtherIdentity,
    /// The local store failed.
    #[error(transparent)]
    Store(#[from] StoreFailed),
}
