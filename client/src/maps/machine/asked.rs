//! The requests under way, other than pushes. Knows what was asked and when; nothing of answers.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::{super::replica::MapName, course::Reading};

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// What is new, or everything, from this cursor on.
    Pull(Reading, Bytes),
    /// Buckets, keys or records of the tree.
    Buckets,
    /// Ranges.
    Ranges,
    /// What the server has under keys whose write was refused.
    Revert(Vec<Box<str>>),
}

/// A request under way.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The number of the request.
    pub(super) number: u64,
    pub(super) map: MapName,
    pub(super) question: Question,
    /// Nothing of the map was on its way when it was asked.
    pub(super) quiet: bool,
    /// How many pushes of the map had been answered by then.
    pub(super) acks: u64,
    /// Until when the next part of the answer must come.
    pub(super) deadline: Duration,
    /// How many parts have come.
    pub(super) parts: u32,
}

/// The requests under way, each under its number.
#[derive(Debug, Default)]
pub(super) struct Requests(BTreeMap<u64, Asked>);

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn insert(&mut self, number: u64, asked: Asked) {
        self.0.insert(number, asked);
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Asked> {
        self.0.get_mut(&number)
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Asked> {
        self.0.remove(&number)
    }

    /// Forgets the requests of a map.
    pub(super) fn forget(&mut self, map: &str) {
        self.0.retain(|_, asked| *asked.map != *map);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// When the first of them is late.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.0.values().map(|asked| asked.deadline).min()
    }

    /// Takes one that is late.
    pub(super) fn late(&mut self, at: Duration) -> Option<Asked> {
        let number = self.0.iter().find(|(_, asked)| asked.deadline <= at).map(|(n, _)| *n)?;
        self.0.remove(&number)
    }
}
