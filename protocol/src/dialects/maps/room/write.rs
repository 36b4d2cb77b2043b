//! Operations taken: which win, and what becomes of the others.
//!
//! Knows the order of records; nothing of who may write what, which was checked before.

use std::cmp::Ordering;

use bytes::Bytes;

use super::{
    super::{
        command::{Write, Written},
        digest::Path,
        fault::Fault,
        hlc::Hlc,
        proto::{ErrorCode, OpResult, op_result::Outcome},
        record::{Record, RecordRef},
        settings::Ack,
        window::Changes,
    },
    map::{Map, as_of, read, stored},
    pages::op_bytes,
};
use crate::dialect::{Collections, UnixMillis, Unreadable};

const MAP_FULL: Fault = Fault::new(ErrorCode::TooLarge, "the map holds as many keys as it may");
const BEYOND_GC: Fault =
    Fault::new(ErrorCode::BeyondGc, "older than the removals that are known here");
const SAME_PATH: Fault = Fault::new(ErrorCode::Internal, "another key has the same path");

/// What becomes of an operation.
enum Fate {
    /// It wins.
    Applied,
    /// What is there wins, with this timestamp.
    Stale(Hlc),
    /// It is what is there.
    Duplicate,
    Rejected(Fault),
}

impl Map {
    /// Takes operations in their order; at most a batch of them. What is there is read once for each, a
    /// winner hashed once and encoded once for everyone who hears of it.
    ///
    /// # Errors
    /// [`Unreadable`]; then nothing was changed.
    pub(super) fn write(
        &mut self,
        write: &Write,
        now: UnixMillis,
        collections: &mut impl Collections,
    ) -> Result<(Written, Changes), Unreadable> {
        let before = self.read_before(write, collections)?;
        let (last_seq, mut changes) = (self.last_seq(), self.room_for(write));
        let has_twins = has_twins(&before);
        let durable = self.settings.ack == Ack::Durable;
        let mut written = Written { results: Vec::new(), applied: 0, durable };
        for ((index, record), (path, before)) in write.ops.iter().zip(before) {
            // An operation before this one may have put something in its place.
            let put_before =
                has_twins && self.index.get(path).is_some_and(|entry| entry.seq > last_seq);
            let before = if put_before { read(path, collections).ok() } else { before };
            let old = before.as_ref().and_then(|bytes| stored(bytes).ok());
            let old = old.as_ref().map(|stored| &stored.record);
            let record = record.as_ref();
            let fate = self.judge(&record, old, now);
            if matches!(fate, Fate::Applied) {
                self.put(path, &record, old, now, collections, &mut changes);
                written.applied += 1;
            } else {
                written.results.push(result(*index, fate));
            }
        }
        Ok((written, changes))
    }

    /// Room for a change of each operation.
    fn room_for(&self, write: &Write) -> Changes {
        let bytes = write.ops.iter().map(|(_, record)| op_bytes(&self.name, &record.as_ref()));
        Changes::with_capacity(write.ops.len(), bytes.sum())
    }

    /// The path of each operation, and what is there.
    fn read_before(
        &self,
        write: &Write,
        collections: &impl Collections,
    ) -> Result<Vec<(Path, Option<Bytes>)>, Unreadable> {
        let read = |(_, record): &(u32, Record)| {
            let path = Path::of(&record.key);
            if self.index.get(path).is_none() {
                return Ok((path, None));
            }
            let bytes = read(path, collections)?;
            stored(&bytes)?;
            Ok((path, Some(bytes)))
        };
        write.ops.iter().map(read).collect()
    }

    fn judge(&self, new: &RecordRef<'_>, old: Option<&RecordRef<'_>>, now: UnixMillis) -> Fate {
        let Some(old) = old else {
            return self.judge_new(new);
        };
        if old.key != new.key {
            return Fate::Rejected(SAME_PATH);
        }
        // A life that is over counts as ended, also before a sweep ends it.
        let old = as_of(old.clone(), now);
        match new.compare(&old) {
            Ordering::Greater => Fate::Applied,
            Ordering::Equal => Fate::Duplicate,
            Ordering::Less => Fate::Stale(old.hlc),
        }
    }

    /// Of an operation on a key that is not there.
    fn judge_new(&self, new: &RecordRef<'_>) -> Fate {
        if new.hlc.millis < self.meta.watermark_ms {
            return Fate::Rejected(BEYOND_GC);
        }
        if self.index.len() as u64 >= self.settings.limits.map_keys_max {
            return Fate::Rejected(MAP_FULL);
        }
        Fate::Applied
    }
}

/// Whether two operations are on one key.
fn has_twins(before: &[(Path, Option<Bytes>)]) -> bool {
    let mut paths: Vec<_> = before.iter().map(|(path, _)| *path).collect();
    paths.sort_unstable();
    !paths.is_sorted_by(|a, b| a < b)
}

fn result(index: u32, fate: Fate) -> OpResult {
    let of = |outcome: Outcome| OpResult { index, outcome: outcome.into(), ..OpResult::default() };
    match fate {
        Fate::Applied => of(Outcome::Applied),
        Fate::Stale(current) => {
            OpResult { current_timestamp: current.to_string(), ..of(Outcome::Stale) }
        }
        Fate::Duplicate => of(Outcome::Duplicate),
        Fate::Rejected(Fault { code, message }) => {
            let rejected = of(Outcome::Rejected);
            OpResult { code: code.into(), message: message.into(), ..rejected }
        }
    }
}
