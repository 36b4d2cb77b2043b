//! Completes the frames of a batch and points the indexes at them, one collection after another.
//!
//! Runs inside the critical section, so it neither fails nor waits. Knows frames and indexes;
//! nothing of segments' files or of the tail.

use std::ops::Range;

use crate::{
    collection::{LogData, MapData},
    format::{
        check::Salt,
        frame::{self, Frame, Kind},
    },
    ids::Seq,
    index::log::{LogIndex, Stretch},
    location::Location,
    read::resolve::Held,
    segment::file::Segment,
    segment::segments::Segments,
    sync::{Arc, atomic::Ordering},
};

/// The sequence numbers that a batch's appends got.
#[derive(Clone, Debug)]
pub(crate) enum Seqs {
    One([Seq; 1]),
    Many(Vec<Seq>),
}

impl Seqs {
    fn with_capacity(count: usize) -> Self {
        if count == 1 { Self::One([Seq(0)]) } else { Self::Many(Vec::with_capacity(count)) }
    }

    fn push(&mut self, seq: u64) {
        match self {
            Self::One(one) => one[0] = Seq(seq),
            Self::Many(many) => many.push(Seq(seq)),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Seq] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }
}

/// Frames that no index points at any more.
#[derive(Debug)]
pub(crate) enum Released {
    /// Records of a log, all before this sequence number.
    Records(Arc<LogData>, Vec<Stretch>, Range<u64>),
    /// Puts of a map.
    Puts(Vec<Location>),
}

/// What the frames of one batch share while they are placed.
pub(crate) struct Placing<K> {
    slot: u16,
    salt: Salt,
    /// Offset of the batch's first frame in the segment.
    start: u32,
    /// Hash and present holder of each put's and remove's key, in order.
    keys: K,
    /// Puts that this batch has placed: only then can a key have moved since it was looked up.
    puts: usize,
    /// Bytes that an index points at from now on.
    pub(crate) live: usize,
    pub(crate) seqs: Seqs,
    pub(crate) released: Vec<Released>,
}

impl<K: Iterator<Item = (u64, Option<Held>)>> Placing<K> {
    pub(crate) fn new(segment: &Segment, start: u32, appends: usize, keys: K) -> Self {
        Self {
            slot: segment.slot,
            salt: segment.salt,
            start,
            keys,
            puts: 0,
            live: 0,
            seqs: Seqs::with_capacity(appends),
            released: Vec::new(),
        }
    }

    fn location(&self, at: usize) -> Location {
        Location { slot: self.slot, offset: self.start + at as u32 }
    }

    /// Places the frames of one log that begin at `at`; returns where they end.
    pub(crate) fn log(
        &mut self,
        bytes: &mut [u8],
        mut at: usize,
        frames: usize,
        log: &Arc<LogData>,
    ) -> usize {
        let mut index = log.index.write();
        let (mut adjacent, mut payload_bytes) = (false, 0);
        for _ in 0..frames {
            let frame = Frame::trusted(&bytes[at..]);
            let (kind, padded) = (frame.kind, frame.padded());
            let mut seq = 0;
            match kind {
                Kind::Append => {
                    seq = index.next();
                    payload_bytes += frame.payload().len() as u64;
                    index.push(self.location(at), padded, adjacent);
                    self.seqs.push(seq);
                    self.live += padded;
                }
                Kind::Trim => self.trim(&mut index, log, frame.seq()),
                Kind::Drop => {
                    let next = index.next();
                    self.trim(&mut index, log, next);
                    log.dropped.store(true, Ordering::Release);
                }
                _ => {}
            }
            adjacent = kind == Kind::Append;
            frame::place(&mut bytes[at..], self.salt, self.start + at as u32, seq);
            at += padded;
        }
        log.add_bytes(&index, payload_bytes as i64);
        at
    }

    fn trim(&mut self, index: &mut LogIndex, log: &Arc<LogData>, seq: u64) {
        let range = index.first()..seq;
        if !range.is_empty() {
            let mut stretches = Vec::new();
            index.stretches(range.start, range.end, usize::MAX, &mut stretches);
            index.trim(seq);
            self.released.push(Released::Records(Arc::clone(log), stretches, range));
        }
    }

    /// Places the frames of one map that begin at `at`; returns where they end.
    pub(crate) fn map(
        &mut self,
        bytes: &mut [u8],
        mut at: usize,
        frames: usize,
        map: &Arc<MapData>,
        segments: &Segments,
    ) -> usize {
        for _ in 0..frames {
            let frame = Frame::trusted(&bytes[at..]);
            let (kind, padded) = (frame.kind, frame.padded());
            match kind {
                Kind::Put | Kind::Remove => {
                    let (hash, held) = self.keys.next().unwrap_or_default();
                    let held = self.moved(bytes, map, hash, frame.key()).or(held);
                    let new = (kind == Kind::Put).then(|| self.location(at));
                    let gone = point(map, hash, held, new);
                    if let Some(gone) = gone
                        && let Ok(segment) = segments.at(gone.location.slot)
                    {
                        segment.add_live(-(gone.bytes as i64));
                    }
                    if new.is_some() {
                        (self.live, self.puts) = (self.live + padded, self.puts + 1);
                    }
                }
                Kind::Drop => {
                    self.released.push(Released::Puts(map.index.take()));
                    map.dropped.store(true, Ordering::Release);
                }
                _ => {}
            }
            frame::place(&mut bytes[at..], self.salt, self.start + at as u32, 0);
            at += padded;
        }
        at
    }

    /// The put of this very batch that holds a key.
    fn moved(&self, bytes: &[u8], map: &MapData, hash: u64, key: &[u8]) -> Option<Held> {
        if self.puts == 0 {
            return None;
        }
        let matches = map.index.matches(hash);
        matches.iter().filter(|m| m.slot == self.slot).find_map(|location| {
            let at = location.offset.checked_sub(self.start)? as usize;
            let frame = Frame::trusted(&bytes[at..]);
            (frame.key() == key).then(|| Held { location, bytes: frame.padded() })
        })
    }
}

/// Points a key to its new frame, or to none; returns the frame that it pointed to.
fn point(map: &MapData, hash: u64, held: Option<Held>, new: Option<Location>) -> Option<Held> {
    let gone = match (held, new) {
        (Some(old), Some(new)) => map.index.replace(hash, old.location, new),
        (Some(old), None) => map.index.remove(hash, old.location),
        (None, _) => false,
    };
    if let Some(new) = new
        && !gone
    {
        map.index.insert(hash, new);
    }
    held.filter(|_| gone)
}
