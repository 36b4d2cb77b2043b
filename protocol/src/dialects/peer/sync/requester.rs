//! When and whom this participant asks for what it lacks, and how it finds another one when nobody
//! answers. Knows no packet and nothing of what is lacking.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::dialects::peer::{
    id::{PeerId, RequestId},
    now::{Now, earlier},
    random::{Random, jitter},
};

/// After somebody can be asked this is waited for others who can.
pub const GATHER: Duration = Duration::from_millis(100);
/// Between two requests that nothing went wrong with.
pub const THROTTLE: Duration = Duration::from_secs(3);
/// Nobody claims it for so long: it is asked anew.
pub const UNCLAIMED: Duration = Duration::from_secs(1);
/// Requests that were given up whose answers still count, at most: where packets are long under way, the
/// first answer comes when another one is asked already.
pub const LATE_MAX: usize = 8;
/// Where packets are long under way, a claim is waited for up to so long.
pub const PATIENCE_MAX: Duration = Duration::from_secs(10);
/// It is claimed, and nothing comes for so long: another one is asked.
pub const UNANSWERED: Duration = Duration::from_secs(3);
/// It is claimed, and something comes now and then, but not all in this time: another one is asked.
pub const UNFINISHED: Duration = Duration::from_secs(30);
/// What something is waited for after the first failure; twice as long after each other one.
pub const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// What is waited at most.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// After a gap was seen this is waited for what may fill it.
pub const GAP_DEBOUNCE: Duration = Duration::from_millis(500);
/// After a connection it is asked so often, as long as nobody has answered.
pub const HEARTBEATS: u32 = 4;
/// Between two of them.
pub const HEARTBEAT: Duration = Duration::from_secs(2);
/// For so long somebody who claimed and did not answer is not relied on.
pub const SUSPECTED_FOR: Duration = Duration::from_secs(600);
/// Who can be asked, at most: others are not asked by name.
pub const REACHABLE_MAX: usize = 4096;
/// Of how many this is known.
pub const SUSPECTS_MAX: usize = 256;

/// A request that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Its name: a new one each time.
    pub request: RequestId,
    /// Who is asked; `None`: everybody.
    pub to: Option<PeerId>,
    /// Whether all is asked for, and not only what is newer than what is here.
    pub is_full: bool,
}

/// What was asked and not answered yet.
#[derive(Debug)]
struct Asked {
    ask: Ask,
    at: Duration,
    /// Of whom all was wanted, also when another one was asked for it.
    full_of: Option<PeerId>,
    /// Only because another one was given up.
    is_retry: bool,
    claimed_by: Option<PeerId>,
    /// When it is given up.
    until: Duration,
    /// When it is given up even if something comes.
    at_last: Duration,
}

/// What is to be asked when its time has come.
#[derive(Debug, Default)]
struct Wanted {
    /// What is newer than what is here.
    newer_at: Option<Duration>,
    /// The same, because a request was given up.
    retry_at: Option<Duration>,
    /// Who is known to have something newer.
    newer_from: Option<PeerId>,
    /// All that this one has.
    full: Option<PeerId>,
}

/// What one participant asks of the others in one room: one request at a time.
#[derive(Debug, Default)]
pub struct Requester {
    is_connected: bool,
    reachable: BTreeSet<PeerId>,
    asked: Option<Asked>,
    /// What was given up.
    late: VecDeque<Asked>,
    /// How long a claim is waited for, when that is longer than usual: claims came too late.
    patience: Duration,
    wanted: Wanted,
    asked_at: Option<Duration>,
    /// Failures since the last answer, and before when nothing is asked after them.
    failures: u32,
    not_before: Duration,
    /// Whether the one that failed last was claimed.
    was_claimed: bool,
    /// Whom the failures since the last answer were with.
    tried: BTreeSet<PeerId>,
    suspects: BTreeMap<PeerId, Duration>,
    /// Who was ahead since somebody was asked for it by name.
    ahead: BTreeSet<PeerId>,
    /// Since the room was entered.
    was_answered: bool,
    heartbeats_left: u32,
    heartbeat_at: Duration,
}

impl Requester {
    /// Nothing is asked before somebody is there.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The room was entered.
    pub fn connected(&mut self, now: Now) {
        self.disconnected();
        self.is_connected = true;
        self.want_at(now.elapsed + GATHER);
        self.heartbeats_left = HEARTBEATS;
        self.heartbeat_at = now.elapsed + HEARTBEAT;
    }

    /// The connection is gone, and with it all that was asked.
    pub fn disconnected(&mut self) {
        let suspects = std::mem::take(&mut self.suspects);
        *self = Self { suspects, ..Self::default() };
    }

    /// Somebody in the room can be asked from now on: its keys are known. It is asked soon, if nobody has
    /// answered since the room was entered; else it is left to the newcomer to ask, and to show by that
    /// what is lacking here.
    pub fn reachable(&mut self, peer: &PeerId, now: Now) {
        let fits = self.reachable.len() < REACHABLE_MAX;
        if fits && self.reachable.insert(peer.clone()) && !self.was_answered {
            self.want_at(now.elapsed + GATHER);
        }
    }

