//! One room of a yardstick: its members and the segment of the current turn. It knows no socket.

use crate::wire::message;

/// One room.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The connections that joined.
    pub(super) members: Vec<usize>,
    /// The sequence number last given.
    pub(super) sequence: u64,
    /// The finished frames of this turn, one behind the other.
    pub(super) segment: Vec<u8>,
    spans: Vec<Span>,
}

/// Where one member's frames begin in a segment; they end where the next span begins.
#[derive(Clone, Copy, Debug)]
struct Span {
    member: usize,
    start: usize,
}

impl Room {
    /// Numbers a change and appends its frame to the segment. Returns its sequence number.
    pub(super) fn publish(&mut self, member: usize, source: &[u8], payload: &[u8]) -> u64 {
        self.sequence += 1;
        if self.spans.last().is_none_or(|span| span.member != member) {
            self.spans.push(Span { member, start: self.segment.len() });
        }
        message::push_change(&mut self.segment, self.sequence, source, payload);
        self.sequence
    }

    /// Puts into `out` the parts of the segment that are not `member`'s own.
    pub(super) fn others(&self, member: usize, out: &mut Vec<u8>) {
        out.clear();
        for (i, span) in self.spans.iter().enumerate() {
            let end = self.spans.get(i + 1).map_or(self.segment.len(), |next| next.start);
            if span.member != member {
                out.extend_from_slice(&self.segment[span.start..end]);
            }
        }
    }

    /// Begins the next turn.
    pub(super) fn end_turn(&mut self) {
        self.segment.clear();
        self.spans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_gets_the_frames_of_the_others_in_order() {
        let mut room = Room::default();
        let mut expected = Vec::new();
        for (sequence, member) in [(1, 5), (2, 5), (3, 9), (4, 5)] {
            assert_eq!(room.publish(member, b"source", b"payload"), sequence);
            if member == 5 {
                message::push_change(&mut expected, sequence, b"source", b"payload");
            }
        }
        let mut out = Vec::new();
        room.others(9, &mut out);
        assert_eq!(out, expected);
        room.others(7, &mut out);
        assert_eq!(out, room.segment);
        room.end_turn();
        room.others(7, &mut out);
        assert!(out.is_empty());
        assert_eq!(room.publish(5, b"source", b""), 5);
    }
}
