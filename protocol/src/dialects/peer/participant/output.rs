//! What a participant gives to whoever drives it: packets to send and what has happened.
//!
//! Knows no transport.

use bytes::Bytes;

use super::{
    invited::{HostPin, InviteAsk},
    why::Why,
};
use crate::dialects::peer::{
    id::{CanonicalId, PeerId},
    keys::PublicKeys,
};

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Send this packet into the room.
    Send(Bytes),
    /// Tell the owner.
    Event(Event),
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A row has another value, or was deleted, through another participant.
    Changed {
        /// Its table.
        table: String,
        /// Its id.
        id: String,
    },
    /// A row of another participant was refused; the rest of what it sent was taken.
    Rejected {
        /// Who sent it.
        sender: PeerId,
        /// Its table.
        table: String,
        /// Its id.
        id: String,
        /// Why.
        why: Why,
    },
    /// Another participant's keys are known from now on.
    PeerKnown {
        /// Who.
        peer: PeerId,
        /// Its keys.
        keys: PublicKeys,
    },
    /// Somebody announced other keys for a participant whose keys are known. They are not in force
    /// until the owner [approves](super::Participant::approve_key) them. Told once for the same keys; what waits
    /// [can be read](super::Participant::key_conflicts).
    KeyConflict {
        /// Whose name it was.
        peer: PeerId,
        /// The keys that were announced.
        offered: PublicKeys,
    },
    /// A participant went over to other keys, and proved it with the old ones.
    KeyRotated {
        /// Who.
        peer: PeerId,
        /// Its keys from now on.
        keys: PublicKeys,
    },
    /// There is a group key of this epoch.
    GroupKey {
        /// Its epoch.
        epoch: u64,
    },
    /// There is a vault's key: see [`vault_key`](super::Participant::vault_key).
    VaultKey,
    /// Who may give the vault's key gave another than the one that is here, which stays.
    VaultKeyConflict {
        /// Who.
        peer: PeerId,
    },
    /// Somebody answered what was asked: all that it had is here.
    Synced {
        /// Who.
        with: PeerId,
    },
    /// Another participant has other rows although both have seen the same; all is asked for anew.
    Diverged {
        /// Who.
        peer: PeerId,
    },
    /// This participant was taken out of the group, or never was a member: it gets nothing new and what it writes
    /// is refused. Told when its row was deleted, and once a connection when somebody who manages members says so.
    Removed,
    /// The code was taken: the data room can be entered.
    Invited {
        /// The name of the data room.
        data_room: String,
        /// Who is expected to be its host.
        host: HostPin,
    },
    /// The code was refused.
    InviteRefused {
        /// What the host says, at most 256 bytes.
        message: String,
    },
    /// Nobody answered the code in time.
    InviteUnanswered,
    /// A stranger in this invite room shows a code. The owner asks each of its data rooms
    /// ([`redeem`](super::Participant::redeem)) and gives the answer with
    /// [`answer_invite`](super::Participant::answer_invite).
    InviteAsked(InviteAsk),
    /// A member was let in by a code that this participant was shown.
    InviteRedeemed {
        /// Who.
        member: CanonicalId,
    },
    /// Something that came in was not done.
    Dropped(Why),
}
