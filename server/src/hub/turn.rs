//! One turn of a shard: the commands applied since the last commit, as one batch.
//!
//! Rooms see it as their collections and as the sink of their effects.

use bytes::Bytes;
use syncline_engine::{Batch, Log};
use syncline_protocol::dialect::{
    Collections, Dialect, Effects, Framing, Member, Refused, Reply, Unreadable,
};

use crate::ws::{Opcode, framed};

use super::{
    release::{Own, Released, To, framing_index},
    room::RoomKey,
};

/// The turn that is being filled.
pub(super) struct Turn<D: Dialect> {
    pub(super) batch: Batch,
    pub(super) rooms: Vec<RoomTurn>,
    pub(super) replies: Replies<D>,
    /// Who sent a command in it.
    pub(super) senders: Vec<To<D>>,
    /// Bytes of the messages that brought the commands.
    pub(super) bytes: usize,
    pub(super) commands: u64,
}

impl<D: Dialect> Default for Turn<D> {
    fn default() -> Self {
        Self {
            batch: Batch::new(),
            rooms: Vec::new(),
            replies: Replies { arena: Vec::new(), to: Vec::new() },
            senders: Vec::new(),
            bytes: 0,
            commands: 0,
        }
    }
}

impl<D: Dialect> Turn<D> {
    pub(super) fn is_empty(&self) -> bool {
        self.senders.is_empty()
    }
}

/// What one room did in the turn.
#[derive(Debug)]
pub(super) struct RoomTurn {
    pub(super) room: RoomKey,
    first_seq: u64,
    last_seq: u64,
    segments: [Vec<u8>; 2],
    /// Framings that somebody follows in: others are not encoded.
    used: [bool; 2],
    /// The only follower, if there is just one: what it sends itself need not be encoded.
    sole: Option<Member>,
    /// A record was not encoded: no segment is whole.
    skipped: bool,
    own: Vec<Own>,
}

impl RoomTurn {
    pub(super) fn new(room: RoomKey, used: [bool; 2], sole: Option<Member>) -> Self {
        Self {
            room,
            first_seq: 0,
            last_seq: 0,
            segments: [Vec::new(), Vec::new()],
            used,
            sole,
            skipped: false,
            own: Vec::new(),
        }
    }

    /// What becomes visible, or none when the room appended nothing.
    pub(super) fn finish(self) -> Option<Released> {
        if self.last_seq == 0 {
            return None;
        }
        let Self { segments: [text, binary], used, skipped, mut own, .. } = self;
        let used = used.map(|used| used && !skipped);
        // Stable: the records of one member stay in order.
        own.sort_by_key(|own| own.member);
        Some(Released {
            first_seq: self.first_seq,
            last_seq: self.last_seq,
            segments: [used[0].then(|| text.into()), used[1].then(|| binary.into())],
            own,
        })
    }
}

/// Replies of a turn, one behind the other in one buffer.
pub(super) struct Replies<D: Dialect> {
    arena: Vec<u8>,
    to: Vec<(To<D>, usize, bool)>,
}

impl<D: Dialect> Replies<D> {
    fn push(
        &mut self,
        to: impl FnOnce() -> To<D>,
        member: Member,
        opcode: Opcode,
        reply: Reply<'_>,
    ) {
        // The last reply of this member says less than this one: it need not be sent.
        let replaced = reply.cumulative
            && self.to.last().is_some_and(|(last, _, cumulative)| *cumulative && last.is(member));
        if replaced {
            if let Some((_, start, _)) = self.to.last() {
                self.arena.truncate(*start);
            }
        } else {
            self.to.push((to(), self.arena.len(), reply.cumulative));
        }
        framed(&mut self.arena, opcode, reply.message.len(), |out| {
            out.extend_from_slice(reply.message);
        });
    }

    pub(super) fn finish(self) -> Vec<(To<D>, Bytes)> {
        let arena = Bytes::from(self.arena);
        let mut end = arena.len();
        let mut replies: Vec<_> = self
            .to
            .into_iter()
            .rev()
            .map(|(to, start, _)| {
                let frames = arena.slice(start..end);
                end = start;
                (to, frames)
            })
            .collect();
        replies.reverse();
        replies
    }
}

