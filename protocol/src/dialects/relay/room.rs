//! A discovery key and the changes it orders.
//!
//! The room's log is the history: a record is the finished binary message that carries the change
//! to a follower, so that a join on the binary wire streams records without encoding any.

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;

use super::{binary, json};
use crate::dialect::{
    self, Collections, Effects, Framing, Member, Refused, Reply, UnixMillis, Unreadable,
};

/// What one discovery key may hold. 0 means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all its stored changes, each with its sequence number and client id.
    pub key_bytes_max: u64,
    /// Stored changes.
    pub key_changes_max: u64,
}

/// A change that a session asks its room to take.
pub struct Command {
    sender: Arc<Sender>,
    /// The id of the submit; 0 on the JSON wire, which has none.
    id: u64,
    payload: Bytes,
}

impl Command {
    pub(super) fn new(sender: &Arc<Sender>, id: u64, payload: Bytes) -> Self {
        Self { sender: Arc::clone(sender), id, payload }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("id", &self.id)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// What the changes of one session have in common.
pub(super) struct Sender {
    changes: binary::ChangeEncoder,
    framing: Framing,
    ack: bool,
    /// Set when the room refused a change of this session. Nothing is acknowledged after that: the
    /// next acknowledgement would speak for the refused change too.
    refused: AtomicBool,
}

impl Sender {
    pub(super) fn new(client_id: &str, framing: Framing, ack: bool) -> Self {
        let changes = binary::ChangeEncoder::new(client_id);
        Self { changes, framing, ack, refused: AtomicBool::new(false) }
    }

    fn wants_ack(&self) -> bool {
        self.ack && !self.refused.load(Ordering::Relaxed)
    }
}

/// How much capacity the scratch buffer keeps between commands, in bytes.
const SCRATCH_BYTES_KEPT: usize = 4096;

/// A discovery key, whose changes it orders.
pub struct Room {
    discovery_key: Box<str>,
    limits: Limits,
    /// The message being made; empty between commands.
    scratch: Vec<u8>,
}

impl Room {
    pub(super) fn new(discovery_key: &str, limits: Limits) -> Self {
        Self { discovery_key: discovery_key.into(), limits, scratch: Vec::new() }
    }

    /// Why a record of `record_bytes` may not be added, if it may not.
    fn over_limit(&self, record_bytes: usize, collections: &impl Collections) -> Option<Refused> {
        let Limits { key_bytes_max, key_changes_max } = self.limits;
        if key_changes_max != 0 && collections.log_records() >= key_changes_max {
            return Some(Refused::RoomRecords);
        }
        let bytes = collections.log_bytes().saturating_add(record_bytes as u64);
        (key_bytes_max != 0 && bytes > key_bytes_max).then_some(Refused::RoomBytes)
    }

    /// Tells the sender that its change got `seq`.
    fn accept(&mut self, to: Member, command: &Command, seq: u64, effects: &mut impl Effects) {
        self.scratch.clear();
        let cumulative = match command.sender.framing {
            Framing::Binary => {
                binary::encode_accepted(command.id, seq, &mut self.scratch);
                true
            }
            Framing::Text => {
                json::encode_accepted(seq, &self.discovery_key, &mut self.scratch);
                false
            }
        };
        effects.reply(to, Reply { message: &self.scratch, cumulative });
    }
}

impl dialect::Room for Room {
    type Command = Command;
    type Answer = Infallible;
    type Notice = ();
    type Prepared = ();

    fn apply(
        &mut self,
        from: Member,
        command: Command,
        _now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = Infallible, Notice = ()>,
    ) -> Result<(), Unreadable> {
        let next = collections.last_seq() + 1;
        command.sender.changes.encode(next, &command.payload, &mut self.scratch);
        if let Some(why) = self.over_limit(self.scratch.len(), collections) {
            command.sender.refused.store(true, Ordering::Relaxed);
            effects.refuse(from, why);
        } else {
            let seq = collections.append(&self.scratch);
            assert_eq!(seq, next, "a record carries the sequence number that its log gives it");
            effects.publish(seq, &self.scratch, Some(from));
            if command.sender.wants_ack() {
                self.accept(from, &command, seq, effects);
            }
        }
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT);
        Ok(())
    }
}
