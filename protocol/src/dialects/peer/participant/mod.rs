//! One participant of one room: it takes packets and the owner's wishes, and says what to send and what
//! has happened.
//!
//! It puts together what lies beside it: keys, sealing, pieces, rows, rights, invites and the rules of
//! syncing. No I/O, no clock and no thread: whoever drives it calls [`Participant::outputs`] after each
//! call, and [`Participant::due`] at [`Participant::deadline`].

mod answers;
mod buffers;
mod controls;
mod edit;
mod group;
mod halt;
mod handshake;
mod handshakes;
mod invited;
mod ladder;
mod legacy;
mod live;
mod lobby;
mod marks;
mod merge;
mod open;
mod opening;
mod output;
mod paced;
mod people;
mod pipeline;
mod presence;
mod reads;
mod redeem;
mod replays;
mod send;
mod settings;
mod syncs;
mod timers;
mod tracked;
mod transfer;
mod vault;
mod why;
mod wishes;
mod write;

pub use edit::{Edit, OpenError, WriteError};
pub use invited::{HostPin, InviteAsk, Redeemed};
pub use opening::{Opening, Welcome};
pub use output::{Event, Output};
pub use settings::{Limits, MinVersion, Settings};
pub use transfer::{TakeKeysError, take_keys};
pub use why::{Drops, Why};

use std::{collections::VecDeque, time::Duration};

use zeroize::Zeroizing;

use self::{
    answers::Answering, buffers::Buffer, group::Group, halt::Halt, handshakes::Handshakes,
    live::Live, lobby::Lobby, people::People, replays::Replays, tracked::Tracked, vault::Vault,
};
use super::{
    access::Access,
    chunks::Reassembly,
    id::{PeerId, RequestId},
    invite::Host,
    keys::{Pins, RoomKeys},
    kind::RoomKind,
    random::Random,
    rows::{Replica, VersionVector},
    seal::{KeyRing, PairwiseKeys},
    store::{Store, StoreFailed},
    sync::{Consistency, Election, Lamport, Requester, TimeSync},
};

/// One participant of one room.
///
/// Nothing it is given by others makes it panic or fail: what cannot be done is counted in
/// [`drops`](Self::drops). When its store fails, [`outputs`](Self::outputs) says so, and it must be opened
/// anew.
pub struct Participant<S> {
    room: String,
    kind: RoomKind,
    me: PeerId,
    is_host: bool,
    expected_host: Option<HostPin>,
    settings: Settings,
    store: Tracked<S>,
    random: Box<dyn Random + Send>,

    keys: RoomKeys,
    /// Those before the last rotations, to prove them to who was not there.
    keys_before: Vec<RoomKeys>,
    pins: Pins,
    pairwise: PairwiseKeys,
    session: Option<Zeroizing<[u8; 32]>>,
    ring: KeyRing,
    group: Group,
    vault: Vault,

    is_connected: bool,
    frame_bytes_max: usize,
    people: People,
    handshakes: Handshakes,
    /// Packets whose sender's key is not known.
    unknown: Buffer,
    /// Packets that no key opens yet.
    sealed: Buffer,
    replays: Replays,
    lamport: Lamport,
    time: TimeSync,

    replica: Replica,
    access: Access,
    reassembly: Reassembly,
    election: Election<VersionVector>,
    answers: VecDeque<Answering>,
    requester: Requester,
    /// Requests that asked for all, the newest first.
    asked_for_all: VecDeque<RequestId>,
    /// Whether the host was asked for all of its group on this connection, because it had answered with less.
    was_host_asked: bool,
    consistency: Consistency,
    live: Live,
    is_synced: bool,
    /// When old deletions are looked for.
    sweep_at: Duration,

    host: Host,
    lobby: Lobby,

    out: Vec<Output>,
    drops: Drops,
    failed: Option<StoreFailed>,
    /// Who manages the group has said on this connection that this one is no member.
    is_disowned: bool,
}

impl<S> std::fmt::Debug for Participant<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Participant")
            .field("room", &self.room)
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

impl<S: Store> Participant<S> {
    fn tell(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }

    fn dropped(&mut self, why: Why) {
        self.drops.count(why);
        self.tell(Event::Dropped(why));
    }

    /// Notes how a step ended.
    fn end(&mut self, step: Result<(), Halt>) {
        match step {
            Ok(()) => {}
            Err(Halt::Drop(why)) => self.dropped(why),
            Err(Halt::Failed(failed)) => self.failed = Some(failed),
        }
    }

    /// What is to be done now, in order. Everything that was applied to the store is on the device when
    /// this returns: commit, then release.
    ///
    /// # Errors
    /// [`StoreFailed`]: nothing is released any more, and the participant must be opened anew.
    pub fn outputs(&mut self) -> Result<Vec<Output>, StoreFailed> {
        if self.failed.is_none() {
            self.failed = self.store.sync().err();
        }
        match &self.failed {
            Some(failed) => Err(failed.clone()),
            None => Ok(std::mem::take(&mut self.out)),
        }
    }
}
