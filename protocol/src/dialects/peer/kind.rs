//! What a room is for. Known to the server, which enforces it, and to participants.

use super::proto::p2p_packet::PacketType;

/// What a room is for: the two never meet in one room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RoomKind {
    /// Members share tables in it.
    #[default]
    Data,
    /// A lobby: strangers ask for the name of a data room.
    Invite,
}

impl RoomKind {
    /// The word for it in tokens and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Invite => "invite",
        }
    }

    /// What a word says.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "data" => Some(Self::Data),
            "invite" => Some(Self::Invite),
            _ => None,
        }
    }

    /// Whether packets of this type may be in such a room: any in a data room; HANDSHAKE, INVITE_* and
    /// UNICAST_* in a lobby, so that no data leaks there.
    #[must_use]
    pub fn allows(self, packet_type: i32) -> bool {
        use PacketType::{Handshake, InviteAck, InviteNack, InviteReq, UnicastAck, UnicastReq};
        let lobby = [Handshake, InviteReq, InviteAck, InviteNack, UnicastReq, UnicastAck];
        self == Self::Data || lobby.into_iter().any(|allowed| allowed as i32 == packet_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lobby_takes_what_leads_into_a_group_and_no_data() {
        let allowed: Vec<i32> = (-1..50).filter(|&kind| RoomKind::Invite.allows(kind)).collect();
        assert_eq!(allowed, [3, 5, 6, 7, 8, 9]);
        assert!((-1..50).all(|kind| RoomKind::Data.allows(kind)));
    }
}
