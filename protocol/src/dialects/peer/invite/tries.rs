//! How often codes may be tried: by one stranger, by all of a room, and after too many wrong ones.
//!
//! Keeps only in memory, and of a bounded number of strangers. Knows no code.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::request::RequestKey;
use crate::dialects::peer::{id::CanonicalId, now::Now};

/// Tries of one stranger in [`TRIES_WITHIN`], at most.
const TRIES_MAX: usize = 5;

/// Tries of all in a room in [`TRIES_WITHIN`], at most.
const ROOM_TRIES_MAX: usize = 30;

const TRIES_WITHIN: Duration = Duration::from_secs(60);

/// So many wrong tries lock, be it one stranger's or those of all in a room.
pub const FAILURES_MAX: usize = 20;

/// Wrong tries of one stranger that count for the room, at most, so that one alone does not lock all out.
const ROOM_FAILURES_EACH_MAX: usize = 5;

/// How long a lock holds, and how long a wrong try counts.
pub const LOCK_FOR: Duration = Duration::from_secs(600);

/// Strangers of whom something is remembered, at most.
pub const IDENTITIES_MAX: usize = 1024;

/// Whether a code is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It is.
    Yes,
    /// It is the one that was looked at last, sent again: that it is wrong is no second failure.
    Again,
    /// Not now: too many were tried.
    TooOften,
    /// Not for a while: too many were wrong.
    Locked,
}

/// The tries of the last minutes.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    strangers: HashMap<CanonicalId, Stranger>,
    tries: VecDeque<Duration>,
    /// When, and whose.
    failures: VecDeque<(Duration, CanonicalId)>,
    locked_until: Duration,
}

#[derive(Clone, Debug, Default)]
struct Stranger {
    /// At most [`TRIES_MAX`].
    tries: VecDeque<Duration>,
    /// At most [`FAILURES_MAX`].
    failures: VecDeque<Duration>,
    locked_until: Duration,
    /// What it tried last. The same again tells it nothing new.
    last: Option<RequestKey>,
}

impl Tries {
    /// Whether this stranger's code may be looked at now. Counts it as a try, but for [`Permit::Again`].
    pub fn permit(&mut self, now: Now, who: &CanonicalId, what: RequestKey) -> Permit {
        let at = now.elapsed;
        self.forget(at);
        if at < self.locked_until {
            return Permit::Locked;
        }
        let is_room_full = self.tries.len() >= ROOM_TRIES_MAX;
        if let Some(stranger) = self.strangers.get_mut(who) {
            if at < stranger.locked_until {
                return Permit::Locked;
            }
            if stranger.last == Some(what) {
                return Permit::Again;
            }
            if is_room_full || stranger.tries.len() >= TRIES_MAX {
                stranger.failed(at);
                return Permit::TooOften;
            }
        } else if is_room_full || self.strangers.len() >= IDENTITIES_MAX {
            return Permit::TooOften;
        }
        self.tries.push_back(at);
        let stranger = self.strangers.entry(who.clone()).or_default();
        stranger.tries.push_back(at);
        stranger.last = Some(what);
        Permit::Yes
    }

    /// The code that was looked at is wrong.
    pub fn failed(&mut self, now: Now, who: &CanonicalId) {
        let at = now.elapsed;
        if let Some(stranger) = self.strangers.get_mut(who) {
            stranger.failed(at);
        }
        if self.failures.iter().filter(|(_, whose)| whose == who).count() < ROOM_FAILURES_EACH_MAX {
            self.failures.push_back((at, who.clone()));
        }
        if self.failures.len() >= FAILURES_MAX {
            self.failures.clear();
            self.locked_until = at + LOCK_FOR;
        }
    }

    /// Strangers of whom something is remembered.
    #[must_use]
    pub fn strangers(&self) -> usize {
        self.strangers.len()
    }

    fn forget(&mut self, at: Duration) {
        drop_before(&mut self.tries, at, TRIES_WITHIN);
        while self.failures.front().is_some_and(|(then, _)| *then + LOCK_FOR <= at) {
            self.failures.pop_front();
        }
        self.strangers.retain(|_, stranger| stranger.forget(at));
    }
}

impl Stranger {
    fn failed(&mut self, at: Duration) {
        self.failures.push_back(at);
        if self.failures.len() >= FAILURES_MAX {
            self.failures.clear();
            self.locked_until = at + LOCK_FOR;
        }
    }

    /// Whether there is anything left to remember.
    fn forget(&mut self, at: Duration) -> bool {
        drop_before(&mut self.tries, at, TRIES_WITHIN);
        drop_before(&mut self.failures, at, LOCK_FOR);
        at < self.locked_until || !self.tries.is_empty() || !self.failures.is_empty()
    }
}

fn drop_before(times: &mut VecDeque<Duration>, at: Duration, within: Duration) {
    while times.front().is_some_and(|then| *then + within <= at) {
        times.pop_front();
    }
}
