//! Which of those who were asked answers a request: each waits a little, the first one claims it, and
//! the others leave it to that one. Knows no packet and nothing of what is asked for.

use std::{collections::BTreeMap, time::Duration};

use super::recent::Recent;
use crate::dialects::peer::{
    id::{PeerId, RequestId},
    now::Now,
    random::{Random, jitter},
};

/// Nobody claims a request earlier than this.
pub const CLAIM_DELAY: Duration = Duration::from_millis(100);
/// Up to this is added by chance.
pub const CLAIM_JITTER: Duration = Duration::from_millis(50);
/// Who has nothing newer than the one who asks waits longer by this.
pub const NOTHING_NEWER_DELAY: Duration = Duration::from_millis(100);
/// Who could not answer what it had claimed waits longer by this, for each such failure.
pub const FAILED_DELAY: Duration = Duration::from_millis(20);
/// Failures that count, at most.
pub const FAILED_MAX: u32 = 25;
/// Between a claim and its answer: the time in which a claim of a smaller name is yielded to.
pub const YIELD_WINDOW: Duration = Duration::from_millis(50);
/// For so long it is known that a request is done with.
pub const FINISHED_FOR: Duration = Duration::from_secs(300);
/// For so long a claim is known that came before its request.
pub const EARLY_FOR: Duration = Duration::from_secs(10);
/// Requests that are waited with at one time.
pub const CONTESTS_MAX: usize = 64;
/// Of them those of one participant.
pub const CONTESTS_OF_ONE_MAX: usize = 4;
/// Requests of which it is known that they are done with.
pub const FINISHED_MAX: usize = 4096;

/// What became of a request that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is claimed here unless somebody else does so first.
    Armed,
    /// It is known already, is done with, or somebody claimed it before it came.
    Known,
    /// Too many are waited with.
    Full,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Do<C> {
    /// Tell everybody that this request is answered from here.
    Claim {
        /// The request.
        request: RequestId,
        /// Whose it is.
        requester: PeerId,
    },
    /// Answer it, also when there is nothing to say; then tell [`Election::failed`] if it could not be
    /// done. The request is done with.
    Answer {
        /// The request.
        request: RequestId,
        /// Whose it is.
        requester: PeerId,
        /// What came with it.
        clock: C,
    },
}

#[derive(Debug)]
struct Contest<C> {
    clock: C,
    is_claimed: bool,
    /// When it is claimed; when it is claimed already, when it is answered.
    at: Duration,
}

/// The requests of others in one room. `C` is what comes with a request: what the other one has.
#[derive(Debug)]
pub struct Election<C> {
    me: PeerId,
    contests: BTreeMap<(RequestId, PeerId), Contest<C>>,
    /// Requests that are done with.
    finished: Recent<(RequestId, PeerId), ()>,
    /// Who claimed what was not asked here yet.
    early: Recent<RequestId, PeerId>,
    failed: u32,
}

impl<C> Election<C> {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new(me: PeerId) -> Self {
        Self {
            me,
            contests: BTreeMap::new(),
            finished: Recent::new(FINISHED_FOR, FINISHED_MAX),
            early: Recent::new(EARLY_FOR, FINISHED_MAX),
            failed: 0,
        }
    }

    /// Somebody asks, in a verified packet. `has_newer`: something is here that the other one lacks.
    pub fn requested(
        &mut self,
        request: &RequestId,
        requester: &PeerId,
        (clock, has_newer): (C, bool),
        now: Now,
        random: &mut dyn Random,
    ) -> Heard {
        let key = (request.clone(), requester.clone());
        let is_known =
            self.contests.contains_key(&key) || self.finished.find(&key, now.elapsed).is_some();
        if is_known || *requester == self.me {
            return Heard::Known;
        }
        if self.early.find(request, now.elapsed).is_some_and(|by| by != requester) {
            self.finished.put(key, (), now.elapsed);
            return Heard::Known;
        }
        let of_one = self.contests.keys().filter(|(_, of)| of == requester).count();
        if of_one >= CONTESTS_OF_ONE_MAX || self.contests.len() >= CONTESTS_MAX {
            return Heard::Full;
        }
        let nothing_newer = if has_newer { Duration::ZERO } else { NOTHING_NEWER_DELAY };
        let delay = CLAIM_DELAY + jitter(random, CLAIM_JITTER) + nothing_newer;
        let at = now.elapsed + delay + FAILED_DELAY * self.failed;
        self.contests.insert(key, Contest { clock, is_claimed: false, at });
        Heard::Armed
    }

    /// Somebody claims a request, in a verified packet. Whether something was left to it by this.
    pub fn claimed(&mut self, request: &RequestId, by: &PeerId, now: Now) -> bool {
        if *by == self.me {
            return false;
        }
        let (me, finished) = (&self.me, &mut self.finished);
        let mut was_left = false;
        self.contests.retain(|key, contest| {
            let yields = key.0 == *request && key.1 != *by && (!contest.is_claimed || by < me);
            if yields {
                finished.put(key.clone(), (), now.elapsed);
                was_left = true;
            }
            !yields
        });
        if !was_left {
            // The claim may have overtaken the request.
            self.early.put(request.clone(), by.clone(), now.elapsed);
        }
        was_left
    }

    /// What was claimed could not be answered: others come first from now on.
    pub fn failed(&mut self) {
        self.failed = (self.failed + 1).min(FAILED_MAX);
    }

    /// What was claimed was answered.
    pub fn succeeded(&mut self) {
        self.failed /= 2;
    }

    /// Somebody is gone: nothing that it asked is answered.
    pub fn left(&mut self, peer: &PeerId) {
        self.contests.retain(|(_, requester), _| requester != peer);
    }

    /// The connection is gone: nobody is answered any more.
    pub fn clear(&mut self) {
        self.contests.clear();
    }

    /// What is to be done by now.
    pub fn due(&mut self, now: Now) -> Vec<Do<C>> {
        let is_due = |contest: &Contest<C>| contest.at <= now.elapsed;
        let mut due = Vec::new();
        for ((request, requester), contest) in &mut self.contests {
            if is_due(contest) && !contest.is_claimed {
                contest.is_claimed = true;
                contest.at = now.elapsed + YIELD_WINDOW;
                due.push(Do::Claim { request: request.clone(), requester: requester.clone() });
            }
        }
        let over = self.contests.iter().filter(|(_, contest)| is_due(contest));
        let over: Vec<_> = over.map(|(key, _)| key.clone()).collect();
        for key in over {
            let Some(contest) = self.contests.remove(&key) else { continue };
            self.finished.put(key.clone(), (), now.elapsed);
            let (request, requester) = key;
            due.push(Do::Answer { request, requester, clock: contest.clock });
        }
        due
    }

    /// When something is due next.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.contests.values().map(|contest| contest.at).min()
    }
}
