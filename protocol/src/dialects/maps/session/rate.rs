//! How often a session may ask for what takes time: a bucket of tokens that fills as time goes by.
//!
//! Knows no request.

use crate::dialect::UnixMillis;

/// Thousandths of a token: what one millisecond brings at one token a second.
const TOKEN: u64 = 1000;

/// A bucket of tokens.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: u64,
    full: u64,
    level: u64,
    at: UnixMillis,
}

impl Bucket {
    /// A full bucket. With 0 tokens a second it never empties.
    pub(super) fn new(per_second: u32, burst: u32, now: UnixMillis) -> Self {
        let full = u64::from(burst.max(1)) * TOKEN;
        Self { per_second: u64::from(per_second), full, level: full, at: now }
    }

    /// Takes so many tokens, all of a full bucket if it never holds as many, or says after how many
    /// milliseconds there are as many.
    pub(super) fn take(&mut self, now: UnixMillis, tokens: u32) -> Result<(), u64> {
        if self.per_second == 0 {
            return Ok(());
        }
        // A clock that was set back brings nothing, and takes nothing away.
        let passed = now.0.saturating_sub(self.at.0);
        self.at = now;
        self.level =
            self.level.saturating_add(passed.saturating_mul(self.per_second)).min(self.full);
        let wanted = (u64::from(tokens) * TOKEN).min(self.full);
        if self.level >= wanted {
            self.level -= wanted;
            return Ok(());
        }
        Err((wanted - self.level).div_ceil(self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_a_burst_then_its_rate_and_says_when() {
        let mut bucket = Bucket::new(32, 3, UnixMillis(1000));
        let mut take = |at: u64| bucket.take(UnixMillis(at), 1);
        assert_eq!(
            [take(1000), take(1000), take(1000), take(1000)],
            [Ok(()), Ok(()), Ok(()), Err(32)]
        );
        assert_eq!([take(1031), take(1032), take(1032)], [Err(1), Ok(()), Err(31)]);
        assert_eq!(take(500), Err(31), "set back");
        assert_eq!(take(531), Ok(()));
        let burst: Vec<_> = (0..4).map(|_| take(u64::MAX)).collect();
        assert_eq!(burst, [Ok(()), Ok(()), Ok(()), Err(32)], "it never holds more than the burst");
    }

    #[test]
    fn what_costs_more_takes_more_and_never_more_than_there_can_be() {
        let mut bucket = Bucket::new(2, 4, UnixMillis(0));
        let mut take = |at, tokens| bucket.take(UnixMillis(at), tokens);
        assert_eq!(
            [take(0, 3), take(0, 3), take(999, 3), take(1000, 3)],
            [Ok(()), Err(1000), Err(1), Ok(())]
        );
        assert_eq!([take(2999, 100), take(3000, 100), take(3000, 1)], [Err(1), Ok(()), Err(500)]);
    }

    #[test]
    fn without_a_rate_it_never_empties() {
        let mut bucket = Bucket::new(0, 0, UnixMillis(0));
        assert!((0..100).all(|_| bucket.take(UnixMillis(0), 9).is_ok()));
    }
}
