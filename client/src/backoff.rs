//! How long to wait before connecting again. Pure: the random number comes in.

use std::time::Duration;

/// Doubles the wait with each failure in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    stable_after: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration, stable_after: Duration) -> Self {
        Self { min, max, stable_after, failures: 0 }
    }

    /// The wait after a connection that lasted so long (zero: it never stood). `random` is spread
    /// evenly over its range; up to a fifth of the wait depends on it, so that the clients of a
    /// server that was away do not all come back at once.
    pub(crate) fn after(&mut self, lasted: Duration, random: u32) -> Duration {
        if lasted >= self.stable_after {
            self.failures = 0;
        }
        let factor = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let wait = self.min.saturating_mul(factor).min(self.max);
        wait + (wait / 5).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backoff() -> Backoff {
        Backoff::new(SECOND, 30 * SECOND, 5 * SECOND)
    }

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        let mut backoff = backoff();
        let waits = [1, 2, 4, 8, 16, 30, 30].map(|seconds| seconds * SECOND);
        assert_eq!(waits.map(|_| backoff.after(Duration::ZERO, 0)), waits);
        for _ in 0..100 {
            assert_eq!(backoff.after(Duration::ZERO, 0), 30 * SECOND, "and never overflows");
        }
    }

    #[test]
    fn a_connection_that_lasted_starts_it_again() {
        let mut backoff = backoff();
        backoff.after(Duration::ZERO, 0);
        backoff.after(Duration::ZERO, 0);
        assert_eq!(backoff.after(4 * SECOND, 0), 4 * SECOND, "too short to count");
        assert_eq!(backoff.after(5 * SECOND, 0), SECOND);
        assert_eq!(backoff.after(Duration::ZERO, 0), 2 * SECOND);
    }

    #[test]
    fn up_to_a_fifth_is_random() {
        assert_eq!(backoff().after(Duration::ZERO, u32::MAX), SECOND + SECOND / 5);
        let half = backoff().after(Duration::ZERO, u32::MAX / 2);
        assert!(half > SECOND + SECOND / 11 && half < SECOND + SECOND / 9, "{half:?}");
    }
}
