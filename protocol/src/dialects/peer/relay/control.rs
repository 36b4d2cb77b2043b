//! What server and participant tell each other beside packets: one JSON object per text message, its
//! kind in `t` (dossier, section 2). Used by both sides; knows no room.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    dialect::UnixMillis,
    dialects::peer::{
        id::{PeerId, RequestId},
        kind::RoomKind,
    },
};

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// The first message.
    Welcome(Welcome),
    /// Someone has come.
    Join(PeerId),
    /// Someone has left.
    Leave {
        /// Who.
        id: PeerId,
        /// Why.
        reason: Left,
    },
    /// A packet of this participant was for somebody who is not here.
    Undeliverable {
        /// Its request.
        request_id: RequestId,
        /// Whom it was for; anything of at most 128 bytes.
        target_id: String,
    },
    /// Something this participant sent was not taken.
    Error {
        /// Why.
        code: Code,
        /// Its request, when there is one.
        request_id: Option<RequestId>,
    },
    /// The answer to [`Ask::Ping`].
    Pong,
    /// Of the stored packets that were asked for all up to this one have been sent: who is closed before the
    /// others have come goes on from there. Only who asked is told; the first clients pass it over.
    Replayed {
        /// The number of the last one, whoever it was for.
        seq: u64,
    },
    /// The stored packets that were asked for have all been sent, up to the `last_seq` of the welcome at
    /// least. Only who asked is told; the first clients pass it over.
    CaughtUp,
}

/// What a participant is told when it has come into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The room's name.
    pub room: String,
    /// What it is for.
    pub kind: RoomKind,
    /// The participant's own identity.
    pub me: PeerId,
    /// The others that are here.
    pub participants: Vec<PeerId>,
    /// The server's wall clock.
    pub server_time: UnixMillis,
    /// The number of the last stored packet that a power cut cannot take back; 0 for none.
    pub last_seq: u64,
    /// How much of everything there may be.
    pub limits: FrameLimits,
}

/// How long a frame may be, and what may wait for one connection. All inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameLimits {
    /// Bytes of a frame.
    #[serde(rename = "max_frame_bytes")]
    pub frame_bytes_max: usize,
    /// Bytes that wait.
    #[serde(rename = "max_queue_bytes")]
    pub queue_bytes_max: usize,
    /// Frames that wait.
    #[serde(rename = "max_queue_frames")]
    pub queue_frames_max: usize,
}

/// Why a participant has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Left {
    /// Nothing was heard of it for too long.
    Timeout,
    /// The same identity has come again.
    Replaced,
    /// An operator removed it.
    Kicked,
    /// Its connection was closed; also any reason that is not known here.
    #[serde(other)]
    Closed,
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// The frame is no packet; the connection is closed.
    Malformed,
    /// The packet says that it is of somebody else.
    SenderMismatch,
    /// Packets of this type have no place in a room of this kind.
    TypeNotAllowed,
    /// Packets come too often; if it goes on the connection is closed.
    Rate,
    /// The token does not allow to send.
    Forbidden,
    /// A reason that is not known here.
    #[serde(other)]
    Unknown,
}

/// What a participant says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ask {
    /// It wants a [`Control::Pong`].
    Ping,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
enum Wire<'a> {
    #[serde(borrow)]
    Welcome(WireWelcome<'a>),
    Join {
        id: Cow<'a, str>,
    },
    Leave {
        id: Cow<'a, str>,
        reason: Left,
    },
    Undeliverable {
        request_id: Cow<'a, str>,
        target_id: Cow<'a, str>,
    },
    Error {
        code: Code,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<Cow<'a, str>>,
    },
    Pong,
    Replayed {
        seq: u64,
    },
    #[serde(rename = "caught_up")]
    CaughtUp,
    Ping,
    #[serde(other)]
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct WireWelcome<'a> {
    room: Cow<'a, str>,
    kind: Cow<'a, str>,
    #[serde(rename = "self")]
    me: Cow<'a, str>,
    participants: Vec<Cow<'a, str>>,
    server_time: u64,
    last_seq: u64,
    limits: FrameLimits,
}

