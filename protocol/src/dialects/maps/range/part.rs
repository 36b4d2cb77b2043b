//! A range as this end sees it: what the index holds there, split and listed.

use super::super::digest::{Totals, fingerprint};
use super::super::index::Index;
use super::bound::{Bound, time_of};
use super::items::{Item, Items};
use super::write::Message;

/// As many parts as a range that differs alone is split into.
const PARTS_MAX: u64 = 160;
/// And each of many that differ.
const PARTS_MIN: u64 = 16;

/// A range, and the sums below both its ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) lower: Bound,
    pub(super) upper: Bound,
    below_lower: Totals,
    below_upper: Totals,
}

/// Into how many parts each of so many ranges that differ is split.
pub(super) fn parts_each(differing: usize) -> u64 {
    (PARTS_MAX / (differing as u64).max(1)).max(PARTS_MIN)
}

impl Part {
    /// The range between two bounds, the first not above the second.
    pub(super) fn new(index: &Index, lower: Bound, upper: Bound) -> Self {
        Self::above(index, lower, lower.below(index), upper)
    }

    /// The range between two bounds, when the sums below the first are known.
    pub(super) fn above(index: &Index, lower: Bound, below_lower: Totals, upper: Bound) -> Self {
        let below_upper = if upper == lower { below_lower } else { upper.below(index) };
        Self { lower, upper, below_lower, below_upper }
    }

    /// Sums below its upper end.
    pub(super) fn below_upper(&self) -> Totals {
        self.below_upper
    }

    /// How many items it has.
    pub(super) fn count(&self) -> u64 {
        self.below_upper.count - self.below_lower.count
    }

    pub(super) fn fingerprint(&self) -> [u8; 16] {
        let mut totals = self.below_upper;
        totals.sub(&self.below_lower);
        fingerprint(&totals)
    }

    pub(super) fn items(self, index: &Index) -> Items<'_> {
        Items::new(index, self.lower, self.upper)
    }

    /// Whether all its items have one time: then it has no parts.
    pub(super) fn has_one_time(&self, index: &Index) -> bool {
        let time = |rank| index.nth(rank).map(time_of);
        self.count() <= 1 || time(self.below_lower.count) == time(self.below_upper.count - 1)
    }

    /// Writes the fingerprints of its parts, about alike in size and not more than there are items;
    /// `false` when the message is full. Items of one time stay together.
    pub(super) fn split(&self, index: &Index, parts: u64, into: &mut Message) -> bool {
        let (parts, count) = (parts.min(self.count()), self.count());
        let mut rest = *self;
        for part in 1..parts {
            let rank = self.below_lower.count
                + u64::try_from(u128::from(count) * u128::from(part) / u128::from(parts))
                    .unwrap_or(count);
            let Some(path) = index.nth(rank) else { break };
            let middle = Bound::at(time_of(path));
            if middle <= rest.lower {
                continue;
            }
            let first = Self::above(index, rest.lower, rest.below_lower, middle);
            if first.count() == 0 {
                continue;
            }
            if !into.fingerprint(middle, &first.fingerprint()) {
                return false;
            }
            rest = Self { lower: middle, below_lower: first.below_upper, ..rest };
        }
        into.fingerprint(self.upper, &rest.fingerprint())
    }

    /// Writes its ids, as many as there is room for; the items written, and where the list ends. `None`
    /// when there is no room for any.
    pub(super) fn list(&self, index: &Index, into: &mut Message) -> Option<(Vec<Item>, Bound)> {
        let ids_max = into.ids_max()?;
        let mut items: Vec<Item> = match self.count() {
            0 => Vec::new(),
            _ => self.items(index).take(ids_max + 1).collect(),
        };
        let mut upper = self.upper;
        if items.len() > ids_max {
            let next = items.pop()?;
            upper = Bound::before(next.time(), next.leaf);
            if items.is_empty() {
                return None;
            }
        }
        into.ids(upper, items.iter().map(|item| &item.leaf.0));
        Some((items, upper))
    }
}
