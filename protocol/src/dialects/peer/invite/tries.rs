//! How often codes may be tried: by one stranger, by all of a room, and after too many wrong ones.
//!
//! Of a bounded number of strangers. What was wrong is kept over restarts, see [`locks`](super::locks).
//! Knows no code.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::{
    locks::{FAILURES_MAX, Found, IDENTITIES_MAX, LOCK_FOR, Lock, Locks, Who},
    request::RequestKey,
};
use crate::dialects::peer::{
    id::CanonicalId,
    now::Now,
    store::{Change, Store, StoreFailed},
};

/// Tries of one stranger in [`TRIES_WITHIN`], at most.
const TRIES_MAX: usize = 5;

/// Tries of all in a room in [`TRIES_WITHIN`], at most.
const ROOM_TRIES_MAX: usize = 30;

const TRIES_WITHIN: Duration = Duration::from_secs(60);

/// Wrong tries of one stranger that count for the room, at most, so that one alone does not lock all out.
const ROOM_FAILURES_EACH_MAX: usize = 5;

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
#[derive(Debug, Default)]
pub struct Tries {
    strangers: HashMap<Who, Stranger>,
    tries: VecDeque<Duration>,
    /// When, and whose.
    failures: VecDeque<(Duration, Who)>,
    locked_until: Duration,
    locks: Locks,
}

#[derive(Debug, Default)]
struct Stranger {
    /// At most [`TRIES_MAX`].
    tries: VecDeque<Duration>,
    /// At most [`FAILURES_MAX`].
    failures: VecDeque<Duration>,
    locked_until: Duration,
    /// What it tried last. The same again tells it nothing new.
    last: Option<RequestKey>,
}

/// The moments here begin [`LOCK_FOR`] before the machine's, so that what counts from before its start has
/// a place.
fn moment(now: Now) -> Duration {
    now.elapsed + LOCK_FOR
}

impl Tries {
    /// What a store remembers of wrong tries and locks, `now` with the wall clock put right as far as it is
    /// known.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn open(store: &dyn Store, now: Now) -> Result<Self, StoreFailed> {
        let at = moment(now);
        let mut tries = Self::default();
        let Found { locks, room, strangers } = Locks::open(store, now.wall_ms())?;
        tries.locks = locks;
        tries.locked_until = room.until(at);
        tries.failures =
            room.failures.iter().map(|(age, who)| (at.saturating_sub(*age), *who)).collect();
        for (who, lock) in strangers {
            let mut stranger = Stranger { locked_until: lock.until(at), ..Stranger::default() };
            stranger.failures =
                lock.failures.iter().map(|(age, _)| at.saturating_sub(*age)).collect();
            if stranger.forget(at) {
                tries.strangers.insert(who, stranger);
            } else {
                tries.locks.forget(&who);
            }
        }
        Ok(tries)
    }

    /// What is to be applied to the store.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.locks.take_changes()
    }

    /// Whether this stranger's code may be looked at now. Counts it as a try, but for [`Permit::Again`].
    pub fn permit(&mut self, now: Now, who: &CanonicalId, what: RequestKey) -> Permit {
        let (at, who) = (moment(now), Who::of(who));
        self.forget(at);
        if at < self.locked_until {
            return Permit::Locked;
        }
        let is_room_full = self.tries.len() >= ROOM_TRIES_MAX;
        if let Some(stranger) = self.strangers.get_mut(&who) {
            if at < stranger.locked_until {
                return Permit::Locked;
            }
            if stranger.last == Some(what) {
                return Permit::Again;
            }
            if is_room_full || stranger.tries.len() >= TRIES_MAX {
                stranger.failed(at);
                self.locks.set(Some(who), &stranger.lock(at), now.wall_ms());
                return Permit::TooOften;
            }
        } else if is_room_full || self.strangers.len() >= IDENTITIES_MAX {
            return Permit::TooOften;
        }
        self.tries.push_back(at);
        let stranger = self.strangers.entry(who).or_default();
        stranger.tries.push_back(at);
        stranger.last = Some(what);
        Permit::Yes
    }

    /// The code that was looked at is wrong.
    pub fn failed(&mut self, now: Now, who: &CanonicalId) {
        let (at, who) = (moment(now), Who::of(who));
        if let Some(stranger) = self.strangers.get_mut(&who) {
            stranger.failed(at);
            self.locks.set(Some(who), &stranger.lock(at), now.wall_ms());
        }
        if self.failures.iter().filter(|(_, whose)| *whose == who).count() < ROOM_FAILURES_EACH_MAX
        {
            self.failures.push_back((at, who));
        }
        if self.failures.len() >= FAILURES_MAX {
            self.failures.clear();
            self.locked_until = at + LOCK_FOR;
        }
        let ages = self.failures.iter().map(|(then, who)| (at.saturating_sub(*then), *who));
        let room =
            Lock { locked_for: self.locked_until.saturating_sub(at), failures: ages.collect() };
        self.locks.set(None, &room, now.wall_ms());
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
        let locks = &mut self.locks;
        self.strangers.retain(|who, stranger| {
            let stays = stranger.forget(at);
            if !stays {
                locks.forget(who);
            }
            stays
        });
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

    /// What is kept of it over a restart.
    fn lock(&self, at: Duration) -> Lock {
        let ages = self.failures.iter().map(|then| (at.saturating_sub(*then), Who::default()));
        Lock { locked_for: self.locked_until.saturating_sub(at), failures: ages.collect() }
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
