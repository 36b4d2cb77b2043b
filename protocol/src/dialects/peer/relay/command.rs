//! What is asked of a room, and what a caller without a session is answered.
//!
//! Nothing here prints a packet.

use std::fmt;

use bytes::Bytes;

use super::control::{Code, Left};
use crate::{
    dialect::{Refused, UnixMillis},
    dialects::peer::{
        id::{CanonicalId, PeerId},
        kind::RoomKind,
    },
};

/// Until when somebody is banned who never may come back.
pub const FOREVER: UnixMillis = UnixMillis(u64::MAX);

/// Something that a session or a caller asks of a room.
#[derive(Debug)]
#[non_exhaustive]
pub enum Command {
    /// A session comes in: its opening. Answered with a welcome, or the connection is closed.
    Enter(Entering),
    /// A session has gone.
    Leave(Left),
    /// A session sends a packet.
    Packet(Packet),
    /// A session has sent a frame that is no packet: it is told so and closed.
    Malformed,
    /// A session has sent something that it may not: it is told so.
    Complain {
        /// Why.
        code: Code,
        /// Its request; empty for none.
        request_id: Box<str>,
    },
    /// A session wants to know that all it sent before has been done.
    Ping,
    /// A caller: removes whoever bears this name, or the same one in another form, and bans it until this
    /// time, or not at all. Answered with [`Answer::Kicked`] or [`Answer::Refused`].
    Kick {
        /// Who.
        identity: PeerId,
        /// Until when; [`FOREVER`] for ever.
        ban_until: Option<UnixMillis>,
    },
    /// A caller: ends a ban. Answered with [`Answer::Unbanned`].
    Unban {
        /// Who.
        identity: PeerId,
    },
    /// A caller: closes all connections of the room, whose stored packets stay. Answered with
    /// [`Answer::Closed`].
    CloseRoom,
    /// A caller: drops the stored packets that are kept no longer, and the bans that are over. Answered
    /// with [`Answer::Swept`].
    Sweep,
    /// A caller: drops all stored packets. Answered with [`Answer::Swept`].
    Forget,
    /// A caller: what there is. Answered with [`Answer::Described`].
    Describe,
}

impl Command {
    /// Whether it reads all entries of the map of bans.
    pub(super) fn reads_bans(&self) -> bool {
        matches!(self, Self::Kick { ban_until: Some(_), .. } | Self::Sweep | Self::Describe)
    }
}

/// Who comes in. Made by a session.
#[derive(Debug)]
pub struct Entering {
    pub(super) identity: PeerId,
    pub(super) kind: RoomKind,
    /// The last stored packet it has, when it wants those after it and may have them.
    pub(super) since_seq: Option<u64>,
}

/// A packet whose sender was checked. Made by a session.
pub struct Packet {
    pub(super) kind: i32,
    pub(super) is_for_all: bool,
    /// As it came; its route can be read.
    pub(super) frame: Bytes,
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packet")
            .field("kind", &self.kind)
            .field("frame_bytes", &self.frame.len())
            .finish_non_exhaustive()
    }
}

/// What a caller is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// [`Command::Kick`] is done.
    Kicked {
        /// How many connections it closed.
        connections: usize,
    },
    /// [`Command::Unban`] is done.
    Unbanned {
        /// Whether there was a ban.
        was_banned: bool,
    },
    /// [`Command::CloseRoom`] is done.
    Closed {
        /// How many connections it closed.
        connections: usize,
    },
    /// [`Command::Sweep`] or [`Command::Forget`] is done.
    Swept {
        /// Packets that went.
        dropped: u64,
        /// Packets that are kept.
        kept: u64,
    },
    /// What there is.
    Described(Description),
    /// As many identities as may be are banned from the room.
    Refused(Refused),
}

/// What there is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What it is for; `None` while nobody is in it.
    pub kind: Option<RoomKind>,
    /// Who is in it, by name.
    pub participants: Vec<Participant>,
    /// Who is banned from it, by name.
    pub bans: Vec<Ban>,
    /// Packets that are stored.
    pub packets: u64,
    /// Bytes of them.
    pub packet_bytes: u64,
    /// The number of the last one ever stored.
    pub last_seq: u64,
    /// The number of the last one that a power cut cannot take back.
    pub durable_seq: u64,
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub identity: PeerId,
    /// Since when.
    pub since: UnixMillis,
}

/// Somebody who may not come into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who, in any form of the name.
    pub identity: CanonicalId,
    /// Until when; [`FOREVER`] for ever.
    pub until: UnixMillis,
}
