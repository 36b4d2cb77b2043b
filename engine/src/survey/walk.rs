//! Walks a segment that has no footer, frame by frame, and goes on behind a damage.
//!
//! Where the next frame begins behind a bad one is taken from two places only: the bad frame's own
//! length, when sound frames lead from there to a mark or to the end; and else the next mark, which
//! has 96 check bits. Payloads are never searched for frames: clients choose them.

use super::{
    bytes::FileBytes,
    damage::Flaw,
    look::{Looked, Spot, Stretch, Subject},
};
use crate::{
    error::Error,
    format::{
        VERSION,
        check::{KeyHash, Salt},
        frame::{ALIGN_BYTES, BadFrame, Frame, HEAD_BYTES, Head, Kind},
        header::HEADER_BYTES,
        mark::{self, MARK_BYTES},
        table::TableBuilder,
    },
    options::SEGMENT_BYTES_MAX,
};

/// Bytes in which the next mark is looked for at once.
const SEARCH_BYTES: usize = 1 << 20;

/// Walks the frames; `looked.end` is where they end then.
///
/// # Errors
/// [`Error::Unsupported`] for a frame of a newer version.
pub(super) fn walk(
    looked: &mut Looked,
    bytes: &mut FileBytes,
    subject: &Subject<'_>,
) -> Result<(), Error> {
    let limit = subject.expected.unwrap_or(u64::MAX).min(SEGMENT_BYTES_MAX);
    let mut walk = Walk {
        bytes,
        salt: subject.salt,
        hash: subject.hash,
        limit,
        is_expected: subject.expected.is_some(),
        looked,
        table: TableBuilder::default(),
        start: HEADER_BYTES as u64,
        batch_at: HEADER_BYTES as u64,
    };
    walk.run()
}

struct Walk<'a> {
    bytes: &'a mut FileBytes,
    salt: Salt,
    hash: KeyHash,
    /// No frame reaches beyond this.
    limit: u64,
    /// The frames end at the limit for certain.
    is_expected: bool,
    looked: &'a mut Looked,
    table: TableBuilder,
    /// Where the present stretch begins.
    start: u64,
    /// Where the last whole batch ends.
    batch_at: u64,
}

