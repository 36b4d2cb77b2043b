//! What a room that writes behind shows in a turn, in the order in which it said it: frames that many
//! get, made once; frames for one; openings; goodbyes.
//!
//! Knows frames and who is left out; nothing of stores and sockets.

use std::ops::Range;

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Framing, Member, Violation};

use crate::ws::framed;

use super::{
    frames::opcode,
    release::{Opening, To},
};

/// One thing that a room shows.
pub(super) enum Item<D: Dialect> {
    /// Frames that everybody in the room gets, but for their senders.
    Many(Segment),
    /// So many frames for one member, in this place among those for one.
    One { to: To<D>, place: Range<usize>, frames: u32 },
    /// An opening message.
    Open(Opening<D>),
    /// A connection that is closed.
    Dismiss { to: To<D>, violation: Violation },
}

/// A frame in a segment that one member does not get.
#[derive(Clone, Copy, Debug)]
struct Own {
    member: Member,
    /// How many frames stand before it.
    before: u32,
    start: u32,
    end: u32,
}

/// Finished frames, one behind the other, that everybody in a room gets who did not send them.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    bytes: Bytes,
    frames: u32,
    /// What members do not get, by member and then by place.
    own: Vec<Own>,
}

/// A segment that grows.
#[derive(Debug, Default)]
struct Growing {
    bytes: Vec<u8>,
    frames: u32,
    own: Vec<Own>,
}

impl Growing {
    fn add(&mut self, framing: Framing, message: &[u8], except: Option<Member>) {
        let start = self.bytes.len() as u32;
        framed(&mut self.bytes, opcode(framing), message.len(), |out| {
            out.extend_from_slice(message);
        });
        if let Some(member) = except {
            let (before, end) = (self.frames, self.bytes.len() as u32);
            self.own.push(Own { member, before, start, end });
        }
        self.frames += 1;
    }

    fn finish(self) -> Segment {
        let Self { bytes, frames, mut own } = self;
        // Stable: what one member sent stays in order.
        own.sort_by_key(|own| own.member);
        Segment { bytes: bytes.into(), frames, own }
    }
}

impl Segment {
    pub(super) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// What it holds, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.len() + self.own.len() * size_of::<Own>()
    }

    /// Calls `each` with the pieces that a member gets and how many frames each has; with the whole
    /// segment where none of it is the member's own. Says whether there was any.
    pub(super) fn pieces_for(
        &self,
        member: Member,
        mut each: impl FnMut(Bytes, u32, Whole),
    ) -> bool {
        let first = self.own.partition_point(|own| own.member < member);
        let own = &self.own[first..];
        let own = &own[..own.partition_point(|own| own.member == member)];
        if own.is_empty() {
            each(self.bytes.clone(), self.frames, Whole::Yes);
            return true;
        }
        let (mut from, mut passed) = (0, 0);
        for Own { before, start, end, .. } in own.iter().copied() {
            if passed < before {
                each(self.bytes.slice(from..start as usize), before - passed, Whole::No);
            }
            (from, passed) = (end as usize, before + 1);
        }
        if passed < self.frames {
            each(self.bytes.slice(from..), self.frames - passed, Whole::No);
        }
        own.len() < self.frames as usize
    }
}

/// Whether a piece is all of what it is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Yes,
    No,
}

/// What a room has shown since the turn began.
pub(super) struct Showing<D: Dialect> {
    items: Vec<Item<D>>,
    /// Frames for many with nothing else behind them yet.
    growing: Growing,
    /// Frames for one, one behind the other.
    ones: Vec<u8>,
}

impl<D: Dialect> Default for Showing<D> {
    fn default() -> Self {
        Self { items: Vec::new(), growing: Growing::default(), ones: Vec::new() }
    }
}

impl<D: Dialect> Showing<D> {
    /// A message for everybody but one.
    pub(super) fn many(&mut self, framing: Framing, message: &[u8], except: Option<Member>) {
        self.growing.add(framing, message, except);
    }

