//! What one room makes visible in a turn: encoded once, for each framing in use.
//!
//! Knows frames and who is left out; nothing of when it becomes visible.

use syncline_protocol::dialect::{Dialect, Framing, Member};

use super::{
    frames::{framing_index, record_frame},
    release::{Own, Released},
};

/// What a room has published since the turn began.
#[derive(Debug)]
pub(super) struct Published {
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

impl Published {
    /// Nothing yet, in a room that is followed so.
    pub(super) fn new(used: [bool; 2], sole: Option<Member>) -> Self {
        Self {
            first_seq: 0,
            last_seq: 0,
            segments: [Vec::new(), Vec::new()],
            used,
            sole,
            skipped: false,
            own: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last_seq == 0
    }

    /// Adds a record that everyone but `except` gets.
    pub(super) fn record<D: Dialect>(
        &mut self,
        dialect: &D,
        room_name: &str,
        seq: u64,
        record: &[u8],
        except: Option<Member>,
    ) {
        if self.is_empty() {
            self.first_seq = seq;
        }
        self.last_seq = seq;
        self.skipped |= self.sole.is_some() && self.sole == except;
        let mut ranges = [(0, 0); 2];
        for framing in [Framing::Text, Framing::Binary] {
            let index = framing_index(framing);
            if !self.used[index] || self.skipped {
                continue;
            }
            let segment = &mut self.segments[index];
            let start = segment.len() as u32;
            record_frame(dialect, framing, room_name, seq, record, segment);
            ranges[index] = (start, segment.len() as u32);
        }
        if let Some(member) = except {
            self.own.push(Own { member, seq, ranges });
        }
    }

    /// What becomes visible, or none when nothing was published.
    pub(super) fn finish(self) -> Option<Released> {
        if self.is_empty() {
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
