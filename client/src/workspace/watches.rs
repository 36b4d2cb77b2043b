//! What each watch of an application has not seen yet. Knows keys; nothing of values.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

use super::machine::Key;
use crate::kept::StateError;

/// What a watch has to look at next.
#[derive(Debug)]
pub(super) enum Look {
    Key(Key),
    Refused(Arc<str>),
    StateFailed(StateError),
}

#[derive(Debug, Default)]
struct Marks {
    /// The one key to watch; all without it.
    only: Option<Key>,
    queue: VecDeque<Key>,
    marked: HashSet<Key>,
    refused: Option<Arc<str>>,
    failure: Option<StateError>,
}

/// The watches of one client. A key waits once in each, however often it changes.
#[derive(Debug, Default)]
pub(super) struct Watches {
    last_id: u64,
    all: BTreeMap<u64, Marks>,
}

impl Watches {
    /// A watch that begins with these keys.
    pub(super) fn add(&mut self, only: Option<Key>, keys: impl IntoIterator<Item = Key>) -> u64 {
        self.last_id += 1;
        let mut marks = Marks { only, ..Marks::default() };
        keys.into_iter().for_each(|key| marks.mark(&key));
        self.all.insert(self.last_id, marks);
        self.last_id
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.all.remove(&id);
    }

    pub(super) fn changed(&mut self, key: &Key) {
        self.all.values_mut().for_each(|marks| marks.mark(key));
    }

    pub(super) fn refused(&mut self, reason: &Arc<str>) {
        for marks in self.all.values_mut() {
            marks.refused = Some(Arc::clone(reason));
        }
    }

    pub(super) fn state_failed(&mut self, error: &StateError) {
        for marks in self.all.values_mut() {
            marks.failure.get_or_insert_with(|| error.clone());
        }
    }

    pub(super) fn next(&mut self, id: u64) -> Option<Look> {
        let marks = self.all.get_mut(&id)?;
        let failure = marks.failure.take().map(Look::StateFailed);
        failure.or_else(|| marks.refused.take().map(Look::Refused)).or_else(|| {
            let key = marks.queue.pop_front()?;
            marks.marked.remove(&key);
            Some(Look::Key(key))
        })
    }
}

impl Marks {
    fn mark(&mut self, key: &Key) {
        if self.only.as_ref().is_none_or(|only| only == key) && self.marked.insert(key.clone()) {
            self.queue.push_back(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(watches: &mut Watches, id: u64) -> Option<String> {
        watches.next(id).map(|look| match look {
            Look::Key(key) => key.to_string(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn a_key_waits_once_and_behind_those_that_wait_longer() {
        let mut watches = Watches::default();
        let id = watches.add(None, ["a".into()]);
        for key in ["b", "a", "b"] {
            watches.changed(&key.into());
        }
        assert_eq!(next(&mut watches, id).as_deref(), Some("a"));
        watches.changed(&"a".into());
        assert_eq!(next(&mut watches, id).as_deref(), Some("b"));
        assert_eq!(next(&mut watches, id).as_deref(), Some("a"));
        assert_eq!(next(&mut watches, id), None);
    }

    #[test]
    fn a_watch_of_one_key_hears_of_no_other() {
        let mut watches = Watches::default();
        let id = watches.add(Some("a".into()), []);
        watches.changed(&"b".into());
        assert_eq!(next(&mut watches, id), None);
        watches.changed(&"a".into());
        assert_eq!(next(&mut watches, id).as_deref(), Some("a"));
        watches.remove(id);
        watches.changed(&"a".into());
        assert_eq!(next(&mut watches, id), None);
    }
}
