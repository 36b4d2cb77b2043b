//! How often one user may do something: a bucket for each user and thing, in a table that never grows.
//!
//! They are told apart by a keyed hash; two that share a bucket share its rate.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hash},
    sync::atomic::{AtomicU64, Ordering},
};

use syncline_protocol::dialect::UnixMillis;

/// Buckets, 8 bytes each.
const BUCKETS: usize = 1 << 14;

/// Requests that may come at once after a rest, as seconds of the rate.
const BURST_SECONDS: u64 = 2;

/// The buckets of all users.
pub(crate) struct Rates {
    hash: RandomState,
    /// When the bucket will be full again, in microseconds since 1970 (the generic cell rate algorithm).
    full_at: Box<[AtomicU64]>,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rates")
    }
}

impl Default for Rates {
    fn default() -> Self {
        let full_at = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { hash: RandomState::new(), full_at }
    }
}

impl Rates {
    /// Takes one request of `who`, a user or a user with what he asks, who may send so many per second; false
    /// when the bucket is empty.
    pub(crate) fn take(&self, who: impl Hash, per_second: u32, now: UnixMillis) -> bool {
        let bucket = &self.full_at[self.hash.hash_one(who) as usize % BUCKETS];
        let now = now.0.saturating_mul(1000);
        let cost = 1_000_000 / u64::from(per_second.max(1));
        let room = BURST_SECONDS * 1_000_000;
        let taken = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            // Further ahead than it can be: the wall clock went back. It must not keep anybody out.
            let from = if full_at > now + room { now } else { full_at.max(now) };
            (from + cost <= now + room).then_some(from + cost)
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn taken(rates: &Rates, user: &str, now: UnixMillis, of: usize) -> usize {
        (0..of).filter(|_| rates.take(user, 32, now)).count()
    }

    #[test]
    fn a_user_has_a_burst_and_then_a_rate() {
        let rates = Rates::default();
        assert_eq!(taken(&rates, "ann", NOW, 100), 64);
        assert_eq!(taken(&rates, "ann", UnixMillis(NOW.0 + 500), 100), 16);
        assert_eq!(taken(&rates, "ann", UnixMillis(NOW.0 + 60_000), 100), 64);
    }

    #[test]
    fn what_a_user_does_elsewhere_counts_there() {
        // Buckets may be shared by chance: not by ten users in a row.
        let rates: Vec<Rates> = (0..10).map(|_| Rates::default()).collect();
        let untouched = rates.iter().any(|rates| {
            assert_eq!(taken(rates, "ann", NOW, 100), 64);
            rates.take(("packets", "ann"), 32, NOW)
        });
        assert!(untouched);
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let rates = Rates::default();
        assert_eq!(taken(&rates, "ann", NOW, 64), 64);
        let back = UnixMillis(NOW.0 - 3_600_000);
        assert_eq!(taken(&rates, "ann", back, 100), 64);
    }
}
