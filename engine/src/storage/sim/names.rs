//! The simulated directory: which name means which file now, and which would after a power cut.
//!
//! Knows names and file numbers; nothing of bytes.

use std::collections::BTreeMap;

use super::fate::Fate;

/// Number of a file, never used twice.
pub(super) type FileId = usize;

#[derive(Clone, Debug)]
struct Dirty {
    step: u64,
    gone: Option<String>,
    new: Option<(String, FileId)>,
}

impl Dirty {
    /// A rename is one change: both names or none, as POSIX asks of rename.
    fn apply(&self, names: &mut BTreeMap<String, FileId>) {
        if let Some(name) = &self.gone {
            names.remove(name);
        }
        if let Some((name, id)) = &self.new {
            names.insert(name.clone(), *id);
        }
    }
}

/// The directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    cached: BTreeMap<String, FileId>,
    device: BTreeMap<String, FileId>,
    dirty: Vec<Dirty>,
}

impl Names {
    /// A directory that is on the device.
    pub(super) fn on_device(names: BTreeMap<String, FileId>) -> Self {
        Self { cached: names.clone(), device: names, dirty: Vec::new() }
    }

    pub(super) fn file(&self, name: &str) -> Option<FileId> {
        self.cached.get(name).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, FileId)> {
        self.cached.iter().map(|(name, id)| (name, *id))
    }

    pub(super) fn has_file(&self, id: FileId) -> bool {
        self.cached.values().any(|named| *named == id)
    }

    /// Takes `gone` out and puts `new` in, as one change.
    pub(super) fn change(&mut self, step: u64, gone: Option<&str>, new: Option<(&str, FileId)>) {
        let new = new.map(|(name, id)| (name.to_owned(), id));
        let dirty = Dirty { step, gone: gone.map(str::to_owned), new };
        dirty.apply(&mut self.cached);
        self.dirty.push(dirty);
    }

    pub(super) fn sync(&mut self) {
        self.device.clone_from(&self.cached);
        self.dirty.clear();
    }

    /// A sync that fails: what was to be made durable never will be.
    pub(super) fn fail_sync(&mut self) {
        self.dirty.clear();
    }

    /// The steps that left a name un-synced.
    pub(super) fn steps(&self) -> impl Iterator<Item = u64> {
        self.dirty.iter().map(|dirty| dirty.step)
    }

    /// The names after a power cut.
    pub(super) fn after_cut(&self, fate: &Fate) -> BTreeMap<String, FileId> {
        let mut names = self.device.clone();
        for dirty in self.dirty.iter().filter(|dirty| fate.keeps_name(dirty.step)) {
            dirty.apply(&mut names);
        }
        names
    }
}
