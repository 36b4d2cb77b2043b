//! What a participant is made of, and what the transport says when it is up.
//!
//! Knows nothing of what is done with it.

use super::{invited::HostPin, settings::Settings};
use crate::dialects::peer::{id::PeerId, kind::RoomKind, random::Random};

/// What a participant is made of.
pub struct Opening<S> {
    /// The room: 1 to 128 bytes without control characters.
    pub room: String,
    /// What the room is for.
    pub kind: RoomKind,
    /// The name that the token of the transport says.
    pub me: PeerId,
    /// What its owner chose.
    pub settings: Settings,
    /// What was kept of the room, and where the rest is kept.
    pub store: S,
    /// Keys and nonces are made of it.
    pub random: Box<dyn Random + Send>,
    /// Whether it makes the first group key: when it is alone in the room, and never had one.
    pub is_host: bool,
    /// Who let it in: only from this one it takes the first members and roles of a room. Kept in the
    /// store, so that it need not be given again.
    pub expected_host: Option<HostPin>,
}

/// What the transport says when it is up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Who else is in the room.
    pub participants: Vec<PeerId>,
    /// The server's time, in milliseconds since the Unix epoch, when it says one.
    pub server_ms: Option<i64>,
    /// Bytes of the largest packet that the server takes, when it says so.
    pub frame_bytes_max: Option<usize>,
}
