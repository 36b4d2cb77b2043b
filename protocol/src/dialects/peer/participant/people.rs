//! Who is in the room, and whose keys are in force. Knows no packet.

use std::collections::BTreeMap;

use crate::dialects::peer::{
    id::{CanonicalId, PeerId},
    keys::PublicKeys,
};

/// Somebody in the room.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) canonical: CanonicalId,
    /// Its keys, once they are known: it can be reached then.
    pub(super) keys: Option<PublicKeys>,
}

/// Who else is in the room while the transport is up.
#[derive(Debug, Default)]
pub(super) struct People {
    most: usize,
    present: BTreeMap<PeerId, Person>,
}

impl People {
    pub(super) fn new(most: usize) -> Self {
        Self { most, present: BTreeMap::new() }
    }

    /// Somebody is there. False when it was known already, or when there are too many.
    pub(super) fn enter(&mut self, peer: &PeerId) -> bool {
        if self.present.contains_key(peer) || self.present.len() >= self.most {
            return false;
        }
        let person = Person { canonical: peer.canonical(), keys: None };
        self.present.insert(peer.clone(), person);
        true
    }

    pub(super) fn leave(&mut self, peer: &PeerId) {
        self.present.remove(peer);
    }

    pub(super) fn clear(&mut self) {
        self.present.clear();
    }

    pub(super) fn is_alone(&self) -> bool {
        self.present.is_empty()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &PeerId> {
        self.present.keys()
    }

    /// The keys of somebody in the room are known from now on. Whether they were not.
    pub(super) fn reach(&mut self, peer: &PeerId, keys: PublicKeys) -> bool {
        match self.present.get_mut(peer) {
            Some(person) => person.keys.replace(keys).is_none(),
            None => false,
        }
    }

    /// Those whose keys are known.
    pub(super) fn reachable(&self) -> impl Iterator<Item = (&PeerId, &Person)> {
        self.present.iter().filter(|(_, person)| person.keys.is_some())
    }

    /// Whether somebody is there whose keys are not known.
    pub(super) fn has_strangers(&self) -> bool {
        self.present.values().any(|person| person.keys.is_none())
    }

    /// So many of those whose keys are not known.
    pub(super) fn strangers(&self, most: usize) -> Vec<PeerId> {
        let strangers = self.present.iter().filter(|(_, person)| person.keys.is_none());
        strangers.map(|(peer, _)| peer.clone()).take(most).collect()
    }

    /// The keys to reach somebody in the room with.
    pub(super) fn keys_of(&self, peer: &PeerId) -> Option<PublicKeys> {
        self.present.get(peer)?.keys
    }

    /// Under which names a member is in the room.
    pub(super) fn named(&self, canonical: &CanonicalId) -> Vec<PeerId> {
        let named = self.present.iter().filter(|(_, person)| person.canonical == *canonical);
        named.map(|(peer, _)| peer.clone()).collect()
    }
}
