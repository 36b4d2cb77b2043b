//! What an application can show its user about one room. Knows no task.

use std::{fmt, time::Duration};

use syncline_protocol::dialects::peer::id::PeerId;

use crate::transport::ConnectionError;

/// Where the connection of a room stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// An attempt is being made.
    #[default]
    Connecting,
    /// The server has let this peer in.
    Online,
    /// There is none. Reads and writes go on in the local store.
    Offline {
        /// When the next attempt comes, counted from when this was said. `None` when none is made before
        /// [`Room::retry_now`](super::Room::retry_now): the server said that it would be in vain, or another
        /// connection of the same identity has taken this one's place.
        retry_in: Option<Duration>,
        /// Why.
        error: ConnectionError,
    },
    /// The room was closed here.
    Stopped,
}

/// Where a room stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The connection.
    pub connection: Connection,
    /// Whether somebody has answered since the connection stands, so that all it had is here, or nobody
    /// was there to answer.
    pub synced: bool,
    /// The epoch of the group key; `None` while there is none.
    pub epoch: Option<u64>,
    /// Whether this peer is no member of the group any more, as far as it knows: it gets nothing new then, and
    /// what it writes is refused.
    pub removed: bool,
    /// Who else is in the room now.
    pub present: Vec<PeerId>,
    /// Why nothing is kept any more, if the local store has failed. The room must be opened anew.
    pub failed: Option<String>,
}

impl Status {
    /// Whether there is a connection on which the server has let this peer in.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.connection == Connection::Online
    }
}

/// In a few words, as a status line has it: `online with 2 others`, `offline`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.connection {
            Connection::Connecting => f.write_str("connecting"),
            Connection::Online if self.removed => f.write_str("online, no member of the group"),
            Connection::Online => match (self.present.len(), self.synced) {
                (0, _) => f.write_str("online, nobody else is here"),
                (others, true) => write!(f, "online with {others} others"),
                (others, false) => write!(f, "syncing with {others} others"),
            },
            Connection::Offline { .. } => f.write_str("offline"),
            Connection::Stopped => f.write_str("stopped"),
        }
    }
}