    /// Somebody is gone. What it was to answer, another one is asked for.
    pub fn left(&mut self, peer: &PeerId, now: Now) {
        self.reachable.remove(peer);
        let waits_for =
            |asked: &Asked| asked.claimed_by.as_ref().or(asked.ask.to.as_ref()) == Some(peer);
        if self.asked.as_ref().is_some_and(waits_for) {
            self.give_up(now.elapsed, false);
        }
    }

    /// What is newer is asked for as soon as it may be.
    pub fn want_newer(&mut self, now: Now) {
        self.want_at(now.elapsed);
    }

    /// Something is missing before what came: it is asked for if nothing fills the gap.
    pub fn gap(&mut self, now: Now) {
        self.want_at(now.elapsed + GAP_DEBOUNCE);
    }

    /// This one has something newer. The second time it is asked itself: those who answer all may not have it.
    pub fn behind(&mut self, peer: &PeerId, now: Now) {
        if self.ahead.contains(peer) {
            self.wanted.newer_from = Some(peer.clone());
            self.ahead.clear();
        } else if self.ahead.len() < REACHABLE_MAX {
            self.ahead.insert(peer.clone());
        }
        self.want_at(now.elapsed);
    }

    /// All that this one has is asked for.
    pub fn want_full(&mut self, from: &PeerId) {
        self.wanted.full = Some(from.clone());
    }

