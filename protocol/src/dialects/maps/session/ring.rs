//! Numbered things that begin in order and end in any.
//!
//! Knows nothing of what it holds.

use std::collections::VecDeque;

/// Things by ascending number; what has ended leaves no trace but its number.
#[derive(Debug)]
pub(super) struct Ring<T> {
    first: u64,
    open: VecDeque<Option<T>>,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { first: 1, open: VecDeque::new() }
    }
}

impl<T> Ring<T> {
    /// Begins one, and gives it its number: the first is 1, and none comes twice.
    pub(super) fn begin(&mut self, thing: T) -> u64 {
        self.open.push_back(Some(thing));
        self.first + self.open.len() as u64 - 1
    }

    /// Ends one.
    pub(super) fn end(&mut self, number: u64) -> Option<T> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let thing = self.open.get_mut(at)?.take()?;
        while matches!(self.open.front(), Some(None)) {
            self.open.pop_front();
            self.first += 1;
        }
        Some(thing)
    }

    /// One that has not ended.
    pub(super) fn find(&mut self, number: u64) -> Option<&mut T> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.open.get_mut(at)?.as_mut()
    }

    /// The oldest that has not ended, and its number.
    pub(super) fn oldest(&self) -> Option<(u64, &T)> {
        Some((self.first, self.open.front()?.as_ref()?))
    }

    /// How many numbers there are from the oldest that has not ended to the newest.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether all have ended.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_is_found_no_more_and_the_oldest_is_the_first_that_has_not() {
        let mut ring = Ring::default();
        let numbers: Vec<u64> = "abcd".chars().map(|c| ring.begin(c)).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(
            (ring.end(2), ring.end(2), ring.end(9), ring.end(0)),
            (Some('b'), None, None, None)
        );
        assert_eq!((ring.oldest(), ring.len()), (Some((1, &'a')), 4));
        assert_eq!(ring.end(1), Some('a'));
        assert_eq!((ring.oldest(), ring.len()), (Some((3, &'c')), 2));
        assert_eq!(ring.find(3), Some(&mut 'c'));
        assert_eq!((ring.end(3), ring.end(4)), (Some('c'), Some('d')));
        assert!(ring.is_empty() && ring.oldest().is_none());
        assert_eq!(ring.begin('e'), 5, "no number comes twice");
    }
}
