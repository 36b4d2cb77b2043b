//! The end that asks. It keeps which ranges differ and are not settled yet.

use std::mem;

use super::super::digest::{Leaf, Path};
use super::super::index::Index;
use super::bad::BadRange;
use super::bound::Bound;
use super::compare::{Comparison, Found, tell_apart};
use super::part::{Part, parts_each};
use super::read::Ranges;
use super::write::Message;
use super::{RANGE_BYTES_MIN, VERSION};

/// All ranges that differ are listed at once when they have no more items than this together.
const LISTED_MAX: u64 = 256;
/// A range with so few items is listed in any case.
const LISTED_EACH: u64 = 8;
/// More ranges that differ are not kept.
const OPEN_MAX: usize = 1 << 16;

/// A reconciliation under way.
///
/// The index may change between two messages: what changed meanwhile may or may not be seen.
#[derive(Clone, Debug)]
pub struct Initiator {
    bytes_max: usize,
    /// What the last message spoke of: ranges that differed, ascending and apart.
    asked: Vec<Span>,
    /// What it had no room for, ascending and above those.
    waiting: Vec<Span>,
}

/// A range that differs.
#[derive(Clone, Copy, Debug)]
struct Span {
    lower: Bound,
    upper: Bound,
}

/// What came of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stepped {
    /// The message for the other end; none when all is settled.
    pub next: Option<Vec<u8>>,
    /// Records of this index that the other end does not have.
    pub have: Vec<Path>,
    /// Records that the other end has and this index does not.
    pub need: Vec<Leaf>,
}

impl Initiator {
    /// Begins, with the first message. No message is longer than `bytes_max`, nor bounded closer than
    /// [`RANGE_BYTES_MIN`].
    #[must_use]
    pub fn start(index: &Index, bytes_max: usize) -> (Self, Vec<u8>) {
        let all = Span { lower: Bound::START, upper: Bound::END };
        let bytes_max = bytes_max.max(RANGE_BYTES_MIN);
        let mut begun = Self { bytes_max, asked: Vec::new(), waiting: vec![all] };
        let message = begun.ask(index);
        (begun, message.finish())
    }

    /// Takes an answer. The caller bounds how often.
    ///
    /// # Errors
    /// An answer that is none, in another version, or with too many ranges that differ. The
    /// reconciliation is over then; what it told before still holds.
    pub fn step(&mut self, index: &Index, answer: &[u8]) -> Result<Stepped, BadRange> {
        let ranges = match answer.split_first() {
            Some((&VERSION, ranges)) => ranges,
            Some((&version @ 0x60..=0x6f, _)) => return Err(BadRange::Version(version)),
            _ => return Err(BadRange::Foreign),
        };
        let (mut stepped, mut differing) = (Stepped::default(), Vec::new());
        for found in Comparison::new(index, Ranges::new(ranges)) {
            match found? {
                Found::Differs(part) => differing.push(part),
                Found::Listed(part, ids) => {
                    let (have, need) = tell_apart(part.items(index), ids);
                    stepped.have.extend(have.iter().map(|item| item.path));
                    stepped.need.extend(need);
                }
            }
        }
        let mut open = common(&mem::take(&mut self.asked), &differing);
        open.append(&mut self.waiting);
        if open.len() > OPEN_MAX {
            return Err(BadRange::Many);
        }
        self.waiting = open;
        let message = self.ask(index);
        stepped.next = (!message.is_empty()).then(|| message.finish());
        Ok(stepped)
    }

    /// The next message: of what waits as much as there is room for.
    fn ask(&mut self, index: &Index) -> Message {
        let waiting = mem::take(&mut self.waiting);
        let parts: Vec<Part> =
            waiting.iter().map(|span| Part::new(index, span.lower, span.upper)).collect();
        let list_all = parts.iter().map(Part::count).sum::<u64>() <= LISTED_MAX;
        let parts_each = parts_each(parts.len());
        let mut message = Message::new(self.bytes_max);
        let mut rest = parts.iter();
        for part in rest.by_ref() {
            message.skip_to(part.lower);
            if list_all || part.count() <= LISTED_EACH || part.has_one_time(index) {
                part.list(index, &mut message);
            } else {
                part.split(index, parts_each, &mut message);
            }
            let (lower, upper, end) = (part.lower, part.upper, message.begins());
            if end > lower {
                self.asked.push(Span { lower, upper: end });
            }
            if end < upper {
                self.waiting.push(Span { lower: end, upper });
                break;
            }
        }
        self.waiting.extend(rest.map(|part| Span { lower: part.lower, upper: part.upper }));
        message
    }
}

/// What two ascending rows of ranges have in common. The other end answers with a range over all that it
/// had no room for: of that, only what was asked can differ.
fn common(asked: &[Span], differing: &[Part]) -> Vec<Span> {
    let (mut asked, mut found) = (asked.iter().peekable(), Vec::new());
    for part in differing {
        while let Some(span) = asked.peek() {
            let lower = span.lower.max(part.lower);
            let upper = span.upper.min(part.upper);
            if lower < upper {
                found.push(Span { lower, upper });
            }
            if span.upper > part.upper {
                break;
            }
            asked.next();
        }
    }
    found
}
