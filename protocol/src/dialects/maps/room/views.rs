//! Trees of the keys that begin alike, for those who follow only those.
//!
//! A few are kept, each as exact as that of the whole map. Knows entries; nothing of collections.

use super::super::{
    digest::Path,
    index::{Entry, Index},
};

/// The most records of a map of which there are such trees: making one reads all of them.
pub(super) const VIEW_RECORDS_MAX: usize = 16_384;

/// How many are kept.
const VIEWS_MAX: usize = 8;

#[derive(Debug)]
struct View {
    key_prefix: Box<str>,
    index: Index,
}

/// The trees that are kept, the last used behind the others.
#[derive(Debug, Default)]
pub(super) struct Views {
    views: Vec<View>,
}

impl Views {
    /// The tree of the keys that begin with this, if it is kept.
    pub(super) fn find(&mut self, key_prefix: &str) -> Option<&Index> {
        let at = self.views.iter().position(|view| &*view.key_prefix == key_prefix)?;
        let view = self.views.remove(at);
        self.views.push(view);
        self.views.last().map(|view| &view.index)
    }

    /// The tree of the keys that begin with this, if it is the one last used.
    pub(super) fn last(&self, key_prefix: &str) -> Option<&Index> {
        self.views.last().filter(|view| &*view.key_prefix == key_prefix).map(|view| &view.index)
    }

    /// Keeps one, in the place of the one that was not used for longest.
    pub(super) fn keep(&mut self, key_prefix: &str, index: Index) {
        if self.views.len() == VIEWS_MAX {
            self.views.remove(0);
        }
        self.views.push(View { key_prefix: key_prefix.into(), index });
    }

    /// A record was put; the map now has so many. None is kept of one that has too many.
    pub(super) fn put(&mut self, key: &str, entry: Entry, records: usize) {
        if records > VIEW_RECORDS_MAX {
            self.views.clear();
        }
        for view in self.views.iter_mut().filter(|view| key.starts_with(&*view.key_prefix)) {
            view.index.insert(entry);
        }
    }

    /// An entry is not what it was.
    pub(super) fn replace(&mut self, entry: Entry) {
        for view in &mut self.views {
            if view.index.get(entry.path).is_some() {
                view.index.insert(entry);
            }
        }
    }

    /// A record is gone.
    pub(super) fn remove(&mut self, path: Path) {
        for view in &mut self.views {
            view.index.remove(path);
        }
    }

    /// About how much memory this takes.
    pub(super) fn memory_bytes(&self) -> usize {
        let bytes = |view: &View| view.key_prefix.len() + view.index.memory_bytes();
        self.views.iter().map(bytes).sum::<usize>() + self.views.capacity() * size_of::<View>()
    }
}
