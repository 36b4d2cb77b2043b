//! What waits for durability, and how it then reaches those who follow a room.

use std::{rc::Rc, time::Instant};

use bytes::Bytes;
use syncline_engine::Position;
use syncline_protocol::dialect::{Dialect, Framing, Member};

use super::{
    call::{AnswerTo, Answered},
    connection::Connection,
    room::RoomKey,
};

/// The place of one record in the segments of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    /// Who must not get it.
    pub(super) member: Member,
    pub(super) seq: u64,
    /// Its bytes in the segment of each framing.
    pub(super) ranges: [(u32, u32); 2],
}

/// Records of one room that become visible together: encoded once for each framing in use.
#[derive(Debug)]
pub(crate) struct Released {
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    /// Finished frames, one behind the other; none where nobody used the framing.
    pub(super) segments: [Option<Bytes>; 2],
    /// Records that their senders do not get back, by member and then by place.
    pub(super) own: Vec<Own>,
}

impl Released {
    /// What it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let frames: usize = self.segments.iter().flatten().map(Bytes::len).sum();
        frames + self.own.len() * size_of::<Own>()
    }

    /// The records of this member among them.
    pub(super) fn own_of(&self, member: Member) -> &[Own] {
        let start = self.own.partition_point(|own| own.member < member);
        let length = self.own[start..].partition_point(|own| own.member == member);
        &self.own[start..start + length]
    }

    /// How many records became visible.
    pub(super) fn records(&self) -> u64 {
        self.last_seq - self.first_seq + 1
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
    /// Where a caller waits, who has no session.
    pub(super) answer_to: Option<AnswerTo<D>>,
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

/// A committed turn: everything that waits for one position to be durable.
pub(super) struct Pending<D: Dialect> {
    pub(super) position: Position,
    /// The rooms that took part, and what becomes visible of them, if anything.
    pub(super) rooms: Vec<(RoomKey, Option<Released>)>,
    pub(super) replies: Vec<(To<D>, Bytes)>,
    pub(super) answers: Vec<Answered<D>>,
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
        let own = |member, seq, start, end| Own {
            member: Member(member),
            seq,
            ranges: [(0, 0), (start, end)],
        };
        let segment = Bytes::from_static(b"aabbccdd");
        let released = Released {
            first_seq: 1,
            last_seq: 4,
            segments: [None, Some(segment.clone())],
            own: vec![own(1, 1, 0, 2), own(1, 3, 4, 6), own(2, 2, 2, 4), own(3, 4, 6, 8)],
        };
        let rest =
            |member| Released::without(&segment, released.own_of(Member(member)), 1).concat();
        assert_eq!(rest(1), b"bbdd");
        assert_eq!(rest(2), b"aaccdd");
        assert_eq!(rest(3), b"aabbcc");
        assert_eq!(rest(4), b"aabbccdd");
    }
}
