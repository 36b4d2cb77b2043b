//! The end that answers. It keeps nothing between messages.

use super::super::digest::{Leaf, Path};
use super::super::index::Index;
use super::bad::BadRange;
use super::bound::Bound;
use super::compare::{Comparison, Found, tell_apart};
use super::part::{Part, parts_each};
use super::read::Ranges;
use super::write::Message;
use super::{RANGE_BYTES_MIN, VERSION};

/// The fewest bytes in which a range is answered that does not go by.
const ANSWER_BYTES_MIN: usize = 4;

/// What is answered to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The message for the other end. With nothing but the version in it, nothing differs any more.
    pub message: Vec<u8>,
    /// Records of this index that the other end does not have, seen in the ranges that it listed.
    pub lacking: Vec<Path>,
    /// Records that the other end has and this index does not, seen in the ranges that it listed.
    pub wanted: Vec<Leaf>,
}

/// Answers a message in at most so many bytes, never less than [`RANGE_BYTES_MIN`].
///
/// A message in another version is answered with ours. What does not fit into the answer the other end
/// asks for again: it gets the fingerprint of all that was not answered. `lacking` holds no more
/// records than the answer has ids, and `wanted` no more than the message had.
///
/// # Errors
/// A message that is none; nothing of it was looked at.
pub fn answer(index: &Index, message: &[u8], bytes_max: usize) -> Result<Answered, BadRange> {
    let bytes_max = bytes_max.max(RANGE_BYTES_MIN);
    let ranges = match message.split_first() {
        Some((&VERSION, ranges)) => ranges,
        Some((0x60..=0x6f, _)) => {
            return Ok(Answered { message: vec![VERSION], ..Answered::default() });
        }
        _ => return Err(BadRange::Foreign),
    };
    Ranges::new(ranges).try_for_each(|range| range.map(drop))?;
    let answered_max = bytes_max / ANSWER_BYTES_MIN;
    let comparison = Comparison::new(index, Ranges::new(ranges));
    let found: Vec<Found<'_>> = comparison.take(answered_max).collect::<Result<_, _>>()?;
    let mut answering = Answering::new(index, &found, bytes_max);
    let all = found.iter().all(|found| answering.found(found));
    Ok(answering.finish(all))
}

/// An answer that is being written.
struct Answering<'a> {
    index: &'a Index,
    parts: u64,
    message: Message,
    lacking: Vec<Path>,
    wanted: Vec<Leaf>,
}

impl<'a> Answering<'a> {
    fn new(index: &'a Index, found: &[Found<'_>], bytes_max: usize) -> Self {
        let differing = found.iter().filter(|found| matches!(found, Found::Differs(_))).count();
        let (message, parts) = (Message::new(bytes_max), parts_each(differing));
        Self { index, parts, message, lacking: Vec::new(), wanted: Vec::new() }
    }

    /// Answers one range; `false` when the message is full.
    fn found(&mut self, found: &Found<'_>) -> bool {
        match found {
            Found::Differs(part) => {
                self.message.skip_to(part.lower);
                match part.count() {
                    0 => part.list(self.index, &mut self.message).is_some(),
                    _ => part.split(self.index, self.parts, &mut self.message),
                }
            }
            Found::Listed(part, ids) => {
                self.message.skip_to(part.lower);
                self.listed(part, ids)
            }
        }
    }

    /// Answers a list with ours. What is wanted can be told only when our list is whole: of an id alone
    /// nobody knows where it stands.
    fn listed(&mut self, part: &Part, ids: &[[u8; 32]]) -> bool {
        let Some((items, upper)) = part.list(self.index, &mut self.message) else { return false };
        let (lacking, wanted) = tell_apart(items.into_iter(), ids);
        self.lacking.extend(lacking.iter().map(|item| item.path));
        if upper == part.upper {
            self.wanted.extend(wanted);
        }
        upper == part.upper
    }

    fn finish(self, all: bool) -> Answered {
        let message = if all {
            self.message.finish()
        } else {
            let rest = Part::new(self.index, self.message.begins(), Bound::END);
            self.message.finish_with_rest(&rest.fingerprint())
        };
        Answered { message, lacking: self.lacking, wanted: self.wanted }
    }
}
