//! The Lamport clock of one actor: above everything it has issued or seen. Pure; who keeps it
//! makes sure that no value is issued twice.

/// The last clock that is issued: what every JSON reader holds exactly.
const ISSUED_MAX: u64 = (1 << 53) - 1;
/// A clock that another actor claims above this is not followed: it would leave nothing to issue,
/// and no honest actor gets so far.
const FOLLOWED_MAX: u64 = 1 << 52;

/// The clock after one that was issued or seen; `None` at the end of all clocks.
pub(crate) fn after(clock: u64) -> Option<u64> {
    clock.checked_add(1).filter(|next| *next <= ISSUED_MAX)
}

/// The clock after another actor's was seen.
pub(crate) fn seen(clock: u64, theirs: u64) -> u64 {
    if theirs <= FOLLOWED_MAX { clock.max(theirs) } else { clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_clock_is_above_all_that_was_seen() {
        assert_eq!(after(0), Some(1));
        assert_eq!(seen(5, 9), 9);
        assert_eq!(seen(9, 5), 9);
        assert_eq!(after(ISSUED_MAX), None);
    }

    #[test]
    fn no_stranger_uses_up_the_clock() {
        assert_eq!(seen(5, u64::MAX), 5);
        assert_eq!(seen(5, FOLLOWED_MAX + 1), 5);
        assert!(after(seen(5, FOLLOWED_MAX)).is_some());
    }
}
