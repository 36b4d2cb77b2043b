//! What the owner of a server chooses for its peer rooms, and how much of everything there may be.
//!
//! Knows figures only.

use crate::dialects::peer::kind::RoomKind;

/// The longest name of a room, in bytes. The shortest is 1.
pub const ROOM_NAME_BYTES_MAX: usize = 128;

/// Whether this is the name of a room: 1 to 128 bytes without a control character.
#[must_use]
pub fn is_room_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= ROOM_NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How often in a second, in the long run; 0 for as often as one likes.
    pub per_second: u32,
    /// How often at once, after a rest; at least 1.
    pub burst: u32,
}

/// How long, and how many, stored packets a room keeps. 0 means no limit. Age and bytes are kept to in
/// steps of a 256th of what is chosen, or of a single packet when that is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long a packet is kept, in milliseconds.
    pub age_max_ms: u64,
    /// Bytes of all packets of a room, each with its 9 bytes more.
    pub bytes_max: u64,
    /// Packets of a room. Above 1,024 a 1,024th of them goes at once.
    pub packets_max: u64,
}

/// Everything there is to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of one frame in a data room.
    pub frame_bytes_max: usize,
    /// Bytes of one frame in an invite room.
    pub invite_frame_bytes_max: usize,
    /// Participants of a data room at once.
    pub participants_max: usize,
    /// Participants of an invite room at once.
    pub invite_participants_max: usize,
    /// Packets of one identity in a data room, over all its connections.
    pub packets: Rate,
    /// Packets of one identity in an invite room, over all its connections.
    pub invite_packets: Rate,
    /// Packets in a row that are refused for coming too often; one more and the connection is closed.
    pub refused_max: u32,
    /// How often one identity may come into a room.
    pub enters: Rate,
    /// What may wait for one connection: frames.
    pub queue_frames_max: usize,
    /// What may wait for one connection: bytes.
    pub queue_bytes_max: usize,
    /// Whether the packets of data rooms are stored at all.
    pub store: bool,
    /// How long, and how many, are kept.
    pub retention: Retention,
    /// Identities banned from one room at once.
    pub bans_max: usize,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            frame_bytes_max: 64 << 10,
            invite_frame_bytes_max: 4 << 10,
            participants_max: 1024,
            invite_participants_max: 64,
            packets: Rate { per_second: 0, burst: 1 },
            invite_packets: Rate { per_second: 1, burst: 10 },
            refused_max: 10,
            enters: Rate { per_second: 1, burst: 60 },
            queue_frames_max: 1024,
            queue_bytes_max: 8 << 20,
            store: true,
            retention: Retention {
                age_max_ms: 30 * DAY_MS,
                bytes_max: 256 << 20,
                packets_max: 1_000_000,
            },
            bans_max: 1024,
        }
    }
}

impl Settings {
    /// Bytes of one frame in a room of this kind.
    #[must_use]
    pub fn frame_bytes_max(&self, kind: RoomKind) -> usize {
        match kind {
            RoomKind::Data => self.frame_bytes_max,
            RoomKind::Invite => self.invite_frame_bytes_max,
        }
    }

    /// Participants at once of a room of this kind.
    pub(super) fn participants_max(&self, kind: RoomKind) -> usize {
        match kind {
            RoomKind::Data => self.participants_max,
            RoomKind::Invite => self.invite_participants_max,
        }
    }

    /// How often one identity may send in a room of this kind.
    pub(super) fn packets(&self, kind: RoomKind) -> Rate {
        match kind {
            RoomKind::Data => self.packets,
            RoomKind::Invite => self.invite_packets,
        }
    }
}
