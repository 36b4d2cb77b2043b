//! How long to wait before trying again. Pure: the random number comes in.

use std::time::Duration;

/// How much of a wait is left to chance, so that the clients of a server that was away do not all
/// come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jitter {
    /// Up to a fifth is added.
    Fifth,
    /// Any part of it is waited.
    Full,
}

/// Doubles the wait with each failure in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    stable_after: Duration,
    jitter: Jitter,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration, stable_after: Duration) -> Self {
        Self { min, max, stable_after, jitter: Jitter::Fifth, failures: 0 }
    }

    /// One whose waits are anything from nothing to the doubled wait.
    pub(crate) fn with_full_jitter(min: Duration, max: Duration, stable_after: Duration) -> Self {
        Self { jitter: Jitter::Full, ..Self::new(min, max, stable_after) }
    }

    /// All is well: the next wait is the shortest again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after a connection that lasted so long (zero: it never stood). `random` is spread
    /// evenly over its range.
    pub(crate) fn after(&mut self, lasted: Duration, random: u32) -> Duration {
        if lasted >= self.stable_after {
            self.failures = 0;
        }
        let factor = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let wait = self.min.saturating_mul(factor).min(self.max);
        let part = f64::from(random) / f64::from(u32::MAX);
        match self.jitter {
            Jitter::Fifth => wait + (wait / 5).mul_f64(part),
            Jitter::Full => wait.mul_f64(part),
        }
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

    #[test]
    fn with_full_jitter_any_part_of_the_doubled_wait_is_waited() {
        let backoff = || Backoff::with_full_jitter(SECOND / 5, 30 * SECOND, 60 * SECOND);
        let (mut shortest, mut longest, mut middle) = (backoff(), backoff(), backoff());
        let mut doubled = SECOND / 5;
        for failure in 0..10 {
            assert_eq!(shortest.after(Duration::ZERO, 0), Duration::ZERO);
            assert_eq!(longest.after(Duration::ZERO, u32::MAX), doubled, "failure {failure}");
            let wait = middle.after(Duration::ZERO, u32::MAX / 2);
            assert!(wait > doubled * 4 / 9 && wait < doubled * 5 / 9, "{wait:?} of {doubled:?}");
            doubled = (doubled * 2).min(30 * SECOND);
        }
        assert_eq!(longest.after(Duration::ZERO, u32::MAX), 30 * SECOND);
        longest.reset();
        assert_eq!(longest.after(Duration::ZERO, u32::MAX), SECOND / 5);
    }
}