    /// A message for one member.
    pub(super) fn one(&mut self, to: To<D>, member: Member, framing: Framing, message: &[u8]) {
        let start = self.ones.len();
        framed(&mut self.ones, opcode(framing), message.len(), |out| {
            out.extend_from_slice(message);
        });
        let end = self.ones.len();
        if self.growing.frames == 0
            && let Some(Item::One { to, place, frames }) = self.items.last_mut()
            && to.is(member)
        {
            (place.end, *frames) = (end, *frames + 1);
            return;
        }
        self.push(Item::One { to, place: start..end, frames: 1 });
    }

    /// An opening or a goodbye.
    pub(super) fn push(&mut self, item: Item<D>) {
        self.end_segment();
        self.items.push(item);
    }

    /// The last opening of a member.
    pub(super) fn opening_of(&mut self, member: Member) -> Option<&mut Opening<D>> {
        self.openings().filter(|opening| opening.to.is(member)).last()
    }

    /// All openings, in order.
    pub(super) fn openings(&mut self) -> impl Iterator<Item = &mut Opening<D>> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Open(opening) => Some(opening),
            _ => None,
        })
    }

    fn end_segment(&mut self) {
        if self.growing.frames > 0 {
            let segment = std::mem::take(&mut self.growing).finish();
            self.items.push(Item::Many(segment));
        }
    }

    /// All of it, finished.
    pub(super) fn finish(self) -> Shown<D> {
        Shown { items: self.items, last: self.growing.finish(), ones: self.ones.into() }
    }
}

/// What a room has shown in a turn.
pub(super) struct Shown<D: Dialect> {
    pub(super) items: Vec<Item<D>>,
    /// What stands behind the items: in nearly all turns that is all there is.
    pub(super) last: Segment,
    /// Where the frames for one lie.
    pub(super) ones: Bytes,
}

impl<D: Dialect> Shown<D> {
    /// What it holds, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        let held = |item: &Item<D>| match item {
            Item::Many(segment) => segment.held_bytes(),
            Item::Open(opening) => opening.message.len(),
            Item::One { .. } | Item::Dismiss { .. } => 0,
        };
        let items = self.items.iter().map(held).sum::<usize>();
        self.ones.len() + self.last.held_bytes() + items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a member gets of some one-byte messages, each with who sent it, and in how many frames.
    fn rest(sent: &[(u8, Option<u64>)], member: u64) -> (Vec<u8>, u32) {
        let mut growing = Growing::default();
        for (byte, from) in sent {
            growing.add(Framing::Binary, &[*byte], from.map(Member));
        }
        let segment = growing.finish();
        let (mut got, mut counted) = (Vec::new(), 0);
        let any = segment.pieces_for(Member(member), |piece, frames, whole| {
            assert_eq!(piece.len(), 3 * frames as usize, "frames of three bytes");
            assert_eq!(whole == Whole::Yes, frames as usize == sent.len());
            got.extend(piece.chunks(3).map(|frame| frame[2]));
            counted += frames;
        });
        assert_eq!(any, counted > 0);
        (got, counted)
    }

    #[test]
    fn everyone_gets_all_but_its_own() {
        let sent = [
            (b'a', Some(1)),
            (b'b', Some(2)),
            (b'c', None),
            (b'd', Some(1)),
            (b'e', Some(1)),
            (b'f', Some(3)),
        ];
        for member in 0..5 {
            let expected: Vec<u8> = sent
                .iter()
                .filter(|(_, from)| *from != Some(member))
                .map(|(byte, _)| *byte)
                .collect();
            let count = expected.len() as u32;
            assert_eq!(rest(&sent, member), (expected, count));
        }
        assert_eq!(rest(&[(b'a', Some(1)), (b'b', Some(1))], 1), (vec![], 0));
    }
}
