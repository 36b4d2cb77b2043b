//! A cursor into a room's log: for those who join and those who lag.
//!
//! Knows the log and which records to skip; nothing of connections.

use std::collections::VecDeque;

use syncline_engine::{Error, Log, LogReader, Seq};

/// Bytes of history encoded at a time.
pub(super) const CHUNK_BYTES: usize = 256 << 10;
/// What a record takes on the wire, for a first guess of a chunk's size.
const RECORD_BYTES_GUESS: usize = 256;
/// A connection that lags takes no more commands when it has this many records of its own to skip.
pub(super) const OWN_RECORDS_MAX: usize = 4_096;

/// A cursor into a room's log.
#[derive(Debug)]
pub(super) struct CatchUp {
    next: u64,
    /// Records from `next` on that the connection sent itself since it joined: it gets none back.
    own: VecDeque<u64>,
    /// Reads up to and with the given sequence number.
    reader: Option<(LogReader, u64)>,
    /// The session has asked for history and is to be told when it has it all.
    joining: bool,
}

impl CatchUp {
    pub(super) fn joining(next: u64) -> Self {
        Self { next, own: VecDeque::new(), reader: None, joining: true }
    }

    pub(super) fn lagging(next: u64) -> Self {
        Self { next, own: VecDeque::new(), reader: None, joining: false }
    }

    /// Remembers records that the connection sent itself.
    pub(super) fn skip(&mut self, seqs: impl Iterator<Item = u64>) {
        self.own.extend(seqs);
    }

    /// Whether it begins behind what this shard has heard of yet: then it waits for that.
    pub(super) fn is_ahead_of(&self, released: u64) -> bool {
        self.next > released + 1
    }

    /// Whether all up to `released` was read.
    pub(super) fn is_through(&self, released: u64) -> bool {
        self.next > released
    }

    /// Whether the session asked for this history.
    pub(super) fn is_joining(&self) -> bool {
        self.joining
    }

    pub(super) fn own_records(&self) -> usize {
        self.own.len()
    }

    /// The next records up to `released`, encoded one behind the other by `deliver`.
    pub(super) fn read_chunk(
        &mut self,
        log: &Log,
        released: u64,
        mut deliver: impl FnMut(u64, &[u8], &mut Vec<u8>),
    ) -> Result<Vec<u8>, Error> {
        let (reader, end) =
            self.reader.get_or_insert_with(|| (log.read(Seq(self.next)..=Seq(released)), released));
        let left = (*end + 1 - self.next) as usize;
        let guess = CHUNK_BYTES.min(left.saturating_mul(RECORD_BYTES_GUESS));
        let mut chunk = Vec::with_capacity(guess);
        while chunk.len() < CHUNK_BYTES {
            let Some(record) = reader.next_ref() else {
                // Read to the end, or trimmed: go on behind what was visible then.
                self.next = *end + 1;
                self.reader = None;
                break;
            };
            let (Seq(seq), payload) = record?;
            self.next = seq + 1;
            while self.own.front().is_some_and(|own| *own < seq) {
                self.own.pop_front();
            }
            if self.own.front() != Some(&seq) {
                deliver(seq, payload, &mut chunk);
            }
        }
        Ok(chunk)
    }
}
