//! Who is in a room: each identity once. Knows no message.

use std::collections::BTreeMap;

use crate::{
    dialect::{Member, UnixMillis},
    dialects::peer::id::{CanonicalId, PeerId},
};

/// Somebody in a room.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) identity: PeerId,
    pub(super) since: UnixMillis,
    /// Its packets refused in a row for coming too often.
    pub(super) refused: u32,
}

/// Who is in a room.
#[derive(Debug, Default)]
pub(super) struct People {
    people: BTreeMap<Member, Person>,
    names: BTreeMap<PeerId, Member>,
}

impl People {
    /// Lets somebody in. Its identity must not be there.
    pub(super) fn insert(&mut self, member: Member, identity: PeerId, since: UnixMillis) {
        let before = self.names.insert(identity.clone(), member);
        debug_assert_eq!(before, None, "an identity is in a room once");
        self.people.insert(member, Person { identity, since, refused: 0 });
    }

    /// Somebody goes, if it is there.
    pub(super) fn remove(&mut self, member: Member) -> Option<Person> {
        let person = self.people.remove(&member)?;
        self.names.remove(&person.identity);
        Some(person)
    }

    /// Somebody, if it is there.
    pub(super) fn find(&mut self, member: Member) -> Option<&mut Person> {
        self.people.get_mut(&member)
    }

    /// The connection of an identity.
    pub(super) fn named(&self, identity: &str) -> Option<Member> {
        self.names.get(identity).copied()
    }

    /// The connections of all forms of a name.
    pub(super) fn bearing(&self, name: &CanonicalId) -> Vec<Member> {
        let of_name = self.names.iter().filter(|(identity, _)| identity.canonical() == *name);
        of_name.map(|(_, &member)| member).collect()
    }

    /// All of them, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&PeerId, Member)> {
        self.names.iter().map(|(identity, &member)| (identity, member))
    }

    /// Since when somebody is here.
    pub(super) fn since(&self, member: Member) -> UnixMillis {
        self.people.get(&member).map_or(UnixMillis(0), |person| person.since)
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }
}