    /// Somebody claims a request, in a verified packet. Whether it is what was asked here.
    pub fn claimed(&mut self, request: &RequestId, by: &PeerId, now: Now) -> bool {
        self.learn_patience(request, by, now);
        let unanswered = UNANSWERED.max(self.patience);
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.may_answer(request, by)) else {
            return false;
        };
        match &mut asked.claimed_by {
            Some(first) if *first <= *by => {}
            // Of two who claim at one time the greater name yields.
            Some(first) => *first = by.clone(),
            none => {
                *none = Some(by.clone());
                asked.until = now.elapsed + unanswered;
            }
        }
        true
    }

    /// A part of an answer came, which was verified. Whether it is to what was asked here.
    pub fn progress(&mut self, request: &RequestId, by: &PeerId, now: Now) -> bool {
        self.learn_patience(request, by, now);
        let unanswered = UNANSWERED.max(self.patience);
        match self.asked.as_mut().filter(|asked| asked.may_answer(request, by)) {
            Some(asked) => asked.until = now.elapsed + unanswered,
            None => return false,
        }
        true
    }

    /// What this one was asked, or claimed to answer, if that is still awaited.
    #[must_use]
    pub fn awaited_of(&self, by: &PeerId) -> Option<&RequestId> {
        let asked = self.asked.as_ref()?;
        let of = asked.claimed_by.as_ref().or(asked.ask.to.as_ref());
        (of == Some(by)).then_some(&asked.ask.request)
    }

    /// An answer is here in whole. Whether it is to what was asked here, also if it was given up meanwhile.
    pub fn answered(&mut self, request: &RequestId, by: &PeerId) -> bool {
        let is_in_time = self.asked.take_if(|asked| asked.may_answer(request, by)).is_some();
        if !is_in_time && !self.answered_late(request, by) {
            return false;
        }
        self.suspects.remove(by);
        self.tried.clear();
        (self.failures, self.heartbeats_left) = (0, 0);
        self.was_answered = true;
        true
    }

    /// An answer to what was given up: what was asked only in its place need not be answered.
    fn answered_late(&mut self, request: &RequestId, by: &PeerId) -> bool {
        let Some(at) = self.late.iter().position(|late| late.may_answer(request, by)) else {
            return false;
        };
        let full_of = self.late.remove(at).and_then(|late| late.full_of);
        let is_same = |of: &Option<PeerId>| of.is_none() || *of == full_of;
        self.asked.take_if(|asked| asked.is_retry && is_same(&asked.full_of));
        self.wanted.retry_at = None;
        if self.wanted.full == full_of {
            self.wanted.full = None;
        }
        true
    }

    /// Who was given up on is heard after all: the next time it is waited for longer.
    fn learn_patience(&mut self, request: &RequestId, by: &PeerId, now: Now) {
        let late = self.late.iter().find(|late| late.may_answer(request, by));
        if let Some(late) = late {
            let took = now.elapsed.saturating_sub(late.at);
            self.patience = self.patience.max((took * 2).min(PATIENCE_MAX));
        }
    }

    /// Whether something was asked and is not answered yet.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// What is to be asked by now.
    pub fn due(&mut self, now: Now, random: &mut dyn Random) -> Option<Ask> {
        let at = now.elapsed;
        if self.asked.as_ref().is_some_and(|asked| asked.given_up_at() <= at) {
            self.give_up(at, true);
        }
        if self.heartbeats_left > 0 && self.heartbeat_at <= at {
            self.heartbeats_left -= 1;
            self.heartbeat_at = at + HEARTBEAT;
            self.want_at(at);
        }
        if self.asked.is_some() || self.next_at().is_none_or(|next| next > at) {
            return None;
        }
        let is_full = self.wanted.full.is_some();
        let to = self.whom(at, random);
        let ask = Ask { request: RequestId::random(random), to, is_full };
        let wanted = std::mem::take(&mut self.wanted);
        self.asked_at = Some(at);
        self.asked = Some(Asked {
            ask: ask.clone(),
            at,
            full_of: wanted.full,
            is_retry: wanted.newer_at.is_none() && wanted.retry_at.is_some(),
            claimed_by: None,
            until: at + UNCLAIMED.max(self.patience),
            at_last: at + UNFINISHED,
        });
        Some(ask)
    }

    /// When something is due next.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let heartbeat = (self.heartbeats_left > 0).then_some(self.heartbeat_at);
        match &self.asked {
            Some(asked) => earlier(Some(asked.given_up_at()), heartbeat),
            None => earlier(self.next_at(), heartbeat),
        }
    }

    fn want_at(&mut self, at: Duration) {
        if self.is_connected {
            self.wanted.newer_at = earlier(self.wanted.newer_at, Some(at));
        }
    }

    /// When what is wanted may be asked, if there is somebody to ask.
    fn next_at(&self) -> Option<Duration> {
        if !self.is_connected || self.reachable.is_empty() {
            return None;
        }
        let full_at = self.wanted.full.as_ref().map(|_| Duration::ZERO);
        let wanted = earlier(full_at, earlier(self.wanted.newer_at, self.wanted.retry_at))?;
        let may = match (self.failures, self.asked_at) {
            (0, None) => Duration::ZERO,
            (0, Some(last)) => last + THROTTLE,
            _ => self.not_before,
        };
        Some(wanted.max(may))
    }

    /// What was asked is not answered: it is asked anew after a while.
    fn give_up(&mut self, at: Duration, is_suspicious: bool) {
        let Some(asked) = self.asked.take() else { return };
        self.was_claimed = asked.claimed_by.is_some();
        let with = asked.claimed_by.clone().or(asked.ask.to.clone());
        if let Some(peer) = with.filter(|_| self.tried.len() < REACHABLE_MAX) {
            self.tried.insert(peer);
        }
        if let Some(peer) = asked.claimed_by.clone().filter(|_| is_suspicious) {
            self.suspect(peer, at);
        }
        self.not_before = at + (BACKOFF_MIN * (1 << self.failures.min(5))).min(BACKOFF_MAX);
        self.failures = self.failures.saturating_add(1);
        self.wanted.retry_at = earlier(self.wanted.retry_at, Some(at));
        if self.wanted.full.is_none() {
            self.wanted.full.clone_from(&asked.full_of);
        }
        if self.late.len() >= LATE_MAX {
            self.late.pop_front();
        }
        self.late.push_back(asked);
    }

    fn suspect(&mut self, peer: PeerId, at: Duration) {
        self.suspects.retain(|_, until| *until > at);
        if self.suspects.len() < SUSPECTS_MAX {
            self.suspects.insert(peer, at + SUSPECTED_FOR);
        }
    }

    /// Who is asked. Everybody, unless the one to be asked is known or somebody who claims and does not
    /// answer would stand in the way.
    fn whom(&mut self, at: Duration, random: &mut dyn Random) -> Option<PeerId> {
        self.suspects.retain(|_, until| *until > at);
        let wanted = self.wanted.full.as_ref().or(self.wanted.newer_from.as_ref());
        let is_fit = |peer: &&PeerId| self.reachable.contains(*peer) && !self.tried.contains(*peer);
        if let Some(peer) = wanted.filter(is_fit) {
            return Some(peer.clone());
        }
        let is_suspected = self.reachable.iter().any(|peer| self.suspects.contains_key(peer));
        // A claim that only the others hear must not stand in the way either.
        let patience = if self.was_claimed { 1 } else { 2 };
        let by_name = is_suspected || self.wanted.full.is_some() || self.failures >= patience;
        if !by_name {
            return None;
        }
        let others = self.reachable.iter().filter(|peer| !self.tried.contains(*peer));
        let trusted: Vec<_> = others.filter(|peer| !self.suspects.contains_key(*peer)).collect();
        if trusted.is_empty() {
            self.tried.clear();
            return None;
        }
        let drawn = jitter(random, Duration::from_nanos(trusted.len() as u64)).as_nanos();
        trusted.get(drawn as usize).map(|peer| (*peer).clone())
    }
}

impl Asked {
    fn may_answer(&self, request: &RequestId, by: &PeerId) -> bool {
        self.ask.request == *request && self.ask.to.as_ref().is_none_or(|to| to == by)
    }

    fn given_up_at(&self) -> Duration {
        self.until.min(self.at_last)
    }
}
