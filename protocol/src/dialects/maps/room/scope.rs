//! The part of the tree that some paths mean, each place of it once.
//!
//! Knows paths only.

use super::super::digest::{Path, Prefix};

/// Ranges of paths, ascending and apart.
pub(super) struct Scope {
    ranges: Vec<(Path, Path)>,
}

impl Scope {
    pub(super) fn of(mut prefixes: Vec<Prefix>) -> Self {
        prefixes.sort_unstable_by_key(|prefix| (prefix.first(), prefix.digits()));
        let mut ranges: Vec<(Path, Path)> = Vec::with_capacity(prefixes.len());
        for prefix in prefixes {
            // Prefixes lie in each other or apart.
            if ranges.last().is_none_or(|(_, last)| *last < prefix.first()) {
                ranges.push((prefix.first(), prefix.last()));
            }
        }
        Self { ranges }
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = (Path, Path)> {
        self.ranges.iter().copied()
    }

    pub(super) fn contains(&self, path: Path) -> bool {
        let before = self.ranges.partition_point(|(first, _)| *first <= path);
        before > 0 && path <= self.ranges[before - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_there_once_however_often_they_are_named() {
        let prefixes = ["5a", "5", "70", "5", "71", "5fff"];
        let scope = Scope::of(prefixes.map(|path| Prefix::parse(path).unwrap()).into());
        assert_eq!(scope.ranges().count(), 3);
        let path = |first: u128| Path(first << 120);
        let inside = [0x50, 0x5a, 0x5f, 0x70, 0x71].map(|first| scope.contains(path(first)));
        let outside = [0, 0x4f, 0x60, 0x6f, 0x72, 0xff].map(|first| scope.contains(path(first)));
        assert_eq!((inside, outside), ([true; 5], [false; 6]));
        assert!(scope.contains(Path((0x60 << 120) - 1)));
        assert!(!Scope::of(Vec::new()).contains(Path(0)));
        assert!(Scope::of(vec![Prefix::ROOT]).contains(Path(u128::MAX)));
    }
}
