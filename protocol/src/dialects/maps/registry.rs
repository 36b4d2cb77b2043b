//! The registry: whose node and whose map is whose.
//!
//! One room for all, of few commands: sessions remember what they were answered. In memory it keeps the names
//! of maps and nothing else. Knows no map.

use std::{collections::BTreeSet, ops::Bound};

use super::{
    command::{Answer, LIST_MAPS_MAX},
    fault::Fault,
    hlc::NodeId,
    proto::ErrorCode,
    settings::Limits,
};
use crate::dialect::{Collections, EachEntry, Unreadable};

/// Its collections: the user of each node, the owner of each map, and how many of each a user has.
const NODES: u64 = 0;
const MAPS: u64 = 1;
const COUNTS: u64 = 2;

/// The most maps that a server keeps: their names lie in memory.
const MAPS_MAX: usize = 1 << 20;

/// About what a name takes in memory besides its letters.
const NAME_BYTES: usize = 40;

const USER_FULL: Fault = Fault::new(ErrorCode::TooLarge, "you have begun as many maps as you may");
const SERVER_FULL: Fault = Fault::new(ErrorCode::TooLarge, "the server has as many maps as it may");
const NO_USER: Fault = Fault::new(ErrorCode::BadRequest, "a user has a name of 1 to 512 bytes");

/// The longest name of a user, in bytes.
const USER_BYTES_MAX: usize = 512;

/// What a user has.
#[derive(Clone, Copy, Default)]
struct Counts {
    nodes: u64,
    maps: u64,
}

/// The registry.
#[derive(Debug, Default)]
pub(super) struct Registry {
    names: BTreeSet<Box<str>>,
    names_bytes: usize,
}

impl Registry {
    /// Made of what it keeps.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(super) fn load(entries: &mut EachEntry<'_>) -> Result<Self, Unreadable> {
        let (mut registry, mut is_sound) = (Self::default(), true);
        entries(MAPS, &mut |name, _| match str::from_utf8(name) {
            Ok(name) => registry.add(name),
            Err(_) => is_sound = false,
        })?;
        if is_sound { Ok(registry) } else { Err(Unreadable) }
    }

    fn add(&mut self, name: &str) {
        if self.names.insert(name.into()) {
            self.names_bytes += name.len() + NAME_BYTES;
        }
    }

    /// A user writes to a map: its owner when it is new here.
    ///
    /// # Errors
    /// [`Unreadable`]; then nothing was changed.
    pub(super) fn admit(
        &mut self,
        (user, map): (&str, &str),
        limits: &Limits,
        collections: &mut impl Collections,
    ) -> Result<Answer, Unreadable> {
        if self.names.contains(map) {
            return Ok(Answer::Admitted(Ok(())));
        }
        if !is_user(user) {
            return Ok(Answer::Admitted(Err(NO_USER)));
        }
        let mut counts = Counts::of(user, collections)?;
        if counts.maps >= limits.maps_per_user_max {
            return Ok(Answer::Admitted(Err(USER_FULL)));
        }
        if self.names.len() >= MAPS_MAX {
            return Ok(Answer::Admitted(Err(SERVER_FULL)));
        }
        counts.maps += 1;
        counts.put(user, collections);
        collections.put(MAPS, map.as_bytes(), user.as_bytes());
        self.add(map);
        Ok(Answer::Admitted(Ok(())))
    }

    /// A user comes with a node, and may claim it.
    ///
    /// # Errors
    /// [`Unreadable`]; then nothing was changed.
    pub(super) fn bind(
        (user, node, claim): (&str, &NodeId, bool),
        limits: &Limits,
        collections: &mut impl Collections,
    ) -> Result<Answer, Unreadable> {
        if let Some(owner) = collections.get(NODES, node.as_bytes())? {
            return Ok(Answer::Bound(owner == user.as_bytes()));
        }
        if !claim || !is_user(user) {
            return Ok(Answer::Bound(false));
        }
        let mut counts = Counts::of(user, collections)?;
        if counts.nodes >= limits.nodes_per_user {
            return Ok(Answer::Bound(false));
        }
        counts.nodes += 1;
        counts.put(user, collections);
        collections.put(NODES, node.as_bytes(), user.as_bytes());
        Ok(Answer::Bound(true))
    }

    /// Names behind this one, ascending.
    pub(super) fn list(&self, after: &str, maps_max: usize) -> Answer {
        let from = if after.is_empty() { Bound::Unbounded } else { Bound::Excluded(after) };
        let mut names = self.names.range::<str, _>((from, Bound::Unbounded));
        let maps = names.by_ref().take(maps_max.clamp(1, LIST_MAPS_MAX)).cloned().collect();
        Answer::Listed { maps, more: names.next().is_some() }
    }

    /// About how much memory it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.names_bytes
    }
}

fn is_user(user: &str) -> bool {
    (1..=USER_BYTES_MAX).contains(&user.len())
}

impl Counts {
    fn of(user: &str, collections: &impl Collections) -> Result<Self, Unreadable> {
        let Some(bytes) = collections.get(COUNTS, user.as_bytes())? else {
            return Ok(Self::default());
        };
        let (nodes, maps) = bytes.split_first_chunk().ok_or(Unreadable)?;
        let maps = maps.try_into().map_err(|_| Unreadable)?;
        Ok(Self { nodes: u64::from_le_bytes(*nodes), maps: u64::from_le_bytes(maps) })
    }

    fn put(self, user: &str, collections: &mut impl Collections) {
        let bytes = [self.nodes.to_le_bytes(), self.maps.to_le_bytes()].concat();
        collections.put(COUNTS, user.as_bytes(), &bytes);
    }
}
