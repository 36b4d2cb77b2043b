//! What is remembered for a while, and no more of it than so many. Knows nothing of what it is.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Things by their keys; each is forgotten after the same time, the oldest first when there are too many.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    kept_for: Duration,
    count_max: usize,
    things: BTreeMap<K, V>,
    order: VecDeque<(Duration, K)>,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    pub(super) fn new(kept_for: Duration, count_max: usize) -> Self {
        Self { kept_for, count_max, things: BTreeMap::new(), order: VecDeque::new() }
    }

    /// Remembers something, unless there is something of this key already.
    pub(super) fn put(&mut self, key: K, value: V, now: Duration) {
        self.forget(now);
        if self.things.contains_key(&key) {
            return;
        }
        self.things.insert(key.clone(), value);
        self.order.push_back((now + self.kept_for, key));
        if self.order.len() > self.count_max {
            self.drop_first();
        }
    }

    /// What is remembered of this key.
    pub(super) fn find(&mut self, key: &K, now: Duration) -> Option<&V> {
        self.forget(now);
        self.things.get(key)
    }

    fn forget(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.things.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_in_time_and_when_there_are_too_many() {
        let mut recent = Recent::new(Duration::from_secs(10), 2);
        let at = Duration::from_secs;
        recent.put(1, 'a', at(0));
        recent.put(1, 'b', at(1));
        recent.put(2, 'c', at(2));
        assert_eq!(recent.find(&1, at(9)), Some(&'a'));
        assert_eq!(recent.find(&1, at(10)), None);
        recent.put(3, 'd', at(10));
        recent.put(4, 'e', at(10));
        assert_eq!(recent.find(&2, at(10)), None);
        assert_eq!(recent.find(&4, at(10)), Some(&'e'));
    }
}
