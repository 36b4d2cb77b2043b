//! Which of several hosts takes a code that lets in one: each waits a little, the first one says so to the others, and
//! of two that said so at once the one with the smaller name does it.
//!
//! Knows no row.

use std::{collections::BTreeMap, time::Duration};

use super::request::ClaimKey;
use crate::dialects::peer::{
    id::{CanonicalId, PeerId, RequestId},
    now::Now,
    random::{Random, jitter},
};

/// Codes that hosts are at odds about, at most. Beyond that those that others took are forgotten first,
/// and new ones wait.
pub const CLAIMS_MAX: usize = 64;

const DELAY: Duration = Duration::from_millis(100);
const JITTER: Duration = Duration::from_millis(50);

/// Between a claim and what it is for: in that time one of a smaller name is yielded to. Two hosts never both
/// take a code while messages between them need less than half of it.
const YIELD_WINDOW: Duration = Duration::from_millis(500);

/// How long a claim of another is trusted to be for something.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a claim of another is remembered: longer than a joiner asks.
const REMEMBERED: Duration = Duration::from_secs(20);

/// A code that was shown, kept until it is decided who takes it.
pub(super) struct Kept {
    pub(super) group: String,
    pub(super) request: RequestId,
    pub(super) joiner: PeerId,
    pub(super) key: [u8; 32],
    pub(super) code: zeroize::Zeroizing<String>,
}

enum Claim {
    /// To be claimed then.
    Armed(Duration, Kept),
    /// Claimed here, to be done then.
    Mine(Duration, Kept),
    /// Claimed by another one, then.
    Theirs(Duration),
}

/// What hosts said to each other lately.
#[derive(Default)]
pub(super) struct Claims {
    claims: BTreeMap<ClaimKey, Claim>,
    /// Who claimed one and did not do it: its claims for it count no more.
    idle: BTreeMap<ClaimKey, CanonicalId>,
}

/// What is to be done now.
pub(super) enum Due {
    Claim(ClaimKey),
    Take(Kept),
}

impl Claims {
    /// Whether this one waits here for its time.
    pub(super) fn is_pending(&self, key: &ClaimKey) -> bool {
        matches!(self.claims.get(key), Some(Claim::Armed(..) | Claim::Mine(..)))
    }

    /// Whether another host took this one lately.
    pub(super) fn is_theirs(&self, key: &ClaimKey, now: Now) -> bool {
        self.their_time(key).is_some_and(|at| now.elapsed < at + REMEMBERED)
    }

    /// Whether the host that took this one may still be about to do it.
    pub(super) fn is_in_hand(&self, key: &ClaimKey, now: Now) -> bool {
        self.their_time(key).is_some_and(|at| now.elapsed < at + PATIENCE)
    }

    /// Is about to claim this one. False when there are too many: nothing is kept then.
    pub(super) fn arm(
        &mut self,
        key: ClaimKey,
        kept: Kept,
        now: Now,
        random: &mut dyn Random,
    ) -> bool {
        self.make_room(now);
        if self.claims.len() >= CLAIMS_MAX && !self.claims.contains_key(&key) {
            return false;
        }
        let at = now.elapsed + DELAY + jitter(random, JITTER);
        self.claims.insert(key, Claim::Armed(at, kept));
        true
    }

    /// Another host, who may, claims this one. `is_smaller`: its name is smaller than this host's.
    pub(super) fn claimed(&mut self, key: ClaimKey, by: &CanonicalId, is_smaller: bool, now: Now) {
        if self.idle.get(&key) == Some(by) {
            return;
        }
        if matches!(self.claims.get(&key), Some(Claim::Mine(..))) && !is_smaller {
            return;
        }
        if self.their_time(&key).is_some() {
            return;
        }
        self.make_room(now);
        if self.claims.contains_key(&key) || self.claims.len() < CLAIMS_MAX {
            self.claims.insert(key, Claim::Theirs(now.elapsed));
            self.idle.insert(key, by.clone());
        }
    }

    /// The first thing that is due.
    pub(super) fn due(&mut self, now: Now) -> Option<Due> {
        let is_due = |claim: &Claim| claim.at().is_some_and(|at| at <= now.elapsed);
        let key = *self.claims.iter().find(|(_, claim)| is_due(claim))?.0;
        match self.claims.remove(&key)? {
            Claim::Armed(_, kept) => {
                self.claims.insert(key, Claim::Mine(now.elapsed + YIELD_WINDOW, kept));
                Some(Due::Claim(key))
            }
            Claim::Mine(_, kept) => {
                self.idle.remove(&key);
                Some(Due::Take(kept))
            }
            Claim::Theirs(_) => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.claims.values().filter_map(Claim::at).min()
    }

    fn their_time(&self, key: &ClaimKey) -> Option<Duration> {
        match self.claims.get(key) {
            Some(Claim::Theirs(at)) => Some(*at),
            _ => None,
        }
    }

    fn make_room(&mut self, now: Now) {
        self.claims.retain(|_, claim| match claim {
            Claim::Theirs(at) => now.elapsed < *at + REMEMBERED,
            _ => true,
        });
        if self.claims.len() >= CLAIMS_MAX {
            let theirs = self.claims.iter().filter_map(|(key, claim)| match claim {
                Claim::Theirs(at) => Some((*at, *key)),
                _ => None,
            });
            if let Some((_, oldest)) = theirs.min() {
                self.claims.remove(&oldest);
            }
        }
        self.idle.retain(|key, _| self.claims.contains_key(key));
    }
}

impl Claim {
    fn at(&self) -> Option<Duration> {
        match self {
            Self::Armed(at, _) | Self::Mine(at, _) => Some(*at),
            Self::Theirs(_) => None,
        }
    }
}
