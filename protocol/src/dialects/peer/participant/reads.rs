//! What can be read of a participant.

use super::{Drops, Participant};
use crate::dialects::peer::{
    access::Standing,
    id::PeerId,
    keys::PublicKeys,
    rows::VersionVector,
    store::{Store, StoreFailed},
};

impl<S: Store> Participant<S> {
    /// Its store, after its end. What was not [released](Self::outputs) may be lost.
    pub fn into_store(self) -> S {
        self.store.into_inner()
    }

    /// The value of a row; `None` when it is not there or deleted.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn get(&self, table: &str, id: &str) -> Result<Option<String>, StoreFailed> {
        let row = self.replica.get(&self.store, table, id)?;
        Ok(row.filter(|row| !row.deleted).map(|row| row.value.unwrap_or_default()))
    }

    /// The rows of a table that are not deleted, as ids with values, by id.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn rows(&self, table: &str) -> Result<Vec<(String, String)>, StoreFailed> {
        let rows = self.replica.table(&self.store, table)?;
        Ok(rows.into_iter().map(|row| (row.id, row.value.unwrap_or_default())).collect())
    }

    /// The keys of this participant in this room.
    #[must_use]
    pub fn keys(&self) -> PublicKeys {
        self.keys.public()
    }

    /// The keys in force for another participant, when they are known.
    #[must_use]
    pub fn keys_of(&self, peer: &PeerId) -> Option<PublicKeys> {
        self.pins.find(&peer.canonical()).map(|pin| pin.keys)
    }

    /// The [conflicts](super::Event::KeyConflict) that wait for the owner, with names in their canonical form:
    /// each is told once, and may be settled at any time.
    #[must_use]
    pub fn key_conflicts(&self) -> Vec<(PeerId, PublicKeys)> {
        let offered = self.pins.each_offered();
        offered.filter_map(|(peer, keys)| Some((PeerId::new(peer.as_str())?, *keys))).collect()
    }

    /// The highest version that somebody was heard to speak under these keys; `None` when nobody of this
    /// name is known.
    #[must_use]
    pub fn version_of(&self, peer: &PeerId) -> Option<u32> {
        self.pins.find(&peer.canonical()).map(|pin| pin.version)
    }

    /// Who else is in the room now, by name.
    pub fn present(&self) -> impl Iterator<Item = &PeerId> + '_ {
        self.people.names()
    }

    /// The epoch of the group key in use; `None` while there is none.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        self.ring.epoch()
    }

    /// Whether this participant is known to be no member of the group: it was taken out, or who manages members
    /// has said so on this connection.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.is_disowned || self.access.standing(&self.me.canonical()) == Standing::Removed
    }

    /// Whether an answer has come since the transport is up, with all that somebody had.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// How often what was dropped.
    #[must_use]
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// The digest of all rows, as others compare it: two participants with the same rows have the same.
    #[must_use]
    pub fn digest(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.replica.digest().hash)
    }

    /// How many rows there are, without those that are deleted and with them.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let digest = self.replica.digest();
        (digest.live, digest.records)
    }

    /// By node, up to where everything is here.
    #[must_use]
    pub fn frontier(&self) -> &VersionVector {
        self.replica.frontier()
    }

    /// Packets that wait for a key, and their bytes: those of unknown senders, and those that are sealed
    /// for the group.
    #[must_use]
    pub fn waiting(&self) -> [(usize, usize); 2] {
        [self.unknown.size(), self.sealed.size()]
    }

    /// Streams of which pieces are lacking, and the bytes that are kept of them.
    #[must_use]
    pub fn reassembling(&self) -> (usize, usize) {
        (self.reassembly.streams(), self.reassembly.bytes())
    }

    /// How far the clock of this machine is behind, in milliseconds, as server and participants say.
    #[must_use]
    pub fn clock_offset_ms(&self) -> i64 {
        self.time.offset_ms()
    }
}