impl Wire<'_> {
    fn encode(&self) -> Vec<u8> {
        // Nothing that is written here can fail to be JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn name(name: &PeerId) -> Cow<'_, str> {
    Cow::Borrowed(name.as_str())
}

/// The message that says that a packet found nobody.
pub(super) fn undeliverable(request_id: &str, target_id: &str) -> Vec<u8> {
    Wire::Undeliverable { request_id: request_id.into(), target_id: target_id.into() }.encode()
}

/// The message that says that something was not taken.
pub(super) fn error(code: Code, request_id: Option<&str>) -> Vec<u8> {
    let request_id = request_id.filter(|id| !id.is_empty()).map(Cow::Borrowed);
    Wire::Error { code, request_id }.encode()
}

impl Control {
    /// The whole message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Welcome(welcome) => welcome.encode(),
            Self::Join(id) => Wire::Join { id: name(id) }.encode(),
            Self::Leave { id, reason } => Wire::Leave { id: name(id), reason: *reason }.encode(),
            Self::Undeliverable { request_id, target_id } => {
                undeliverable(request_id.as_str(), target_id)
            }
            Self::Error { code, request_id } => {
                error(*code, request_id.as_ref().map(RequestId::as_str))
            }
            Self::Pong => Wire::Pong.encode(),
            Self::Replayed { seq } => Wire::Replayed { seq: *seq }.encode(),
            Self::CaughtUp => Wire::CaughtUp.encode(),
        }
    }

    /// Reads a message of a server; `None` for one that is passed over: no JSON, a kind that is not
    /// known here, a name that is none.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Wire::Welcome(welcome) => Welcome::read(welcome).map(Self::Welcome),
            Wire::Join { id } => PeerId::new(&id).map(Self::Join),
            Wire::Leave { id, reason } => Some(Self::Leave { id: PeerId::new(&id)?, reason }),
            Wire::Undeliverable { request_id, target_id } => {
                let request_id = RequestId::new(&request_id)?;
                Some(Self::Undeliverable { request_id, target_id: target_id.into_owned() })
            }
            Wire::Error { code, request_id } => {
                let request_id = request_id.and_then(|id| RequestId::new(&id));
                Some(Self::Error { code, request_id })
            }
            Wire::Pong => Some(Self::Pong),
            Wire::Replayed { seq } => Some(Self::Replayed { seq }),
            Wire::CaughtUp => Some(Self::CaughtUp),
            Wire::Ping | Wire::Unknown => None,
        }
    }
}

impl Welcome {
    fn encode(&self) -> Vec<u8> {
        Wire::Welcome(WireWelcome {
            room: self.room.as_str().into(),
            kind: self.kind.name().into(),
            me: name(&self.me),
            participants: self.participants.iter().map(name).collect(),
            server_time: self.server_time.0,
            last_seq: self.last_seq,
            limits: self.limits,
        })
        .encode()
    }

    fn read(wire: WireWelcome<'_>) -> Option<Self> {
        let WireWelcome { room, kind, me, participants, server_time, last_seq, limits } = wire;
        Some(Self {
            room: room.into_owned(),
            kind: RoomKind::named(&kind)?,
            me: PeerId::new(&me)?,
            participants: participants.iter().map(|id| PeerId::new(id)).collect::<Option<_>>()?,
            server_time: UnixMillis(server_time),
            last_seq,
            limits,
        })
    }
}

/// No more of a message than what it is.
#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
}

impl Ask {
    /// The whole message.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        match self {
            Self::Ping => Wire::Ping.encode(),
        }
    }

    /// Reads a message of a participant; `None` for one that is passed over: no JSON, or a kind that is
    /// not known here.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let tag: Tag<'_> = serde_json::from_str(text).ok()?;
        (tag.t == "ping").then_some(Self::Ping)
    }
}
