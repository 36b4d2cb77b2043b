//! The own writes that the server is not known to keep: the newest of each key, in order.
//! Knows paths and timestamps; the records themselves are in the store.

use std::collections::{BTreeMap, HashMap, btree_map};

use syncline_engine::Position;
use syncline_protocol::dialects::maps::{Hlc, Path};

/// How far an own write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is to be sent, or under way.
    Waiting,
    /// The server has it, where a power cut could take it.
    InMemory,
    /// The server refused it, with this code. It waits to be taken back.
    Rejected(i32),
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// Its place among all own writes.
    pub(super) order: u64,
    /// The timestamp without the node, which is always our own.
    pub(super) stamp: (u64, u32),
    pub(super) state: State,
    /// It is durable in the local store when the store is durable up to here.
    pub(super) position: Position,
}

impl Own {
    pub(super) fn is(&self, hlc: &Hlc) -> bool {
        self.stamp == (hlc.millis, hlc.counter)
    }
}

/// The own writes of one map.
#[derive(Debug, Default)]
pub(super) struct OpLog {
    by_path: HashMap<Path, Own>,
    by_order: BTreeMap<u64, Path>,
    waiting: usize,
    in_memory: usize,
    rejected: usize,
}

impl OpLog {
    /// All of them, those that were refused too.
    pub(super) fn len(&self) -> usize {
        self.by_path.len()
    }

    /// The highest place; 0 when there is none.
    pub(super) fn last_order(&self) -> u64 {
        self.by_order.last_key_value().map_or(0, |(order, _)| *order)
    }

    /// Those that the server has not in memory.
    pub(super) fn unanswered(&self) -> usize {
        self.len() - self.in_memory
    }

    pub(super) fn get(&self, path: Path) -> Option<&Own> {
        self.by_path.get(&path)
    }

    /// Puts a write in, in place of an older one of its key.
    pub(super) fn set(&mut self, path: Path, own: Own) {
        self.remove(path);
        *self.count(own.state) += 1;
        self.by_order.insert(own.order, path);
        self.by_path.insert(path, own);
    }

    pub(super) fn remove(&mut self, path: Path) -> Option<Own> {
        let own = self.by_path.remove(&path)?;
        *self.count(own.state) -= 1;
        self.by_order.remove(&own.order);
        Some(own)
    }

    /// Those after an order, the oldest first.
    pub(super) fn after(&self, order: u64) -> impl Iterator<Item = (Path, &Own)> {
        let orders: btree_map::Range<'_, u64, Path> =
            self.by_order.range(order.saturating_add(1)..);
        orders.filter_map(|(_, path)| Some((*path, self.by_path.get(path)?)))
    }

    fn count(&mut self, state: State) -> &mut usize {
        match state {
            State::Waiting => &mut self.waiting,
            State::InMemory => &mut self.in_memory,
            State::Rejected(_) => &mut self.rejected,
        }
    }

    /// The paths of what was refused and is still here, the oldest first.
    pub(super) fn rejected(&self) -> impl Iterator<Item = Path> {
        let is_rejected = |own: &Own| matches!(own.state, State::Rejected(_));
        let found = self.after(0).filter(move |(_, own)| is_rejected(own)).map(|(path, _)| path);
        found.take(self.rejected)
    }

    /// The paths of what the server has in memory.
    pub(super) fn in_memory(&self) -> impl Iterator<Item = Path> {
        let is_in_memory = |own: &Own| own.state == State::InMemory;
        let found = self.after(0).filter(move |(_, own)| is_in_memory(own)).map(|(path, _)| path);
        found.take(self.in_memory)
    }

    /// All of them lie before a position.
    pub(super) fn place(&mut self, position: Position) {
        self.by_path.values_mut().for_each(|own| own.position = position);
    }

    /// The server has a write in memory.
    pub(super) fn set_in_memory(&mut self, path: Path) {
        if let Some(own) = self.remove(path) {
            self.set(path, Own { state: State::InMemory, ..own });
        }
    }

    /// What the server had in memory is to be sent again.
    pub(super) fn doubt(&mut self) {
        if std::mem::take(&mut self.in_memory) > 0 {
            for own in self.by_path.values_mut().filter(|own| own.state == State::InMemory) {
                own.state = State::Waiting;
                self.waiting += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(order: u64, state: State) -> Own {
        Own { order, stamp: (order, 0), state, position: Position(0) }
    }

    fn orders(log: &OpLog, after: u64) -> Vec<(u64, u128)> {
        log.after(after).map(|(path, own)| (own.order, path.0)).collect()
    }

    #[test]
    fn the_newest_of_each_key_in_order() {
        let mut log = OpLog::default();
        for (order, path) in [(1, 7), (2, 8), (3, 7), (5, 9)] {
            log.set(Path(path), own(order, State::Waiting));
        }
        assert_eq!(orders(&log, 0), [(2, 8), (3, 7), (5, 9)]);
        assert_eq!(orders(&log, 3), [(5, 9)]);
        assert_eq!(orders(&log, u64::MAX), []);
        assert!(log.remove(Path(8)).is_some() && log.remove(Path(8)).is_none());
        assert_eq!((log.len(), orders(&log, 0)), (2, vec![(3, 7), (5, 9)]));
    }

    #[test]
    fn what_was_refused_is_known_until_it_is_replaced_or_gone() {
        let mut log = OpLog::default();
        log.set(Path(1), own(1, State::Rejected(3)));
        log.set(Path(2), own(2, State::Rejected(3)));
        assert_eq!(log.rejected().collect::<Vec<_>>(), [Path(1), Path(2)]);
        log.set(Path(1), own(3, State::Waiting));
        assert_eq!(log.rejected().collect::<Vec<_>>(), [Path(2)]);
        log.remove(Path(2));
        assert_eq!((log.rejected().count(), log.unanswered()), (0, 1));
    }

    #[test]
    fn what_the_server_has_in_memory_is_doubted_with_the_connection() {
        let mut log = OpLog::default();
        log.set(Path(1), own(1, State::InMemory));
        log.set(Path(2), own(2, State::Waiting));
        log.set(Path(3), own(3, State::Rejected(3)));
        assert_eq!((log.len(), log.unanswered()), (3, 2));
        assert_eq!(log.in_memory().collect::<Vec<_>>(), [Path(1)]);
        log.doubt();
        assert_eq!((log.unanswered(), log.in_memory().count(), log.rejected().count()), (3, 0, 1));
        assert_eq!(log.get(Path(1)).map(|own| own.state), Some(State::Waiting));
    }
}
