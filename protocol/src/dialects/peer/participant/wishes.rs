//! What the owner may ask for beside rows: keys.

use zeroize::Zeroizing;

use super::{Edit, Event, Participant, WriteError, marks};
use crate::dialects::peer::{
    id::{CanonicalId, PeerId},
    keys::{PublicKeys, RoomKeys},
    now::Now,
    store::Store,
};

impl<S: Store> Participant<S> {
    /// Goes over to new keys and proves them to the others with the old ones.
    ///
    /// # Errors
    /// [`WriteError::Store`].
    pub fn rotate_keys(&mut self, now: Now) -> Result<(), WriteError> {
        let new = RoomKeys::generate(&mut *self.random);
        let old = std::mem::replace(&mut self.keys, new);
        let kept = marks::replace_keys(&mut self.store, &mut self.keys_before, old, &self.keys);
        if let Err(failed) = kept {
            self.failed = Some(failed.clone());
            return Err(failed.into());
        }
        self.pairwise.clear();
        self.prove_keys(None, now);
        for peer in self.readers_by_version(true) {
            self.greet_in_version_1(&peer, now);
        }
        self.settle(now);
        Ok(())
    }

    /// Takes a member out: its rows are deleted, and a new group key is given to the others.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn remove_member(&mut self, member: &CanonicalId, now: Now) -> Result<(), WriteError> {
        let result = self.take_out(member, now);
        self.settle(now);
        result
    }

    fn take_out(&mut self, member: &CanonicalId, now: Now) -> Result<(), WriteError> {
        let rows: Vec<String> = self.access.rows_of_member(member).map(str::to_owned).collect();
        if rows.is_empty() {
            return Err(WriteError::UnknownPeer);
        }
        let delete = |id: String| Edit { table: "members".into(), id, value: None };
        self.make_edits(rows.into_iter().map(delete).collect(), now)?;
        match self.new_group_key(now) {
            // Whoever may do that makes the next one.
            Err(WriteError::NotPermitted) => Ok(()),
            other => other,
        }
    }

    /// Takes the keys that a [conflict](Event::KeyConflict) offered: from now on they are in force.
    ///
    /// # Errors
    /// [`WriteError::UnknownPeer`] when nobody of this name offered these keys.
    pub fn approve_key(
        &mut self,
        peer: &PeerId,
        keys: &PublicKeys,
        now: Now,
    ) -> Result<(), WriteError> {
        if !self.pins.approve(&mut self.store, &peer.canonical(), keys)? {
            return Err(WriteError::UnknownPeer);
        }
        self.tell(Event::PeerKnown { peer: peer.clone(), keys: *keys });
        for named in self.people.named(&peer.canonical()) {
            self.reach(&named, *keys, now);
        }
        self.settle(now);
        Ok(())
    }

    /// A key that those who are in the room now agreed on elsewhere: packets are opened first with it, and
    /// packets to all are sealed with it. It is only in memory.
    pub fn set_session_key(&mut self, key: Option<[u8; 32]>, now: Now) {
        let is_new = key.is_some();
        self.session = key.map(Zeroizing::new);
        if is_new {
            self.reopen(now);
            self.live.want();
        }
        self.settle(now);
    }
}
