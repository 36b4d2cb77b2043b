//! Rows on their way out, part by part: answers to who asked, and own writes to all.
//!
//! The parts of an answer have names of their own, but for the last one, which has the request's.

use std::time::Duration;

use super::{Participant, halt::Step};
use crate::dialects::peer::{
    chunks,
    id::{PeerId, RequestId},
    now::Now,
    packet::Kind,
    rows::{Answer, Changes, PartLimits},
    store::Store,
};

/// Between two parts.
const PAUSE: Duration = Duration::from_millis(20);
/// Answers under way at a time: the oldest goes for one more, and is asked for again.
const ANSWERS_MAX: usize = 32;
/// Bytes of a packet around its piece: names, keys, signature, seal.
pub(super) const HEADER_BYTES: usize = 1024;
/// What parts the name of a part from the request's.
const PART: char = '#';

/// Rows on their way out.
#[derive(Debug)]
pub(super) struct Answering {
    /// To whom; `None`: to all.
    to: Option<PeerId>,
    request: RequestId,
    rows: Answer,
    part: u32,
    at: Duration,
}

impl Answering {
    pub(super) fn new(to: Option<PeerId>, request: RequestId, rows: Answer, now: Now) -> Self {
        Self { to, request, rows, part: 0, at: now.elapsed }
    }

    pub(super) fn to(&self) -> Option<&PeerId> {
        self.to.as_ref()
    }
}

/// The request that a part of an answer is to, and whether it is the last one.
pub(super) fn part_of(name: &RequestId) -> (RequestId, bool) {
    match name.as_str().rsplit_once(PART) {
        Some((request, _)) => (RequestId::new(request).unwrap_or_else(|| name.clone()), false),
        None => (name.clone(), true),
    }
}

impl<S: Store> Participant<S> {
    pub(super) fn begin_answer(&mut self, answering: Answering) {
        if self.answers.len() >= ANSWERS_MAX {
            self.answers.pop_front();
        }
        self.answers.push_back(answering);
    }

    /// When the next part is due.
    pub(super) fn answers_deadline(&self) -> Option<Duration> {
        self.answers.iter().map(|answering| answering.at).min()
    }

    /// Sends the parts that are due.
    pub(super) fn continue_answers(&mut self, now: Now) -> Step {
        let mut under_way = std::mem::take(&mut self.answers);
        let mut step = Ok(());
        under_way.retain_mut(|answering| {
            if step.is_err() || answering.at > now.elapsed {
                return true;
            }
            match self.send_part(answering, now) {
                Ok(goes_on) => goes_on,
                Err(halt) => {
                    step = Err(halt);
                    false
                }
            }
        });
        under_way.append(&mut self.answers);
        self.answers = under_way;
        step
    }

    /// Sends one part; whether there are more.
    fn send_part(&mut self, answering: &mut Answering, now: Now) -> Step<bool> {
        // Who asked may have been taken out since.
        if answering.to().is_some_and(|to| !self.may_read(&to.canonical())) {
            return Ok(false);
        }
        let limits = self.settings.limits;
        let limits =
            PartLimits { rows_max: limits.stream_rows_max, bytes_max: limits.stream_bytes_max };
        let part = self.replica.next_part(&self.store, &mut answering.rows, limits)?;
        let Some(changes) = part else { return Ok(false) };
        let is_last = answering.rows.is_done();
        let name = match is_last {
            true => answering.request.clone(),
            false => part_name(&answering.request, answering.part),
        };
        answering.part += 1;
        answering.at = now.elapsed + PAUSE;
        let sent = self.send_changes(answering.to.as_ref(), &name, &changes, now);
        match (&answering.to, sent, is_last) {
            (Some(_), false, _) => {
                self.election.failed();
                return Ok(false);
            }
            (Some(_), true, true) => self.election.succeeded(),
            _ => {}
        }
        Ok(!is_last)
    }

    /// Sends rows as one stream, to one or to all. False when nobody could be reached.
    pub(super) fn send_changes(
        &mut self,
        to: Option<&PeerId>,
        request: &RequestId,
        changes: &Changes,
        now: Now,
    ) -> bool {
        let old = match to {
            Some(peer) if self.is_old(peer) => {
                return self.send_whole(peer, request, changes, now);
            }
            Some(_) => Vec::new(),
            None => self.readers_by_version(true),
        };
        for peer in old {
            self.send_whole(&peer, request, changes, now);
        }
        let piece_bytes_max = self.frame_bytes_max.saturating_sub(HEADER_BYTES);
        let split = if self.settings.pads_rows { chunks::split_padded } else { chunks::split };
        let Ok(pieces) = split(changes.to_json(), piece_bytes_max) else { return false };
        let count = pieces.pieces.len();
        let mut sent = true;
        for (index, piece) in pieces.pieces.iter().enumerate() {
            let mut packet = self.packet(Kind::DataChunk, request);
            packet.uncompressed_size = pieces.uncompressed_size;
            // A stream has some thousands of pieces at most.
            packet.chunk_index = index as i32;
            packet.chunk_count = count as u32;
            packet.is_last_chunk = index + 1 == count;
            sent &= match to {
                Some(peer) => self.send_to(peer, packet, piece, now),
                None => self.send_abroad(packet, piece, now),
            };
        }
        sent
    }
}

/// The name of a part that is not the last one.
fn part_name(request: &RequestId, part: u32) -> RequestId {
    let name = format!("{}{PART}{part}", request.as_str());
    RequestId::new(&name).unwrap_or_else(|| request.clone())
}
