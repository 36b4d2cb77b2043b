//! The answer to a `SYNC_REQ`: the rows above a clock, in parts that each say what they complete.

use super::{
    super::{
        super::store::{Store, StoreFailed},
        changes::{Changes, Kind, Meta},
        hlc::Hlc,
        node::NodeId,
        row::Row,
        vector::VersionVector,
    },
    heads::Place,
    state::{Replica, read},
};

/// How large a part of an answer is. Rows that one node wrote at one time stay together, up to four times
/// these bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLimits {
    /// Rows after which no further one is added.
    pub rows_max: usize,
    /// Bytes of JSON after which no further row is added, about. A single row can have more.
    pub bytes_max: usize,
}

impl Default for PartLimits {
    fn default() -> Self {
        Self { rows_max: 10_000, bytes_max: 2 << 20 }
    }
}

/// An answer on its way. It claims no more than was known when it was asked for, so that it may be sent
/// part by part while others change the rows.
#[derive(Clone, Debug)]
pub struct Answer {
    clock: VersionVector,
    goal: VersionVector,
    /// Which node is next, and behind which of its rows.
    node: u16,
    behind: Option<Place>,
    /// Up to where the parts so far complete that node, if they do.
    complete: Option<Hlc>,
    /// Rows of one time of that node are in two parts. No timestamp says what the second one follows, so
    /// nothing more is claimed of the node; its rows are sent all the same.
    torn: bool,
    done: bool,
}

impl Answer {
    /// Whether no part follows.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

impl Replica {
    /// Begins the answer to someone who holds this; an empty clock asks for everything.
    #[must_use]
    pub fn answer(&self, clock: &VersionVector) -> Answer {
        let (clock, goal) = (clock.clone(), self.frontier().clone());
        Answer { clock, goal, node: 0, behind: None, complete: None, torn: false, done: false }
    }

    /// The next part; `None` after the last one. The first one is there in any case, if need be without
    /// rows. It costs what it holds: rows at or below the clock are not looked at.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn next_part(
        &self,
        store: &dyn Store,
        answer: &mut Answer,
        limits: PartLimits,
    ) -> Result<Option<Changes>, StoreFailed> {
        if answer.done {
            return Ok(None);
        }
        let mut part = Part::default();
        while let Some(node) = self.heads.node(answer.node) {
            let known = answer.clock.get(node);
            let from = answer.complete.take().or_else(|| known.cloned());
            let behind = answer.behind.or_else(|| known.map(Place::behind));
            let goal = answer.goal.get(node).cloned();
            for place in self.heads.written_by(answer.node, behind) {
                if part.is_full(limits, answer.behind.as_ref(), place) {
                    let last = answer.behind.map(|behind| behind.time());
                    answer.torn |= last == Some(place.time());
                    answer.complete = last.and_then(|last| complete(node, last, goal));
                    part.claim(from.as_ref(), answer.complete.as_ref().filter(|_| !answer.torn));
                    answer.complete = answer.complete.take().max(from);
                    return Ok(Some(part.finish()));
                }
                part.push(read(store, place.key.path)?);
                answer.behind = Some(*place);
            }
            part.claim(from.as_ref(), goal.as_ref().filter(|_| !answer.torn));
            answer.torn = false;
            answer.node += 1;
            answer.behind = None;
        }
        for to in answer.goal.iter().filter(|to| !self.heads.has_node(&to.node)) {
            // All that it wrote was overwritten since.
            part.claim(answer.clock.get(&to.node), Some(to));
        }
        answer.done = true;
        Ok(Some(part.finish()))
    }
}

/// Up to where a node is complete when all of it is sent up to this time.
fn complete(node: &NodeId, (micros, counter): (i64, u16), goal: Option<Hlc>) -> Option<Hlc> {
    Some(Hlc { micros, counter, node: node.clone() }.min(goal?))
}

/// A part in the making.
#[derive(Default)]
struct Part {
    rows: Vec<Row>,
    bytes: usize,
    prev: Vec<Hlc>,
    vc: Vec<Hlc>,
}

impl Part {
    /// Whether the next row goes into another part, `last` being the one before it of its node.
    fn is_full(&self, limits: PartLimits, last: Option<&Place>, next: &Place) -> bool {
        let above = |times: usize| {
            let PartLimits { rows_max, bytes_max } = limits;
            let rows = self.rows.len() >= rows_max.saturating_mul(times);
            rows || self.bytes >= bytes_max.saturating_mul(times)
        };
        let together = last.is_some_and(|last| last.time() == next.time());
        !self.rows.is_empty() && if together { above(4) } else { above(1) }
    }

    fn push(&mut self, row: Row) {
        self.bytes += row.json_bytes();
        self.rows.push(row);
    }

    /// All of a node from here to there is in it.
    fn claim(&mut self, from: Option<&Hlc>, to: Option<&Hlc>) {
        if let Some(to) = to.filter(|to| from.is_none_or(|from| from < to)) {
            self.prev.extend(from.cloned());
            self.vc.push(to.clone());
        }
    }

    fn finish(self) -> Changes {
        let Self { rows, prev, vc, .. } = self;
        let (prev, vc) = (prev.into_iter().collect(), vc.into_iter().collect());
        Changes { rows, meta: Some(Meta { kind: Kind::Sync, prev, vc }), bad: Vec::new() }
    }
}
