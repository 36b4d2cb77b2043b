//! How far this clock is from the others', by questions and answers with times in them.
//! Knows no packet.

use std::{collections::BTreeMap, time::Duration};

use crate::dialects::peer::{id::PeerId, now::Now};

/// An answer that was so long under way says nothing.
pub const ROUND_TRIP_MAX: Duration = Duration::from_secs(2);
/// A clock is put right by so much at most.
pub const OFFSET_MS_MAX: i64 = 300_000;
/// A clock that goes away by more than this from the time that elapses was set.
pub const JUMP_MS_MAX: u64 = 2_000;
/// Between two questions to the same participants.
pub const PING_EVERY: Duration = Duration::from_secs(60);
/// How many are asked in one round.
pub const PINGS_MAX: usize = 8;
/// Of how many it is known how far their clocks are.
pub const PEERS_MAX: usize = 256;
/// What counts of what was known before, and of what is new, in tenths.
const WEIGHTS: (i64, i64) = (8, 2);

/// What an answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How long question and answer were under way, in milliseconds.
    pub round_trip_ms: i64,
    /// How far the other clock is ahead, in milliseconds, with what was known before.
    pub offset_ms: i64,
}

#[derive(Debug, Default)]
struct Peer {
    /// Our time in the question that is not answered yet.
    asked_ms: Option<i64>,
    offset_ms: Option<i64>,
}

/// How far the clocks of a room are from this one.
///
/// The relay's clock counts when it has said what it is; else the median of the other participants'.
/// Questions and answers have times of plain clocks in them, not of those put right, so that no error
/// is passed around.
#[derive(Debug, Default)]
pub struct TimeSync {
    peers: BTreeMap<PeerId, Peer>,
    relay_ms: Option<i64>,
    /// Since this clock was set: what was known before, with what it was set by. Counts until somebody answers.
    guess_ms: Option<i64>,
    ping_at: Option<Duration>,
    /// How far this clock was ahead of the time that has elapsed, in milliseconds, at the last look.
    ahead_ms: Option<i64>,
}

impl TimeSync {
    /// Nobody has said anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The room was entered; `server_ms` is the relay's time, in milliseconds since the Unix epoch.
    pub fn connected(&mut self, server_ms: Option<i64>, now: Now) {
        self.look(now);
        if let Some(server_ms) = server_ms {
            self.relay_ms = Some(clamp(server_ms.saturating_sub(now.wall_ms())));
            self.guess_ms = None;
        }
        self.ping_at = Some(now.elapsed);
    }

    /// Sees whether this clock was set since the last look. What was known of other clocks is void then: the
    /// others are asked anew. Until they answer it is taken that no time passed beside what has elapsed: with
    /// a clock that is minutes off nobody would take the question, nor this participant the answer.
    pub fn look(&mut self, now: Now) {
        let elapsed_ms = i64::try_from(now.elapsed.as_millis()).unwrap_or(i64::MAX);
        let ahead_ms = now.wall_ms().saturating_sub(elapsed_ms);
        let before = self.ahead_ms.replace(ahead_ms).unwrap_or(ahead_ms);
        if ahead_ms.abs_diff(before) <= JUMP_MS_MAX {
            return;
        }
        let set_by = ahead_ms.saturating_sub(before);
        self.guess_ms = Some(clamp(self.offset_ms().saturating_sub(set_by)));
        self.relay_ms = None;
        self.peers.clear();
        self.ping_at = self.ping_at.map(|_| now.elapsed);
    }

    /// The connection is gone. What is known of clocks stays.
    pub fn disconnected(&mut self) {
        self.ping_at = None;
        self.peers.values_mut().for_each(|peer| peer.asked_ms = None);
    }

    /// Somebody is gone.
    pub fn left(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }

    /// Who is to be asked by now, of those who can be, each with the time `t0` of the question.
    pub fn due<'p>(
        &mut self,
        reachable: impl Iterator<Item = &'p PeerId>,
        now: Now,
    ) -> Vec<(PeerId, i64)> {
        if self.ping_at.is_none_or(|at| at > now.elapsed) {
            return Vec::new();
        }
        self.ping_at = Some(now.elapsed + PING_EVERY);
        let mut reachable: Vec<_> = reachable.collect();
        // Those of whom nothing is known come first.
        reachable
            .sort_by_key(|peer| self.peers.get(*peer).is_some_and(|one| one.offset_ms.is_some()));
        reachable.truncate(PINGS_MAX);
        reachable
            .into_iter()
            .filter_map(|peer| Some((peer.clone(), self.ask(peer, now)?)))
            .collect()
    }

    /// One is asked, such as one whose key has just become known: the time `t0` of the question.
    /// `None` when too many are known.
    pub fn ask(&mut self, peer: &PeerId, now: Now) -> Option<i64> {
        if self.peers.len() >= PEERS_MAX && !self.peers.contains_key(peer) {
            return None;
        }
        let t0 = now.wall_ms();
        self.peers.entry(peer.clone()).or_default().asked_ms = Some(t0);
        Some(t0)
    }

    /// Somebody answers. `None` when it was not asked this, or was too long under way.
    pub fn answered(
        &mut self,
        peer: &PeerId,
        (t0, t1, t2): (i64, i64, i64),
        now: Now,
    ) -> Option<Sample> {
        let known = self.peers.get_mut(peer)?;
        known.asked_ms.take_if(|asked| *asked == t0)?;
        let t3 = now.wall_ms();
        let round_trip_ms = t3.checked_sub(t0)?.checked_sub(t2.checked_sub(t1)?)?;
        if !(0..=ROUND_TRIP_MAX.as_millis() as i64).contains(&round_trip_ms) {
            return None;
        }
        let offset_ms = clamp(t1.checked_sub(t0)?.checked_add(t2.checked_sub(t3)?)? / 2);
        let offset_ms = match known.offset_ms {
            Some(before) => (WEIGHTS.0 * before + WEIGHTS.1 * offset_ms) / (WEIGHTS.0 + WEIGHTS.1),
            None => offset_ms,
        };
        known.offset_ms = Some(offset_ms);
        Some(Sample { round_trip_ms, offset_ms })
    }

    /// How far this clock is behind, in milliseconds; at most [`OFFSET_MS_MAX`] either way.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        self.relay_ms.or_else(|| self.median()).or(self.guess_ms).unwrap_or(0)
    }

    /// The time put right, in milliseconds since the Unix epoch: what packets are stamped with.
    #[must_use]
    pub fn adjusted_ms(&self, now: Now) -> i64 {
        now.wall_ms().saturating_add(self.offset_ms())
    }

    /// The same moment with the wall clock put right: what rows are stamped with.
    #[must_use]
    pub fn adjusted(&self, now: Now) -> Now {
        let wall_micros = now.wall_micros.saturating_add(self.offset_ms().saturating_mul(1000));
        Now { wall_micros, ..now }
    }

    /// When somebody is to be asked next.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.ping_at
    }

    fn median(&self) -> Option<i64> {
        let mut known: Vec<i64> = self.peers.values().filter_map(|peer| peer.offset_ms).collect();
        known.sort_unstable();
        known.get(known.len().checked_sub(1)? / 2).copied()
    }
}

fn clamp(offset_ms: i64) -> i64 {
    offset_ms.clamp(-OFFSET_MS_MAX, OFFSET_MS_MAX)
}