/// The collections of one room during a turn: its log, and what the turn appends to it.
pub(super) struct RoomLog<'a> {
    pub(super) log: &'a Log,
    pub(super) batch: &'a mut Batch,
    /// The last sequence number, counting what is not committed yet.
    pub(super) last_seq: &'a mut u64,
    /// Payload bytes of the room's log, counting what is not committed yet.
    pub(super) bytes: &'a mut u64,
}

impl Collections for RoomLog<'_> {
    fn last_seq(&self) -> u64 {
        *self.last_seq
    }

    fn log_records(&self) -> u64 {
        (*self.last_seq + 1).saturating_sub(self.log.first_seq().0)
    }

    fn log_bytes(&self) -> u64 {
        *self.bytes
    }

    fn append(&mut self, record: &[u8]) -> u64 {
        self.batch.append(self.log, record);
        *self.last_seq += 1;
        *self.bytes += record.len() as u64;
        *self.last_seq
    }

    fn trim(&mut self, _seq: u64) {}

    fn version(&self) -> u64 {
        0
    }

    fn next_version(&mut self) -> u64 {
        0
    }

    fn get(&self, _map: u64, _key: &[u8]) -> Result<Option<Bytes>, Unreadable> {
        Err(Unreadable)
    }

    fn entries(&self, _map: u64, _each: impl FnMut(&[u8], &[u8])) -> Result<(), Unreadable> {
        Err(Unreadable)
    }

    fn put(&mut self, _map: u64, _key: &[u8], _value: &[u8]) {}

    fn remove(&mut self, _map: u64, _key: &[u8]) {}

    fn drop_map(&mut self, _map: u64) {}
}

/// The effects of one command.
pub(super) struct TurnEffects<'a, D: Dialect, F> {
    pub(super) dialect: &'a D,
    pub(super) room_name: &'a str,
    pub(super) room: &'a mut RoomTurn,
    pub(super) replies: &'a mut Replies<D>,
    /// Finds a member and its framing.
    pub(super) find: F,
    pub(super) refused: Option<Refused>,
}

impl<D: Dialect, F: Fn(Member) -> Option<(To<D>, Framing)>> Effects for TurnEffects<'_, D, F> {
    type Answer = D::Answer;

    fn publish_entry(&mut self, _: u64, _: &[u8], _: &[u8], _: Option<Member>) {}

    fn open(&mut self, _: Member, _: Bytes) {}

    fn resend(&mut self, _: Member, _: &[u8]) {}

    fn answer(&mut self, _: D::Answer) {}

    fn publish(&mut self, seq: u64, record: &[u8], except: Option<Member>) {
        let room = &mut *self.room;
        if room.last_seq == 0 {
            room.first_seq = seq;
        }
        room.last_seq = seq;
        room.skipped |= room.sole.is_some() && room.sole == except;
        let mut ranges = [(0, 0); 2];
        for framing in [Framing::Text, Framing::Binary] {
            let index = framing_index(framing);
            if !room.used[index] || room.skipped {
                continue;
            }
            let segment = &mut room.segments[index];
            let start = segment.len() as u32;
            deliver(self.dialect, framing, self.room_name, seq, record, segment);
            ranges[index] = (start, segment.len() as u32);
        }
        if let Some(member) = except {
            room.own.push(Own { member, seq, ranges });
        }
    }

    fn reply(&mut self, to: Member, reply: Reply<'_>) {
        if let Some((found, framing)) = (self.find)(to) {
            self.replies.push(|| found, to, opcode(framing), reply);
        }
    }

    fn refuse(&mut self, _from: Member, why: Refused) {
        self.refused = Some(why);
    }
}

/// The opcode of a framing's frames.
pub(super) fn opcode(framing: Framing) -> Opcode {
    match framing {
        Framing::Text => Opcode::Text,
        Framing::Binary => Opcode::Binary,
    }
}

/// Appends the frame that brings a record to a session of a framing; nothing for a record that
/// the dialect does not know.
pub(super) fn deliver<D: Dialect>(
    dialect: &D,
    framing: Framing,
    room: &str,
    seq: u64,
    record: &[u8],
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let mut known = true;
    framed(out, opcode(framing), record.len(), |out| {
        let before = out.len();
        dialect.deliver(framing, room, seq, record, out);
        known = out.len() > before;
    });
    if !known {
        debug_assert!(false, "a room's log holds only records of its dialect");
        out.truncate(start);
    }
}
