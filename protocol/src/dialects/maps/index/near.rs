//! Finding a place in something sorted from a guess that is mostly close. Knows no element.

use std::cmp::Ordering;

/// Where the element is that `compare` calls equal, or where it would be, among so many that are
/// sorted. It looks near the guess first, then ever further away, and never at more than about twice
/// the logarithm of `len`: what is far from even costs no more.
pub(super) fn find(
    len: usize,
    guess: usize,
    compare: impl Fn(usize) -> Ordering,
) -> Result<usize, usize> {
    let (mut from, mut to) = (0, len);
    let (mut at, mut step) = (guess, 1);
    while from < to {
        if at < from || at >= to {
            at = from + (to - from) / 2;
        }
        match compare(at) {
            Ordering::Equal => return Ok(at),
            Ordering::Less => {
                from = at + 1;
                at += step;
            }
            Ordering::Greater => {
                to = at;
                at = at.wrapping_sub(step);
            }
        }
        step *= 2;
    }
    Err(from)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn every_guess_leads_there_soon() {
        for len in [0_usize, 1, 2, 3, 64, 1000] {
            for wanted in 0..=2 * len {
                for guess in [0, 1, len / 2, len.wrapping_sub(1), len, usize::MAX] {
                    let looks = Cell::new(0);
                    let found = find(len, guess, |at| {
                        looks.set(looks.get() + 1);
                        (2 * at + 1).cmp(&wanted)
                    });
                    let expected = if wanted % 2 == 1 { Ok(wanted / 2) } else { Err(wanted / 2) };
                    assert_eq!(found, expected);
                    assert!(looks.get() <= 2 * (len.max(1).ilog2() + 2), "{looks:?} of {len}");
                }
            }
        }
    }
}
