//! When keys are announced and asked for, so that a full room does not answer itself to death
//! (dossier, sections 3 and 4, H12).
//!
//! Knows names and times only; the packets are made elsewhere.

use std::{collections::BTreeMap, time::Duration};

use crate::dialects::peer::{
    id::PeerId,
    now::earlier,
    random::{Random, jitter},
};

/// Between two announcements to all.
pub(super) const ANNOUNCE_EVERY: Duration = Duration::from_secs(5);
/// Between two requests to one participant, or to all.
pub(super) const REQUEST_EVERY: Duration = Duration::from_secs(3);
/// Who has not told its keys is asked after this, and after twice as long each time.
const SEEK_MIN: Duration = Duration::from_secs(2);
/// At least so often.
const SEEK_MAX: Duration = Duration::from_secs(60);
/// Between two requests to one that announced keys which are not trusted.
const DOUBT_EVERY: Duration = Duration::from_secs(60);
/// Between two answers to one participant.
const ANSWER_EVERY: Duration = Duration::from_secs(1);
/// An answer waits for less than this, so that not all answer at once.
const ANSWER_WITHIN: Duration = Duration::from_millis(200);

/// A handshake that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shake {
    /// One's own keys, to all or to one.
    Announce(Option<PeerId>),
    /// The wish that all, or one, announce theirs.
    Request(Option<PeerId>),
}

#[derive(Debug, Default)]
struct Terms {
    requested: Option<Duration>,
    answered: Option<Duration>,
    answer_due: Option<Duration>,
}

/// When which handshake was sent and is to be sent.
#[derive(Debug)]
pub(super) struct Handshakes {
    peers_max: usize,
    announced: Option<Duration>,
    announce_due: Option<Duration>,
    requested_all: Option<Duration>,
    seek_at: Option<Duration>,
    seek_pause: Duration,
    peers: BTreeMap<PeerId, Terms>,
}

fn is_over(since: Option<Duration>, pause: Duration, now: Duration) -> bool {
    since.is_none_or(|since| since + pause <= now)
}

impl Handshakes {
    pub(super) fn new(peers_max: usize) -> Self {
        Self {
            peers_max,
            announced: None,
            announce_due: None,
            requested_all: None,
            seek_at: None,
            seek_pause: SEEK_MIN,
            peers: BTreeMap::new(),
        }
    }

    /// Announces to all: now, or when that is allowed again.
    pub(super) fn announce(&mut self, now: Duration) {
        let allowed = self.announced.map_or(now, |last| (last + ANNOUNCE_EVERY).max(now));
        self.announce_due = Some(self.announce_due.map_or(allowed, |due| due.min(allowed)));
    }

    /// Whether one, or all, may be asked for their keys now; if so, that is remembered.
    pub(super) fn request(&mut self, peer: Option<&PeerId>, now: Duration) -> bool {
        let all_were_asked = !is_over(self.requested_all, REQUEST_EVERY, now);
        let last = match peer {
            None => &mut self.requested_all,
            Some(_) if all_were_asked => return false,
            Some(peer) => match Self::terms(&mut self.peers, self.peers_max, peer, now) {
                Some(terms) => &mut terms.requested,
                None => return false,
            },
        };
        let allowed = is_over(*last, REQUEST_EVERY, now);
        if allowed {
            *last = Some(now);
        }
        allowed
    }

    /// Somebody is there whose keys are not known: if it does not tell them, it is asked.
    pub(super) fn seek(&mut self, now: Duration) {
        self.seek_pause = SEEK_MIN;
        let at = now + SEEK_MIN;
        self.seek_at = Some(self.seek_at.map_or(at, |due| due.min(at)));
    }

    /// Whether those are to be asked now who have not told their keys, if there are any.
    pub(super) fn seeks(&mut self, now: Duration, are_there: bool) -> bool {
        if self.seek_at.is_none_or(|at| at > now) {
            return false;
        }
        self.seek_at = are_there.then_some(now + self.seek_pause);
        self.seek_pause = (self.seek_pause * 2).min(SEEK_MAX);
        are_there
    }

    /// Whether somebody is to be asked now who signs with other keys than those that are known;
    /// `is_in_conflict`: it has announced others, which are not trusted.
    pub(super) fn doubt(&mut self, peer: &PeerId, is_in_conflict: bool, now: Duration) -> bool {
        let pause = if is_in_conflict { DOUBT_EVERY } else { REQUEST_EVERY };
        let Some(terms) = Self::terms(&mut self.peers, self.peers_max, peer, now) else {
            return false;
        };
        let allowed = is_over(terms.requested, pause, now);
        if allowed {
            terms.requested = Some(now);
        }
        allowed
    }