/// What stands at a place.
enum Step {
    /// A sound frame that ends there.
    Frame {
        end: u64,
    },
    /// The end: everything behind is zero, or of no concern.
    End,
    Bad,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let mut at = HEADER_BYTES as u64;
        loop {
            match self.take(at)? {
                Step::Frame { end } => at = end,
                Step::End => break,
                Step::Bad => {
                    self.finish(at);
                    let Some(next) = self.go_on(at)? else { break };
                    (at, self.start, self.batch_at) = (next, next, next);
                }
            }
        }
        self.finish(at);
        if self.batch_at < at {
            self.looked.flaw(self.batch_at, at - self.batch_at, Flaw::Unfinished, self.batch_at);
        }
        Ok(())
    }

    /// Ends the present stretch at `at`.
    fn finish(&mut self, at: u64) {
        self.looked.end = self.looked.end.max(at as u32);
        let table = std::mem::take(&mut self.table).finish();
        if table.items > 0 {
            self.looked.stretches.push(Stretch { start: self.start as u32, table });
        }
    }

    fn take(&mut self, at: u64) -> Result<Step, Error> {
        let (salt, hash, between) = (self.salt, self.hash, at == self.batch_at);
        let (frame, table) = (frame_at(self.bytes, salt, at, self.limit), &mut self.table);
        let frame = match frame {
            Ok(frame) if frame.kind != Kind::Footer => frame,
            Err(BadFrame::Newer) => return Err(Error::Unsupported { version: VERSION + 1 }),
            Ok(_) | Err(BadFrame::Damaged) => {
                return Ok(if self.is_end(at) { Step::End } else { Step::Bad });
            }
        };
        if matches!(frame.kind, Kind::Flush | Kind::Close) {
            match mark::durable(&frame, salt, at as u32).filter(|_| between) {
                Some(durable) => self.looked.durable = self.looked.durable.max(durable),
                None => return Ok(Step::Bad),
            }
        }
        table.push(&frame, hash);
        let (end, ends_batch) = (at + frame.padded() as u64, frame.end);
        if ends_batch {
            self.batch_at = end;
        }
        Ok(Step::Frame { end })
    }

    /// Whether the frames end here in order.
    fn is_end(&mut self, at: u64) -> bool {
        if self.is_expected {
            return at == self.limit;
        }
        let limit = self.bytes.limit();
        self.bytes.used(at, limit).is_none()
    }

    /// Notes the bad place and finds where the walk goes on.
    fn go_on(&mut self, at: u64) -> Result<Option<u64>, Error> {
        let file_bytes = self.bytes.limit();
        let batch_at = self.batch_at;
        if self.is_expected && at >= file_bytes {
            self.looked.flaw(at, self.limit - at, Flaw::CutShort, batch_at);
            self.looked.end = self.limit as u32;
            return Ok(None);
        }
        let (next, flaw) = match self.hop(at) {
            Some(next) => (Some(next), Flaw::Frame),
            None => (self.next_mark(at), Flaw::Frames),
        };
        let used = self.bytes.used(at, file_bytes).map_or(at, |used| used.end);
        let end = if self.is_expected { self.limit } else { used };
        let bytes = next.unwrap_or(end).saturating_sub(at);
        self.looked.spots.push(Spot { offset: at, bytes, flaw, batch_at, is_told: false });
        if next.is_none() {
            self.looked.end = end.min(SEGMENT_BYTES_MAX) as u32;
            self.batch_at = at;
        }
        Ok(next)
    }

    /// Where the frame behind a bad one begins by the bad one's own length, if that can be relied on.
    fn hop(&mut self, at: u64) -> Option<u64> {
        let head = Head::parse(self.bytes.from(at, HEAD_BYTES));
        let by_length = head.map(|head| at + head.padded() as u64);
        // Where a mark may have stood its length is known.
        let by_mark = Some(at + MARK_BYTES as u64);
        [by_length, by_mark].into_iter().flatten().find(|next| self.leads(*next))
    }

    /// Whether sound frames lead from here to a mark, or to the end.
    fn leads(&mut self, mut at: u64) -> bool {
        if self.is_expected && at == self.limit {
            return true;
        }
        let mut frames = 0;
        while let Ok(frame) = frame_at(self.bytes, self.salt, at, self.limit) {
            if mark::durable(&frame, self.salt, at as u32).is_some() {
                return true;
            }
            if matches!(frame.kind, Kind::Flush | Kind::Close | Kind::Footer) {
                return false;
            }
            (at, frames) = (at + frame.padded() as u64, frames + 1);
        }
        frames > 0 && self.is_end(at)
    }

    /// Where the next mark begins behind a bad place.
    fn next_mark(&mut self, at: u64) -> Option<u64> {
        let mut at = at + ALIGN_BYTES as u64;
        let limit = self.bytes.limit().min(self.limit);
        while at + MARK_BYTES as u64 <= limit {
            let chunk = self.bytes.from(at, SEARCH_BYTES);
            let chunk = &chunk[..chunk.len().min((limit - at) as usize)];
            if let Some(found) = find_mark(chunk, self.salt, at as u32) {
                return Some(at + found as u64);
            }
            if chunk.len() < MARK_BYTES {
                return None;
            }
            // The next chunk begins with what a mark may have begun in this one.
            at += (chunk.len() - MARK_BYTES + ALIGN_BYTES) as u64 & !7;
        }
        None
    }
}

/// The sound frame at a place, if it ends before the limit.
fn frame_at(bytes: &mut FileBytes, salt: Salt, at: u64, limit: u64) -> Result<Frame<'_>, BadFrame> {
    let head = Head::parse(bytes.from(at, HEAD_BYTES)).ok_or(BadFrame::Damaged)?;
    if head.padded() as u64 > limit.min(bytes.limit()).saturating_sub(at) {
        return Err(BadFrame::Damaged);
    }
    Frame::check(bytes.from(at, head.padded()), salt, at as u32)
}

fn find_mark(bytes: &[u8], salt: Salt, offset: u32) -> Option<usize> {
    let at_most = bytes.len().checked_sub(MARK_BYTES)?;
    (0..=at_most).step_by(ALIGN_BYTES).find(|at| {
        let (bytes, here) = (&bytes[*at..], offset + *at as u32);
        bytes[0] == MARK_BYTES as u8
            && bytes[1] == 0
            && Frame::check(bytes, salt, here)
                .is_ok_and(|frame| mark::durable(&frame, salt, here).is_some())
    })
}
