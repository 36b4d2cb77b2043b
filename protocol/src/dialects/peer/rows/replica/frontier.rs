//! Up to where everything of a node is here, and what came before its turn.
//!
//! In the store (`Space::Frontier`) the key is a byte `n` and the node; the value is a byte 1, the
//! microseconds in eight bytes and the counter in two, the little end first.

use std::mem;

use super::super::{
    super::store::{Change, Space, Store, StoreFailed},
    hlc::Hlc,
    node::NodeId,
    vector::VersionVector,
};

/// Spans that wait for what lies before them, at most.
const WAITING_MAX: usize = 256;

const KEY: u8 = b'n';
const VERSION: u8 = 1;

/// What is here of each node without a gap.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    known: VersionVector,
    /// What came while something before it was missing.
    waiting: Vec<Span>,
    /// What became known and is not yet in the store.
    fresh: Vec<Hlc>,
}

/// All that a node wrote behind `from` up to `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// None: from its first write.
    pub(super) from: Option<Hlc>,
    pub(super) to: Hlc,
}

impl Frontier {
    /// Reads it.
    pub(super) fn load(store: &dyn Store) -> Result<Self, StoreFailed> {
        let mut known = VersionVector::default();
        let mut readable = true;
        store.each(Space::Frontier, &mut |key, value| {
            if let Some((&KEY, node)) = key.split_first() {
                match decode(node, value) {
                    Some(hlc) => drop(known.advance(&hlc)),
                    None => readable = false,
                }
            }
        })?;
        if !readable {
            return Err(StoreFailed("a mark of its frontier cannot be read".into()));
        }
        Ok(Self { known, ..Self::default() })
    }

    /// Up to where everything is here.
    pub(super) fn known(&self) -> &VersionVector {
        &self.known
    }

    /// Spans that wait for what lies before them.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The rows of a span are here. Returns whether something before them is missing.
    pub(super) fn take(&mut self, span: Span) -> bool {
        if self.known.covers(&span.to) {
            return false;
        }
        if !self.follows(&span) {
            if self.waiting.len() < WAITING_MAX && !self.waiting.contains(&span) {
                self.waiting.push(span);
            }
            return true;
        }
        self.know(span.to);
        self.close();
        false
    }

    fn follows(&self, span: &Span) -> bool {
        span.from.as_ref().is_none_or(|from| self.known.covers(from))
    }

    fn know(&mut self, hlc: Hlc) {
        if self.known.advance(&hlc) {
            self.fresh.push(hlc);
        }
    }

    /// Takes those that waited and do not need to any more.
    fn close(&mut self) {
        while let Some(at) = self.waiting.iter().position(|span| self.follows(span)) {
            let span = self.waiting.swap_remove(at);
            self.know(span.to);
        }
        let known = &self.known;
        self.waiting.retain(|span| !known.covers(&span.to));
    }

    /// Whether something became known since [`fresh`](Self::fresh) was last called.
    pub(super) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// What became known since this was last called.
    pub(super) fn fresh(&mut self) -> Vec<Hlc> {
        mem::take(&mut self.fresh)
    }
}

/// Lets the store know this.
pub(super) fn mark(hlc: &Hlc) -> Change {
    let mut key = vec![KEY];
    key.extend(hlc.node.as_str().as_bytes());
    let mut value = vec![VERSION];
    value.extend(hlc.micros.to_le_bytes());
    value.extend(hlc.counter.to_le_bytes());
    Change { space: Space::Frontier, key, value: Some(value) }
}

fn decode(node: &[u8], value: &[u8]) -> Option<Hlc> {
    let node = NodeId::new(str::from_utf8(node).ok()?)?;
    let value: &[u8; 11] = value.try_into().ok()?;
    let (version, time) = value.split_first_chunk::<1>()?;
    let (micros, counter) = time.split_first_chunk::<8>()?;
    (*version == [VERSION]).then_some(Hlc {
        micros: i64::from_le_bytes(*micros),
        counter: u16::from_le_bytes(counter.try_into().ok()?),
        node,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: Option<i64>, to: i64) -> Span {
        let hlc = |micros| Hlc { micros, counter: 0, node: NodeId::new("a").unwrap() };
        Span { from: from.map(hlc), to: hlc(to) }
    }

    fn known(frontier: &Frontier) -> i64 {
        frontier.known().iter().next().map_or(0, |hlc| hlc.micros)
    }

    #[test]
    fn what_comes_early_waits_for_what_lies_before_it() {
        let mut frontier = Frontier::default();
        assert!(!frontier.take(span(None, 1)));
        assert!(frontier.take(span(Some(2), 3)));
        assert!(frontier.take(span(Some(3), 4)));
        assert_eq!((known(&frontier), frontier.waiting()), (1, 2));
        assert!(!frontier.take(span(Some(1), 2)));
        assert_eq!((known(&frontier), frontier.waiting()), (4, 0));
        assert!(!frontier.take(span(Some(9), 3)), "it is known");
    }

    #[test]
    fn what_waits_has_a_bound() {
        let mut frontier = Frontier::default();
        for at in 1..1000 {
            assert!(frontier.take(span(Some(at), at + 1)));
        }
        assert_eq!(frontier.waiting(), WAITING_MAX);
    }
}
