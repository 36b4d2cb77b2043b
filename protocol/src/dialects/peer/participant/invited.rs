//! What an invite room and the data rooms of one owner tell each other.
//!
//! Knows no packet: the owner carries these between its participants.

use zeroize::Zeroizing;

use crate::dialects::peer::{
    id::{PeerId, RequestId},
    keys::PublicKeys,
};

/// Who is expected to be the host of a data room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPin {
    /// Its name.
    pub peer: PeerId,
    /// Its keys in the data room, when it has told them.
    pub keys: Option<PublicKeys>,
}

/// A code that a stranger showed in an invite room.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteAsk {
    /// The name of the invite room: the name of the group.
    pub group: String,
    /// The request.
    pub request: RequestId,
    /// The stranger.
    pub joiner: PeerId,
    /// The stranger's keys in the invite room.
    pub keys: PublicKeys,
    /// The code. Secret.
    pub code: Zeroizing<String>,
}

impl std::fmt::Debug for InviteAsk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InviteAsk")
            .field("group", &self.group)
            .field("request", &self.request)
            .field("joiner", &self.joiner)
            .finish_non_exhaustive()
    }
}

/// What a data room says to a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// It is not the data room of that group, or its host may not let anybody in: say nothing.
    NotMine,
    /// The code is wrong, expired or used.
    Refused,
    /// The joiner is a member from now on, or was let in by this request already.
    Granted {
        /// The name of the data room.
        data_room: String,
        /// The host's keys there.
        host: PublicKeys,
    },
}
