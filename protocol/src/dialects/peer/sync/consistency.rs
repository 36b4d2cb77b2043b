//! When participants tell each other what they have, and what is done when it is not the same.
//! Knows no digest: it is told whether two are equal.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use crate::dialects::peer::{
    id::PeerId,
    now::{Now, earlier},
};

/// So long nothing may have changed before the others are told what is here.
pub const QUIET: Duration = Duration::from_secs(2);
/// Participants tell it at times that differ by up to this, so that one can speak for all.
pub const SPREAD: Duration = Duration::from_secs(1);
/// While something changes all the time, they are told after this.
pub const BUSY_MAX: Duration = Duration::from_secs(30);
/// After the last change they are told again, so that also what was lost silently is found.
pub const TOLD_AGAIN: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(300)];
/// Between two requests for all that one has.
pub const FULL_EVERY: Duration = Duration::from_secs(30);
/// While somebody stays different, it is told what is here less and less often, down to this.
pub const TELL_MAX: Duration = Duration::from_secs(60);
/// Of how many it is known that they are different.
pub const PEERS_MAX: usize = 1024;

/// How far two participants have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// Both have seen the same.
    Equal,
    /// The other one has seen something that is not here.
    Behind,
    /// Something is here that the other one has not seen, and nothing the other way.
    Ahead,
}

/// What is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// What is newer: this one has something that is not here.
    Newer(PeerId),
    /// All that this one has.
    Full(PeerId),
}

#[derive(Debug, Default)]
struct Different {
    /// How often it was different although both have seen the same, since it was the same or somebody was
    /// asked for all.
    times: u32,
    full_at: Option<Duration>,
    tell_after: Duration,
}

/// Whether the others in one room have the same.
#[derive(Debug, Default)]
pub struct Consistency {
    /// How much later than others this participant tells it.
    later: Duration,
    tell_at: Option<Duration>,
    changed_since: Option<Duration>,
    /// How often it was told again since the last change, and when it is told the next time.
    told_again: usize,
    again_at: Option<Duration>,
    different: BTreeMap<PeerId, Different>,
}

impl Consistency {
    /// Nobody is known to be different.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, for a participant that tells it a little earlier or later than others: who hears that
    /// somebody has just what it has itself need not say it, too.
    #[must_use]
    pub fn of(me: &PeerId) -> Self {
        let mut hasher = DefaultHasher::new();
        me.hash(&mut hasher);
        let nanos = SPREAD.as_nanos() as u64;
        Self { later: Duration::from_nanos(hasher.finish() % nanos), ..Self::default() }
    }

    /// Something was written or merged: the others are told when it becomes quiet.
    pub fn changed(&mut self, now: Now) {
        let since = *self.changed_since.get_or_insert(now.elapsed);
        self.tell_at = Some((now.elapsed + QUIET).min(since + BUSY_MAX) + self.later);
        (self.told_again, self.again_at) = (0, None);
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        *self = Self { later: self.later, ..Self::default() };
    }

    /// Somebody is gone.
    pub fn left(&mut self, peer: &PeerId) {
        self.different.remove(peer);
    }

    /// Somebody tells what it has, in a verified packet: whether it is the same as here, and how far
    /// both have come. `others`: who else could be asked.
    pub fn told<'p>(
        &mut self,
        by: &'p PeerId,
        (is_same, clocks): (bool, Clocks),
        others: impl Iterator<Item = &'p PeerId>,
        now: Now,
    ) -> Option<Repair> {
        if is_same && clocks == Clocks::Equal {
            if let Some(known) = self.different.get_mut(by) {
                (known.times, known.tell_after) = (0, Duration::ZERO);
                if self.may_ask(by, now) {
                    self.different.remove(by);
                }
            }
            if self.is_due(now.elapsed + QUIET + SPREAD) {
                self.told_now(now);
            }
            return None;
        }
        if self.different.len() >= PEERS_MAX && !self.different.contains_key(by) {
            return None;
        }
        let known = self.different.entry(by.clone()).or_default();
        known.times = if clocks == Clocks::Equal { known.times + 1 } else { 0 };
        // The other one cannot know how it stands before it is told what is here.
        known.tell_after = (known.tell_after * 2).clamp(QUIET, TELL_MAX);
        let tell_at = now.elapsed + known.tell_after;
        self.tell_at = earlier(self.tell_at, Some(tell_at));
        match clocks {
            Clocks::Behind => Some(Repair::Newer(by.clone())),
            Clocks::Ahead => None,
            Clocks::Equal => self.full(by, others, now),
        }
    }

    /// Whether the others are to be told by now what is here.
    pub fn due(&mut self, now: Now) -> bool {
        let is_due = self.is_due(now.elapsed);
        if is_due {
            self.told_now(now);
        }
        is_due
    }

    /// When they are to be told next.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        earlier(self.tell_at, self.again_at)
    }

    fn is_due(&self, at: Duration) -> bool {
        self.deadline().is_some_and(|due| due <= at)
    }

    /// What is here was told now.
    fn told_now(&mut self, now: Now) {
        let next = match self.changed_since.take() {
            Some(_) => 0,
            None if self.again_at.is_some_and(|at| at <= now.elapsed + SPREAD) => {
                self.told_again + 1
            }
            None => {
                self.tell_at = None;
                return;
            }
        };
        (self.told_again, self.tell_at) = (next, None);
        self.again_at = TOLD_AGAIN.get(next).map(|after| now.elapsed + *after);
    }

    fn full<'p>(
        &mut self,
        by: &'p PeerId,
        others: impl Iterator<Item = &'p PeerId>,
        now: Now,
    ) -> Option<Repair> {
        let times = self.different.values().map(|known| known.times);
        if times.fold(0, u32::saturating_add) < 2 {
            return None;
        }
        // Who says it, unless another one was not asked for longer.
        let asked_at = |peer: &PeerId| self.different.get(peer).and_then(|known| known.full_at);
        let mut whom = by;
        for other in others {
            if asked_at(other) < asked_at(whom) {
                whom = other;
            }
        }
        if !self.may_ask(whom, now) {
            return None;
        }
        let whom = whom.clone();
        self.different.values_mut().for_each(|known| known.times = 0);
        self.different.entry(whom.clone()).or_default().full_at = Some(now.elapsed);
        Some(Repair::Full(whom))
    }

    fn may_ask(&self, peer: &PeerId, now: Now) -> bool {
        let asked_at = self.different.get(peer).and_then(|known| known.full_at);
        asked_at.is_none_or(|at| at + FULL_EVERY <= now.elapsed)
    }
}
