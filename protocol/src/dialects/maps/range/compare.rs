//! What a message says that this end has to look at: ranges that differ, and lists.

use super::super::digest::Leaf;
use super::super::index::Index;
use super::bad::BadRange;
use super::bound::Bound;
use super::items::Item;
use super::part::Part;
use super::read::{Ranges, Said};

/// A range of a message that does not go by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    /// The fingerprints differ.
    Differs(Part),
    /// The other end listed its ids.
    Listed(Part, &'a [[u8; 32]]),
}

/// The ranges of a message that do not go by, ascending.
pub(super) struct Comparison<'a> {
    index: &'a Index,
    ranges: Ranges<'a>,
    /// The last range whose sums are known.
    known: Option<Part>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(index: &'a Index, ranges: Ranges<'a>) -> Self {
        Self { index, ranges, known: None }
    }

    fn part(&mut self, lower: Bound, upper: Bound) -> Part {
        let part = match self.known {
            Some(known) if known.upper == lower => {
                Part::above(self.index, lower, known.below_upper(), upper)
            }
            _ => Part::new(self.index, lower, upper),
        };
        self.known = Some(part);
        part
    }
}

impl<'a> Iterator for Comparison<'a> {
    type Item = Result<Found<'a>, BadRange>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let range = match self.ranges.next()? {
                Ok(range) => range,
                Err(bad) => return Some(Err(bad)),
            };
            match range.said {
                Said::Skip => {}
                Said::Fingerprint(theirs) => {
                    let part = self.part(range.lower, range.upper);
                    if part.fingerprint() != theirs {
                        return Some(Ok(Found::Differs(part)));
                    }
                }
                Said::Ids(ids) => {
                    return Some(Ok(Found::Listed(self.part(range.lower, range.upper), ids)));
                }
            }
        }
    }
}

/// Which of our items are not in their list, and which of their ids no item of ours has.
pub(super) fn tell_apart<'i>(
    ours: impl Iterator<Item = Item>,
    theirs: impl IntoIterator<Item = &'i [u8; 32]>,
) -> (Vec<Item>, Vec<Leaf>) {
    let mut theirs: Vec<(&[u8; 32], bool)> = theirs.into_iter().map(|id| (id, false)).collect();
    theirs.sort_unstable();
    theirs.dedup();
    let mut only_ours = Vec::new();
    for item in ours {
        match theirs.binary_search_by(|(id, _)| (*id).cmp(&item.leaf.0)) {
            Ok(at) => theirs[at].1 = true,
            Err(_) => only_ours.push(item),
        }
    }
    let only_theirs = theirs.into_iter().filter(|(_, known)| !known);
    (only_ours, only_theirs.map(|(id, _)| Leaf(*id)).collect())
}
