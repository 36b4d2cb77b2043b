//! One turn of a shard: the commands applied since the last commit, as one batch.
//!
//! Holds what each room did in it and what goes to single members; commits nothing itself.

use syncline_engine::{Batch, Error};
use syncline_protocol::dialect::Dialect;

use super::{
    call::Answered,
    overlay::Overlay,
    published::Published,
    relayed::Showing,
    release::{Opening, Resend, To},
    replies::Replies,
    room::RoomKey,
};

/// The turn that is being filled.
pub(super) struct Turn<D: Dialect> {
    pub(super) batch: Batch,
    pub(super) rooms: Vec<RoomTurn<D>>,
    pub(super) openings: Vec<Opening<D>>,
    pub(super) replies: Replies<D>,
    pub(super) resends: Vec<Resend<D>>,
    /// What callers are told.
    pub(super) answers: Vec<Answered<D>>,
    /// What they are told without waiting for the device.
    pub(super) early: Vec<Answered<D>>,
    /// Who sent a command in it.
    pub(super) senders: Vec<To<D>>,
    /// Bytes of the messages that brought the commands.
    pub(super) bytes: usize,
    pub(super) commands: u64,
    /// Why it cannot be committed, if that is known already.
    pub(super) fault: Option<Error>,
}

impl<D: Dialect> Default for Turn<D> {
    fn default() -> Self {
        Self {
            batch: Batch::new(),
            rooms: Vec::new(),
            openings: Vec::new(),
            replies: Replies::default(),
            resends: Vec::new(),
            answers: Vec::new(),
            early: Vec::new(),
            senders: Vec::new(),
            bytes: 0,
            commands: 0,
            fault: None,
        }
    }
}

impl<D: Dialect> Turn<D> {
    /// The one that comes next, with room for what this one has: turns of a busy shard are alike.
    pub(super) fn next(&self) -> Self {
        Self {
            rooms: Vec::with_capacity(self.rooms.len()),
            senders: Vec::with_capacity(self.senders.len()),
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands == 0
    }

    /// Whether a command changed or published anything.
    pub(super) fn has_changes(&self) -> bool {
        !self.batch.is_empty() || self.rooms.iter().any(RoomTurn::has_changes)
    }
}

/// What one room did in the turn.
pub(super) struct RoomTurn<D: Dialect> {
    pub(super) room: RoomKey,
    pub(super) published: Published,
    /// What it changed in its maps.
    pub(super) overlay: Overlay,
    /// A part of its log was trimmed: how many bytes are left is known when that is committed.
    pub(super) trimmed: bool,
    /// What those are told who watch or observe it, if anybody does.
    pub(super) notices: Vec<D::Notice>,
    /// What it shows, where it writes behind.
    pub(super) showing: Option<Box<Showing<D>>>,
}

impl<D: Dialect> RoomTurn<D> {
    pub(super) fn new(room: RoomKey, published: Published) -> Self {
        Self {
            room,
            published,
            overlay: Overlay::default(),
            trimmed: false,
            notices: Vec::new(),
            showing: None,
        }
    }

    fn has_changes(&self) -> bool {
        !self.published.is_empty() || !self.overlay.is_empty()
    }
}
