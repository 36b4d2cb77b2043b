//! What is asked of a workspace, and what a caller without a session is answered.
//!
//! Nothing here prints a key or a value.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{
    depth,
    heal::Known,
    op::Op,
    sender::Sender,
    settings::{KEY_BYTES_MAX, VALUE_DEPTH_MAX},
};
use crate::dialect::Refused;

/// Something that a session or a caller asks of a workspace.
#[derive(Debug)]
pub struct Command(pub(super) Ask);

pub(super) enum Ask {
    /// The opening message.
    Open,
    /// Set a key.
    Set { op: Op, known: Known, sender: Arc<Sender> },
    /// Send the key as it is to a peer whose operation is not taken, for this reason.
    Correct { key: Box<str>, why: &'static str, sender: Arc<Sender> },
    /// A caller: the whole state.
    ReadState,
    /// A caller: one key.
    ReadKey { key: Box<str> },
    /// A caller: set a key; without a timestamp now, and in any case.
    PutKey { key: Box<str>, value: Box<RawValue>, timestamp: Option<i64> },
}

impl Command {
    /// The whole state, answered with [`Answer::State`].
    #[must_use]
    pub fn read_state() -> Self {
        Self(Ask::ReadState)
    }

    /// One key, answered with [`Answer::Key`].
    #[must_use]
    pub fn read_key(key: &str) -> Self {
        Self(Ask::ReadKey { key: key.into() })
    }

    /// Sets a key to this JSON, answered with [`Answer::Stored`] or [`Answer::Refused`]. Without a
    /// timestamp it is set now and wins over what is there, whatever its timestamp.
    ///
    /// # Errors
    /// [`NotStorable`].
    pub fn put_key(key: &str, value: &[u8], timestamp: Option<i64>) -> Result<Self, NotStorable> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(NotStorable::Key);
        }
        let value: &RawValue = serde_json::from_slice(value).map_err(|_| NotStorable::NotJson)?;
        if !depth::within(value.get(), VALUE_DEPTH_MAX) {
            return Err(NotStorable::TooDeep);
        }
        Ok(Self(Ask::PutKey { key: key.into(), value: value.to_owned(), timestamp }))
    }
}

/// Why a key cannot be set to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotStorable {
    /// The key is empty or longer than [`KEY_BYTES_MAX`].
    #[error("a key is 1 to 65535 bytes long")]
    Key,
    /// The value is not one JSON value in UTF-8.
    #[error("the value must be JSON")]
    NotJson,
    /// The value nests deeper than [`VALUE_DEPTH_MAX`].
    #[error("the value nests deeper than 120 levels")]
    TooDeep,
}

/// What a caller is answered.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// All keys: `{"data":{…}}` with bare values, in no order.
    State(Bytes),
    /// One key, if it is there.
    Key(Option<Stored>),
    /// The key now has this timestamp.
    Stored {
        /// That of the value it has.
        timestamp: i64,
        /// Whether that is the value just put; a later one stays.
        stored: bool,
    },
    /// The workspace is full.
    Refused(Refused),
}

/// What a key has.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// JSON, byte for byte as it was set.
    pub value: Bytes,
    /// Microseconds since the Unix epoch, as whoever set it says.
    pub timestamp: i64,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Set { op, known, .. } => {
                f.debug_struct("Set").field("op", op).field("known", known).finish_non_exhaustive()
            }
            Self::Correct { why, .. } => f.debug_tuple("Correct").field(why).finish(),
            Self::ReadState => f.write_str("ReadState"),
            Self::ReadKey { .. } => f.write_str("ReadKey"),
            Self::PutKey { timestamp, .. } => f.debug_tuple("PutKey").field(timestamp).finish(),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(body) => f.debug_tuple("State").field(&body.len()).finish(),
            Self::Key(stored) => f.debug_tuple("Key").field(stored).finish(),
            Self::Stored { timestamp, stored } => f
                .debug_struct("Stored")
                .field("timestamp", timestamp)
                .field("stored", stored)
                .finish(),
            Self::Refused(why) => f.debug_tuple("Refused").field(why).finish(),
        }
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("value_bytes", &self.value.len())
            .field("timestamp", &self.timestamp)
            .finish()
    }
}