    /// Somebody asked for this participant's keys: it is answered soon. False when it is answered as
    /// often as it may.
    pub(super) fn answer(&mut self, peer: &PeerId, now: Duration, random: &mut dyn Random) -> bool {
        let Some(terms) = Self::terms(&mut self.peers, self.peers_max, peer, now) else {
            return false;
        };
        if terms.answer_due.is_some() || !is_over(terms.answered, ANSWER_EVERY, now) {
            return false;
        }
        terms.answer_due = Some(now + jitter(random, ANSWER_WITHIN));
        true
    }

    fn terms<'a>(
        peers: &'a mut BTreeMap<PeerId, Terms>,
        most: usize,
        peer: &PeerId,
        now: Duration,
    ) -> Option<&'a mut Terms> {
        if !peers.contains_key(peer) && peers.len() >= most {
            peers.retain(|_, terms| {
                terms.answer_due.is_some()
                    || !is_over(terms.requested, REQUEST_EVERY, now)
                    || !is_over(terms.answered, ANSWER_EVERY, now)
            });
            if peers.len() >= most {
                return None;
            }
        }
        Some(peers.entry(peer.clone()).or_default())
    }

    /// Who left needs no answer.
    pub(super) fn left(&mut self, peer: &PeerId) {
        if let Some(terms) = self.peers.get_mut(peer) {
            terms.answer_due = None;
        }
    }

    /// The transport went down: what was due is due no more.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.peers_max);
    }

    /// What is to be sent now.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Shake> {
        let mut shakes = Vec::new();
        if self.announce_due.is_some_and(|due| due <= now) {
            self.announce_due = None;
            self.announced = Some(now);
            shakes.push(Shake::Announce(None));
        }
        for (peer, terms) in &mut self.peers {
            if terms.answer_due.is_some_and(|due| due <= now) {
                terms.answer_due = None;
                terms.answered = Some(now);
                shakes.push(Shake::Announce(Some(peer.clone())));
            }
        }
        shakes
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let answers = self.peers.values().filter_map(|terms| terms.answer_due).min();
        earlier(earlier(self.announce_due, self.seek_at), answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn peer(name: &str) -> PeerId {
        PeerId::new(name).unwrap()
    }

    fn half(out: &mut [u8]) {
        out.fill(0x7f);
    }

    #[test]
    fn announcements_to_all_have_a_pause_and_none_is_forgotten() {
        let mut shakes = Handshakes::new(8);
        shakes.announce(SECOND);
        assert_eq!(shakes.due(SECOND), [Shake::Announce(None)]);
        shakes.announce(2 * SECOND);
        assert_eq!(shakes.due(2 * SECOND), []);
        assert_eq!(shakes.deadline(), Some(6 * SECOND));
        assert_eq!(shakes.due(6 * SECOND), [Shake::Announce(None)]);
        assert_eq!(shakes.deadline(), None);
    }

    #[test]
    fn one_is_asked_each_three_seconds() {
        let mut shakes = Handshakes::new(8);
        let a = peer("a");
        assert!(shakes.request(Some(&a), SECOND));
        assert!(!shakes.request(Some(&a), 3 * SECOND));
        assert!(shakes.request(Some(&a), 4 * SECOND));
        assert!(shakes.request(None, 5 * SECOND));
        assert!(!shakes.request(Some(&a), 7 * SECOND), "all were asked just now");
        assert!(shakes.request(Some(&a), 8 * SECOND));
    }

    #[test]
    fn answers_are_unicast_late_and_few() {
        let mut shakes = Handshakes::new(8);
        let a = peer("a");
        assert!(shakes.answer(&a, SECOND, &mut half));
        assert!(!shakes.answer(&a, SECOND, &mut half), "one is due");
        let due = shakes.deadline().unwrap();
        assert!(due > SECOND && due < SECOND + ANSWER_WITHIN);
        assert_eq!(shakes.due(SECOND), []);
        assert_eq!(shakes.due(due), [Shake::Announce(Some(a.clone()))]);
        assert!(!shakes.answer(&a, due, &mut half), "it was answered just now");
        assert!(shakes.answer(&a, due + SECOND, &mut half));
    }

    #[test]
    fn strangers_without_number_take_no_memory_without_bound() {
        let mut shakes = Handshakes::new(8);
        let asked = (0..100).filter(|n| shakes.request(Some(&peer(&n.to_string())), SECOND));
        assert_eq!(asked.count(), 8);
        assert!(shakes.request(Some(&peer("later")), 4 * SECOND));
        assert!(shakes.peers.len() <= 8);
    }
}
