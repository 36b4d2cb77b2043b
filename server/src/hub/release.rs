//! What waits for durability, and how it then reaches those who follow a room.

use std::{rc::Rc, time::Instant};

use bytes::Bytes;
use syncline_engine::Position;
use syncline_protocol::dialect::{Dialect, Framing, Member};

use super::{
    call::{AnswerTo, Answered, Caller},
    connection::Connection,
    replay,
    room::RoomKey,
    windows::Noted,
};

/// The place of one record in the segments of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    /// Who must not get it.
    pub(super) member: Member,
    /// The sequence number of the record, or the version of the entry.
    pub(super) number: u64,
    /// Its bytes in the segment of each framing.
    pub(super) ranges: [(u32, u32); 2],
}

/// The keys of the entries that a room published in a turn, each with its version, in order.
#[derive(Debug, Default)]
pub(super) struct Keys {
    arena: Vec<u8>,
    /// Each version, and where its key ends.
    ends: Vec<(u64, usize)>,
}

impl Keys {
    pub(super) fn push(&mut self, version: u64, key: &[u8]) {
        self.arena.extend_from_slice(key);
        self.ends.push((version, self.arena.len()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn bytes(&self) -> usize {
        self.arena.len() + self.ends.len() * size_of::<(u64, usize)>()
    }

    fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(version, end)| {
            let key = &self.arena[start..*end];
            start = *end;
            (*version, key)
        })
    }
}

/// Records or entries of one room that become visible together: encoded once for each framing in
/// use.
#[derive(Debug)]
pub(crate) struct Released {
    /// The first and the last sequence number, or version.
    pub(super) first: u64,
    pub(super) last: u64,
    /// How many there are.
    pub(super) count: u64,
    /// Finished frames, one behind the other; none where nobody used the framing.
    pub(super) segments: [Option<Bytes>; 2],
    /// What its senders do not get back, by member and then by place.
    pub(super) own: Vec<Own>,
    /// The keys, if these are entries.
    pub(super) keys: Option<Keys>,
}

impl Released {
    /// What it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let frames: usize = self.segments.iter().flatten().map(Bytes::len).sum();
        let keys = self.keys.as_ref().map_or(0, Keys::bytes);
        frames + self.own.len() * size_of::<Own>() + keys
    }

    /// The keys of entries that are not this member's own.
    pub(super) fn keys_for<'a>(
        &'a self,
        keys: &'a Keys,
        own: &'a [Own],
    ) -> impl Iterator<Item = &'a [u8]> {
        let is_own = |version| own.binary_search_by_key(&version, |own| own.number).is_ok();
        keys.iter().filter(move |(version, _)| !is_own(*version)).map(|(_, key)| key)
    }

    /// The records or entries of this member among them.
    pub(super) fn own_of(&self, member: Member) -> &[Own] {
        let start = self.own.partition_point(|own| own.member < member);
        let length = self.own[start..].partition_point(|own| own.member == member);
        &self.own[start..start + length]
    }

    /// What is left of a segment without the records of one member.
    pub(super) fn without(segment: &Bytes, own: &[Own], framing: usize) -> Vec<Bytes> {
        let mut pieces = Vec::with_capacity(own.len() + 1);
        let mut from = 0;
        for (start, end) in own.iter().map(|own| own.ranges[framing]) {
            if from < start as usize {
                pieces.push(segment.slice(from..start as usize));
            }
            from = end as usize;
        }
        if from < segment.len() {
            pieces.push(segment.slice(from..));
        }
        pieces
    }
}

/// Who sent a command, and what the room needs to answer.
pub(super) struct Sender<D: Dialect> {
    pub(super) to: To<D>,
    pub(super) member: Member,
    pub(super) framing: Framing,
    /// The command asks for an opening message.
    pub(super) opens: bool,
    pub(super) answer: Wanted<D>,
}

/// Who wants the answer to a command.
pub(super) enum Wanted<D: Dialect> {
    /// There is none: the command is of a session that has joined the room.
    Nothing,
    /// A caller without a session.
    ByCaller(Caller<D>),
    /// The session that sent the command, with this ticket.
    BySession(u64),
    /// Nobody: the room itself wanted it.
    ByNobody,
}

