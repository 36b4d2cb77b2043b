//! What one room makes visible in a turn: encoded once, for each framing in use.
//!
//! Knows frames and who is left out; nothing of when it becomes visible.

use syncline_protocol::dialect::{Dialect, Framing, Member};

use super::{
    frames::{framing_index, record_frame},
    release::{Keys, Own, Released},
};

/// What a room has published since the turn began: records or entries.
#[derive(Debug)]
pub(super) struct Published {
    /// The first and the last sequence number, or version.
    first: u64,
    last: u64,
    count: u64,
    segments: [Vec<u8>; 2],
    /// Framings that somebody follows in: others are not encoded.
    used: [bool; 2],
    /// The only follower, if there is just one: what it sends itself need not be encoded.
    sole: Option<Member>,
    /// Something was not encoded: no segment is whole.
    skipped: bool,
    own: Vec<Own>,
    /// The keys of entries; empty for records.
    keys: Keys,
}

impl Published {
    /// Nothing yet, in a room that is followed so.
    pub(super) fn new(used: [bool; 2], sole: Option<Member>) -> Self {
        Self {
            first: 0,
            last: 0,
            count: 0,
            segments: [Vec::new(), Vec::new()],
            used,
            sole,
            skipped: false,
            own: Vec::new(),
            keys: Keys::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
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
        debug_assert!(self.keys.is_empty(), "a room publishes either records or entries");
        self.add(dialect, room_name, seq, record, except);
    }

    /// Adds a change of an entry that everyone but `except` gets.
    pub(super) fn entry<D: Dialect>(
        &mut self,
        dialect: &D,
        room_name: &str,
        (version, key): (u64, &[u8]),
        record: &[u8],
        except: Option<Member>,
    ) {
        debug_assert!(self.last < version, "versions ascend");
        self.keys.push(version, key);
        self.add(dialect, room_name, version, record, except);
    }

    fn add<D: Dialect>(
        &mut self,
        dialect: &D,
        room_name: &str,
        number: u64,
        record: &[u8],
        except: Option<Member>,
    ) {
        if self.is_empty() {
            self.first = number;
        }
        self.last = number;
        self.count += 1;
        self.skipped |= self.sole.is_some() && self.sole == except;
        let mut ranges = [(0, 0); 2];
        for framing in [Framing::Text, Framing::Binary] {
            let index = framing_index(framing);
            if !self.used[index] || self.skipped {
                continue;
            }
            let segment = &mut self.segments[index];
            let start = segment.len() as u32;
            record_frame(dialect, framing, room_name, number, record, segment);
            ranges[index] = (start, segment.len() as u32);
        }
        if let Some(member) = except {
            self.own.push(Own { member, number, ranges });
        }
    }

    /// What becomes visible, or none when nothing was published.
    pub(super) fn finish(self) -> Option<Released> {
        if self.is_empty() {
            return None;
        }
        let Self { first, last, count, segments, used, skipped, mut own, keys, .. } = self;
        let [text, binary] = segments;
        let used = used.map(|used| used && !skipped);
        // Stable: what one member sent stays in order.
        own.sort_by_key(|own| own.member);
        Some(Released {
            first,
            last,
            count,
            segments: [used[0].then(|| text.into()), used[1].then(|| binary.into())],
            own,
            keys: (!keys.is_empty()).then_some(keys),
        })
    }
}
