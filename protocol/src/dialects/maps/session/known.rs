//! What the registry has told a session: which nodes are its user's, and which maps it may write to.
//!
//! So the registry is asked once for each, and not with every operation.

use std::collections::HashSet;

use super::super::hlc::NodeId;

/// How many maps are remembered. Beyond that all are forgotten and asked for again.
const MAPS_MAX: usize = 1024;

/// Whose node it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The session's user's.
    Ours,
    /// Somebody else's, or nobody's.
    Others,
    /// The registry has not said yet.
    Unknown,
}

/// What the registry has told.
#[derive(Debug, Default)]
pub(super) struct Known {
    nodes: Vec<(NodeId, Whose)>,
    /// Where the last one asked for lies: it will be the next, nearly always.
    last: usize,
    maps: HashSet<Box<str>>,
}

impl Known {
    /// Whose node it is, as far as known; `None` when it was never heard of.
    pub(super) fn node(&mut self, node: &NodeId) -> Option<Whose> {
        match self.nodes.get(self.last) {
            Some((last, whose)) if last == node => Some(*whose),
            _ => {
                self.last = self.nodes.iter().position(|(known, _)| known == node)?;
                Some(self.nodes[self.last].1)
            }
        }
    }

    /// How many nodes are known.
    pub(super) fn nodes_len(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes are known to be the user's.
    pub(super) fn own_nodes_len(&self) -> usize {
        self.nodes.iter().filter(|(_, whose)| *whose == Whose::Ours).count()
    }

    /// Takes note of whose a node is.
    pub(super) fn learn_node(&mut self, node: NodeId, whose: Whose) {
        match self.nodes.iter_mut().find(|(known, _)| *known == node) {
            Some(known) => known.1 = whose,
            None => self.nodes.push((node, whose)),
        }
    }

    /// Forgets all nodes but the user's own: the others may have become his.
    pub(super) fn forget_others(&mut self) {
        self.nodes.retain(|(_, whose)| *whose == Whose::Ours);
        self.last = 0;
    }

    /// Whether the user may write to this map, as far as known.
    pub(super) fn may_write(&self, map: &str) -> bool {
        self.maps.contains(map)
    }

    /// Takes note of a map that the user may write to.
    pub(super) fn learn_map(&mut self, map: &str) {
        if self.maps.len() >= MAPS_MAX {
            self.maps.clear();
        }
        self.maps.insert(map.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_asked_for_again_after_it_was_forgotten() {
        let node = |name: &str| NodeId::new(name).expect("a name");
        let mut known = Known::default();
        assert_eq!(known.node(&node("a")), None);
        for (name, whose) in [("a", Whose::Unknown), ("b", Whose::Others), ("a", Whose::Ours)] {
            known.learn_node(node(name), whose);
        }
        assert_eq!(
            [known.node(&node("b")), known.node(&node("a"))],
            [Some(Whose::Others), Some(Whose::Ours)]
        );
        assert_eq!(known.nodes_len(), 2);
        known.forget_others();
        assert_eq!([known.node(&node("b")), known.node(&node("a"))], [None, Some(Whose::Ours)]);
    }

    #[test]
    fn only_so_many_maps_are_remembered() {
        let mut known = Known::default();
        for map in 0..MAPS_MAX {
            known.learn_map(&map.to_string());
        }
        assert!(known.may_write("0") && known.may_write("1023"));
        known.learn_map("one more");
        assert!(known.may_write("one more") && !known.may_write("0"));
    }
}