impl<D: Dialect> Sender<D> {
    /// Who is to be told how the command ended, if that is anybody.
    pub(super) fn into_hearer(self) -> Option<AnswerTo<D>> {
        match self.answer {
            Wanted::Nothing | Wanted::ByNobody => None,
            Wanted::ByCaller(caller) => Some(AnswerTo::Caller(caller)),
            Wanted::BySession(ticket) => Some(AnswerTo::Session { to: self.to, ticket }),
        }
    }
}

/// Who a reply goes to.
pub(super) enum To<D: Dialect> {
    /// A connection of this shard.
    Here(Rc<Connection<D>>),
    /// A member on another shard.
    There(Member),
    /// Nobody: whoever calls is answered.
    Caller,
}

impl<D: Dialect> Clone for To<D> {
    fn clone(&self) -> Self {
        match self {
            Self::Here(connection) => Self::Here(connection.clone()),
            Self::There(member) => Self::There(*member),
            Self::Caller => Self::Caller,
        }
    }
}

impl<D: Dialect> To<D> {
    pub(super) fn is(&self, member: Member) -> bool {
        match self {
            Self::Here(connection) => connection.member() == member,
            Self::There(there) => *there == member,
            Self::Caller => member == Member::CALLER,
        }
    }
}

/// An opening message for one member.
pub(super) struct Opening<D: Dialect> {
    pub(super) to: To<D>,
    pub(super) room: RoomKey,
    /// The whole message, without a frame.
    pub(super) message: Bytes,
    /// It says all up to this version.
    pub(super) version: u64,
    /// What was kept comes behind it.
    pub(super) replay: Option<Box<replay::Wanted>>,
}

/// An entry that one member is to be sent, as it is then.
pub(super) struct Resend<D: Dialect> {
    pub(super) to: To<D>,
    pub(super) key: Box<[u8]>,
}

/// A committed turn: everything that waits for one position to be durable.
pub(super) struct Pending<D: Dialect> {
    pub(super) position: Position,
    /// The rooms that took part, and what becomes visible of them, if anything.
    pub(super) rooms: Vec<(RoomKey, Option<Released>)>,
    pub(super) openings: Vec<Opening<D>>,
    pub(super) replies: Vec<(To<D>, Bytes)>,
    pub(super) resends: Vec<Resend<D>>,
    pub(super) answers: Vec<Answered<D>>,
    /// What rooms tell those who watch them.
    pub(super) noted: Vec<Noted<D>>,
    /// Bytes of the commands in it and of what they made, as counted by the hub's pressure.
    pub(super) bytes: usize,
    /// When it was committed.
    pub(super) since: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_gets_everything_but_its_own() {
        let own = |member, number, start, end| Own {
            member: Member(member),
            number,
            ranges: [(0, 0), (start, end)],
        };
        let segment = Bytes::from_static(b"aabbccdd");
        let released = Released {
            first: 1,
            last: 4,
            count: 4,
            segments: [None, Some(segment.clone())],
            own: vec![own(1, 1, 0, 2), own(1, 3, 4, 6), own(2, 2, 2, 4), own(3, 4, 6, 8)],
            keys: None,
        };
        let rest =
            |member| Released::without(&segment, released.own_of(Member(member)), 1).concat();
        assert_eq!(rest(1), b"bbdd");
        assert_eq!(rest(2), b"aaccdd");
        assert_eq!(rest(3), b"aabbcc");
        assert_eq!(rest(4), b"aabbccdd");
    }

    #[test]
    fn the_keys_of_ones_own_entries_are_left_out() {
        let own = |member, number| Own { member: Member(member), number, ranges: [(0, 0); 2] };
        let mut keys = Keys::default();
        for (version, key) in [(11, "a"), (12, "b"), (13, "a"), (14, "")] {
            keys.push(version, key.as_bytes());
        }
        let released = Released {
            first: 11,
            last: 14,
            count: 4,
            segments: [None, None],
            own: vec![own(1, 11), own(1, 12), own(2, 13), own(2, 14)],
            keys: None,
        };
        let rest = |member| -> Vec<&[u8]> {
            released.keys_for(&keys, released.own_of(Member(member))).collect()
        };
        assert_eq!(rest(1), [&b"a"[..], b""]);
        assert_eq!(rest(2), [&b"a"[..], b"b"]);
        assert_eq!(rest(3), [&b"a"[..], b"b", b"a", b""]);
        assert_eq!(keys.bytes(), 3 + 4 * size_of::<(u64, usize)>());
    }
}
