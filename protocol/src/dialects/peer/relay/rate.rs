//! How often something may happen: buckets of tokens that fill as time goes by, by identity.
//!
//! Knows no packet and no room.

use std::collections::BTreeMap;

use super::settings::Rate;
use crate::dialect::UnixMillis;
use crate::dialects::peer::id::PeerId;

/// Thousandths of a token: what one millisecond brings at one token a second.
const TOKEN: u64 = 1000;

impl Rate {
    fn full(self) -> u64 {
        u64::from(self.burst.max(1)) * TOKEN
    }
}

/// A bucket of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    level: u64,
    at: UnixMillis,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(rate: Rate, now: UnixMillis) -> Self {
        Self { level: rate.full(), at: now }
    }

    /// Takes a token, if there is one. Without a rate there always is.
    pub(super) fn take(&mut self, rate: Rate, now: UnixMillis) -> bool {
        self.level = self.level_at(rate, now);
        self.at = now;
        if rate.per_second != 0 && self.level < TOKEN {
            return false;
        }
        self.level = self.level.saturating_sub(TOKEN);
        true
    }

    /// A clock that was set back brings nothing, and takes nothing away.
    fn level_at(&self, rate: Rate, now: UnixMillis) -> u64 {
        let brought = now.0.saturating_sub(self.at.0).saturating_mul(u64::from(rate.per_second));
        self.level.saturating_add(brought).min(rate.full())
    }
}

/// Buckets that are kept however few participants a room may have.
const BUCKETS_MIN: usize = 1024;

/// A bucket for each identity, which it keeps when it goes and comes back. As many as are not full, and
/// no more than some: then the one of the first name goes.
#[derive(Debug)]
pub(super) struct Rates {
    rate: Rate,
    buckets: BTreeMap<PeerId, Bucket>,
    buckets_max: usize,
    /// How many there may be before full ones are looked for.
    tidy_above: usize,
}

impl Rates {
    /// For a room that has so many participants at most.
    pub(super) fn new(rate: Rate, participants_max: usize) -> Self {
        let buckets_max = participants_max.saturating_mul(2).max(BUCKETS_MIN);
        Self { rate, buckets: BTreeMap::new(), buckets_max, tidy_above: 0 }
    }

    /// Whether this identity may do once more what is counted here.
    pub(super) fn take(&mut self, identity: &PeerId, now: UnixMillis) -> bool {
        let rate = self.rate;
        if rate.per_second == 0 {
            return true;
        }
        if let Some(bucket) = self.buckets.get_mut(identity) {
            return bucket.take(rate, now);
        }
        if self.buckets.len() >= self.tidy_above {
            self.buckets.retain(|_, bucket| bucket.level_at(rate, now) < rate.full());
            self.tidy_above = 2 * self.buckets.len() + 64;
        }
        if self.buckets.len() >= self.buckets_max {
            self.buckets.pop_first();
        }
        let mut bucket = Bucket::new(rate, now);
        let taken = bucket.take(rate, now);
        self.buckets.insert(identity.clone(), bucket);
        taken
    }
}
