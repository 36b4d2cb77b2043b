//! The stored packets of a room: what is added, and what goes as it gets too old or too much.
//!
//! The log itself cannot be read here. So stretches of it are marked, and it is trimmed by whole
//! stretches: they are short enough that a 256th of what may be kept is the most that goes too early or
//! stays too long. A store that refused a turn has lost what was added and trimmed there: that shows in the
//! log's numbers, and then the marks are read again.

use std::collections::VecDeque;

use super::marks::Mark;
use crate::{
    dialect::{Collections, UnixMillis},
    dialects::peer::relay::{settings::Retention, stored::Stored},
};

/// Into how many stretches what may be kept is divided.
const STRETCHES: u64 = 256;

/// A room that keeps more packets than this drops a part of as many at once.
const PACKETS_STEPS: u64 = 1024;

/// The first packet that a log keeps, and the next one it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    first: u64,
    next: u64,
}

impl Ends {
    fn of(collections: &impl Collections) -> Self {
        let next = collections.last_seq() + 1;
        Self { first: next - collections.log_records(), next }
    }
}

/// What a room keeps.
#[derive(Debug)]
pub(super) struct Kept {
    retention: Retention,
    /// The first is not behind the first packet that is kept.
    marks: VecDeque<Mark>,
    /// Bytes of all packets, counted as in the marks.
    total: u64,
    /// How far the log goes, as it was left; `None` before the marks are loaded.
    left: Option<Ends>,
}

impl Kept {
    pub(super) fn new(retention: Retention) -> Self {
        Self { retention, marks: VecDeque::new(), total: 0, left: None }
    }

    /// Adds a packet, and drops what is too much then.
    pub(super) fn keep(
        &mut self,
        frame: &[u8],
        now: UnixMillis,
        collections: &mut impl Collections,
    ) {
        self.catch_up(now, collections);
        let head = Stored::head(now);
        let bytes = (head.len() + frame.len()) as u64;
        let seq = collections.append_parts(&[&head, frame]);
        if self.begins_stretch(bytes, now) {
            // A clock that was set back does not make what came before look younger.
            let at = self.marks.back().map_or(now, |mark| mark.at.max(now));
            let mark = Mark { seq, at, before: self.total };
            mark.store(collections);
            self.marks.push_back(mark);
        }
        self.total = self.total.saturating_add(bytes);
        self.drop_what_is_over(now, collections);
    }

    /// Drops what is too old or too much, and says how many packets went.
    pub(super) fn trim(&mut self, now: UnixMillis, collections: &mut impl Collections) -> u64 {
        self.catch_up(now, collections);
        self.drop_what_is_over(now, collections)
    }

    /// Drops everything, and says how many packets went.
    pub(super) fn forget(&mut self, collections: &mut impl Collections) -> u64 {
        self.catch_up(UnixMillis(0), collections);
        let dropped = collections.log_records();
        collections.trim(collections.last_seq() + 1);
        for mark in self.marks.drain(..) {
            mark.remove(collections);
        }
        self.left = Some(Ends::of(collections));
        dropped
    }

    /// Whether a packet of so many bytes, received now, begins a new stretch.
    fn begins_stretch(&self, bytes: u64, now: UnixMillis) -> bool {
        let Some(mark) = self.marks.back() else { return true };
        let Retention { age_max_ms, bytes_max, .. } = self.retention;
        let with_it = self.total.saturating_sub(mark.before).saturating_add(bytes);
        (age_max_ms != 0 && now.0 >= mark.at.0.saturating_add(self.stretch_ms()))
            || (bytes_max != 0 && with_it > bytes_max / STRETCHES)
    }

    /// How long a stretch lasts, in milliseconds.
    fn stretch_ms(&self) -> u64 {
        (self.retention.age_max_ms / STRETCHES).max(1)
    }

    fn drop_what_is_over(&mut self, now: UnixMillis, collections: &mut impl Collections) -> u64 {
        let Ends { first, next: end } = Ends::of(collections);
        let mut cut = first.max(self.cut_by_count(collections));
        while let Some(&mark) = self.marks.front() {
            let next = self.marks.get(1).copied();
            let until = next.map_or(end, |next| next.seq);
            if until > cut && !self.is_too_old(mark, next, now) && !self.is_too_much(mark) {
                break;
            }
            cut = cut.max(until);
            mark.remove(collections);
            self.marks.pop_front();
        }
        if cut > first {
            collections.trim(cut);
        }
        self.left = Some(Ends { first: cut, next: end });
        cut - first
    }

    /// The first packet that may stay when only their number counts.
    fn cut_by_count(&self, collections: &impl Collections) -> u64 {
        let (records, most) = (collections.log_records(), self.retention.packets_max);
        if most == 0 || records <= most {
            return 0;
        }
        collections.last_seq() + 1 - (most - most / PACKETS_STEPS)
    }

    /// Whether the last packet of the stretch of `mark`, which ends where `next` begins, is too old.
    fn is_too_old(&self, mark: Mark, next: Option<Mark>, now: UnixMillis) -> bool {
        let age = self.retention.age_max_ms;
        let ended = mark.at.0.saturating_add(self.stretch_ms());
        let ended = next.map_or(ended, |next| ended.min(next.at.0));
        age != 0 && ended.saturating_add(age) <= now.0
    }

    fn is_too_much(&self, first: Mark) -> bool {
        let most = self.retention.bytes_max;
        most != 0 && self.total.saturating_sub(first.before) > most
    }

    /// Reads the marks, when that was not done or the log is not as it was left.
    fn catch_up(&mut self, now: UnixMillis, collections: &mut impl Collections) {
        let ends = Ends::of(collections);
        if self.left == Some(ends) {
            return;
        }
        self.marks = Mark::load(collections).into();
        self.marks.retain(|mark| mark.seq < ends.next);
        if ends.first < ends.next {
            self.count(ends.first, now, collections);
        }
    }

    /// Counts the bytes of a log that has packets. Of a stretch of which a part is gone it is not known
    /// how much: then it counts whole.
    fn count(&mut self, first: u64, now: UnixMillis, collections: &mut impl Collections) {
        if self.marks.front().is_none_or(|mark| mark.seq > first) {
            let (at, before) = self.marks.front().map_or((now, 0), |mark| (mark.at, mark.before));
            let mark = Mark { seq: first, at, before };
            mark.store(collections);
            self.marks.push_front(mark);
        }
        let behind = self.marks.partition_point(|mark| mark.seq <= first);
        let begins = self.marks[behind - 1];
        let gone_max = match self.marks.get(behind) {
            Some(next) if begins.seq < first => next.before.saturating_sub(begins.before),
            _ => 0,
        };
        let counted = begins.before.saturating_add(gone_max);
        self.total = counted.saturating_add(collections.log_bytes());
    }
}
