//! The order in which paths last changed. Knows seqs and paths only.

use std::collections::BTreeMap;

use super::super::digest::Path;
use super::Entry;

/// For each seq the path that changed with it, without those that changed again.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed {
    paths: BTreeMap<u64, Path>,
}

impl Feed {
    pub(super) fn build(entries: impl Iterator<Item = Entry>) -> Self {
        let changed = entries.filter(|entry| entry.seq > 0);
        Self { paths: changed.map(|entry| (entry.seq, entry.path)).collect() }
    }

    pub(super) fn insert(&mut self, seq: u64, path: Path) {
        if seq > 0 {
            self.paths.insert(seq, path);
        }
    }

    pub(super) fn remove(&mut self, seq: u64, path: Path) {
        if self.paths.get(&seq) == Some(&path) {
            self.paths.remove(&seq);
        }
    }

    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = (u64, Path)> {
        let from = seq.saturating_add(1);
        self.paths.range(from..).map(|(seq, path)| (*seq, *path))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.paths.len() * 40
    }
}
