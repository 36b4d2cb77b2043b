//! The handle an application holds of one room: what is in it, who is in it, what happens in it.
//! Knows what is asked of whom; every rule is the machine's.

use std::{collections::BTreeSet, fmt, sync::Arc};

use syncline_protocol::dialects::peer::{
    id::{CanonicalId, PeerId},
    invite::new_code,
    keys::PublicKeys,
    kind::RoomKind,
    now::Now,
    participant::{Drops, Edit, Event, WriteError},
    store::StoreFailed,
};
use tokio::sync::{broadcast, watch};
use zeroize::Zeroizing;

use super::{
    carried::{Carried, NONCE_BYTES, SALT_BYTES},
    core::Core,
    error::{InviteError, KeysError},
    group::{GROUP, GROUP_SETTINGS, Invite},
    peers::Peers,
    shared::Shared,
    status::Status,
};
use crate::task::Stopped;

/// A room that is open. Clones are handles of the same one; it is closed by [`Room::close`], or when the
/// last handle is dropped.
#[derive(Clone)]
pub struct Room(pub(super) Arc<Handle>);

/// What the handles of a room share. The last one closes it.
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) name: String,
    pub(super) kind: RoomKind,
    pub(super) peers: Peers,
}

impl Handle {
    /// Whether its tasks have ended.
    pub(super) fn is_stopped(&self) -> bool {
        self.shared.look(Core::is_closed)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.shut();
    }
}

impl Room {
    /// Its name at the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> RoomKind {
        self.0.kind
    }

    /// Who this peer is in it.
    #[must_use]
    pub fn me(&self) -> &PeerId {
        self.0.peers.me()
    }

    /// Gives a row its value, usually JSON. It can be read at once; [`Room::durable`] waits for the
    /// device, and the others get it when there is a connection.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was written then.
    pub fn put(
        &self,
        table: impl Into<String>,
        id: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), WriteError> {
        self.write(vec![Edit { table: table.into(), id: id.into(), value: Some(value.into()) }])
    }

    /// Deletes a row, as [`Room::put`] writes one. A row that is not there may be deleted.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was deleted then.
    pub fn remove(
        &self,
        table: impl Into<String>,
        id: impl Into<String>,
    ) -> Result<(), WriteError> {
        self.write(vec![Edit { table: table.into(), id: id.into(), value: None }])
    }

    /// Makes several edits, all or none of them, also over a power cut here.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was written then.
    pub fn write(&self, edits: Vec<Edit>) -> Result<(), WriteError> {
        self.step(|core, now| core.machine.write(edits, now))
    }

    /// The value of a row; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn get(&self, table: &str, id: &str) -> Result<Option<String>, StoreFailed> {
        self.0.shared.look(|core| core.machine.get(table, id))
    }

    /// The rows of a table, as ids with values, by id.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn rows(&self, table: &str) -> Result<Vec<(String, String)>, StoreFailed> {
        self.0.shared.look(|core| core.machine.rows(table))
    }

    /// The members of the group, by name.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn members(&self) -> Result<BTreeSet<CanonicalId>, StoreFailed> {
        Ok(self.rows("members")?.into_iter().map(|(id, _)| CanonicalId::of(&id)).collect())
    }

    /// Returns what `look` finds, now or after the next things that happen here. It is asked each time
    /// anything may have changed, and should be quick.
    ///
    /// # Errors
    /// [`Stopped`] when the room was closed before.
    pub async fn wait_for<R>(
        &self,
        mut look: impl FnMut(&Self) -> Option<R>,
    ) -> Result<R, Stopped> {
        self.0.shared.watch(|| look(self)).await
    }

    /// Returns when all that was written up to now is on the device.
    ///
    /// # Errors
    /// [`StoreFailed`], also when the room was closed before.
    pub async fn durable(&self) -> Result<(), StoreFailed> {
        let durable = self.0.shared.until(|core| match core.failed() {
            Some(failed) => Some(Err(failed.clone())),
            None => core.unsynced().is_none().then_some(Ok(())),
        });
        durable.await.unwrap_or_else(|Stopped| Err(closed()))
    }

    /// Returns when there is a connection, and somebody has answered on it what is new, or nobody else is
    /// there. Who is no member any more ([`Status::removed`]) waits for ever, and so does one whose clock is more
    /// than seven minutes off.
    ///
    /// # Errors
    /// [`Stopped`] when the room was closed.
    pub async fn synced(&self) -> Result<(), Stopped> {
        self.0.shared.until(|core| core.status().synced.then_some(())).await
    }

    /// Where the room stands, and how that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.shared.status()
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        Events { receiver: self.0.shared.events() }
    }

    /// Tries to connect now, if there is no connection; also after a final refusal.
    pub fn retry_now(&self) {
        self.0.shared.task.retry_now();
    }

    /// The keys of this peer in this room. Their [fingerprint](PublicKeys::fingerprint) can be compared
    /// over another channel.
    #[must_use]
    pub fn keys(&self) -> PublicKeys {
        self.0.shared.look(|core| core.machine.keys())
    }

    /// The keys of this peer in this room, with what is secret of them, as a text for
    /// [`Peers::import_keys`] on another device: sealed under a passphrase, which is all that protects it, so
    /// a long one. Not with it are the keys of others, the group's and the vault's, which come anew from
    /// members. Takes some ten milliseconds.
    ///
    /// # Errors
    /// [`KeysError::Random`].
    pub fn export_keys(&self, passphrase: &str) -> Result<String, KeysError> {
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
        getrandom::fill(&mut salt).map_err(KeysError::Random)?;
        getrandom::fill(&mut nonce).map_err(KeysError::Random)?;
        let keys = self.0.shared.look(|core| core.machine.secret_keys());
        let place = format!("{}/{}", self.0.kind.name(), self.0.name);
        Carried { keys, me: self.me().clone(), place }.seal(passphrase, (salt, nonce))
    }

    /// The keys in force for another peer, when they are known.
    #[must_use]
    pub fn keys_of(&self, peer: &PeerId) -> Option<PublicKeys> {
        self.0.shared.look(|core| core.machine.keys_of(peer))
    }

    /// The [conflicts](Event::KeyConflict) since this room was entered that still wait for
    /// [`approve_key`](Self::approve_key), with names in their canonical form. Each is told once, and is here
    /// until the keys are taken or the known ones are heard again.
    #[must_use]
    pub fn key_conflicts(&self) -> Vec<(PeerId, PublicKeys)> {
        self.0.shared.look(|core| core.machine.key_conflicts())
    }

    /// Takes the keys that a [conflict](Event::KeyConflict) offered: from now on they are in force.
    ///
    /// # Errors
    /// [`WriteError::UnknownPeer`] when nobody of this name offered these keys.
    pub fn approve_key(&self, peer: &PeerId, keys: &PublicKeys) -> Result<(), WriteError> {
        self.step(|core, now| core.machine.approve_key(peer, keys, now))
    }

    /// Goes over to new keys and proves them to the others with the old ones.
    ///
    /// # Errors
    /// [`WriteError::Store`].
    pub fn rotate_keys(&self) -> Result<(), WriteError> {
        self.step(|core, now| core.machine.rotate_keys(now))
    }

    /// Makes a new group key and gives it to the members.
    ///
    /// # Errors
    /// [`WriteError::NotPermitted`] when the others would not take it from this member.
    pub fn rotate_group_key(&self) -> Result<(), WriteError> {
        self.step(|core, now| core.machine.rotate_group_key(now))
    }

    /// The vault's key, with which the application can seal what only members who may see the vault are to
    /// read; `None` while it is not here. It is made once for the room, comes by itself to members whose
    /// roles say so ([`Permission::ViewVault`](super::Permission::ViewVault)), and is [told](Event::VaultKey) when it does. It never
    /// changes: whoever is taken out of the group keeps it.
    #[must_use]
    pub fn vault_key(&self) -> Option<Zeroizing<[u8; 32]>> {
        self.0.shared.look(|core| core.machine.vault_key())
    }

    /// Takes a member out: its row is deleted, and the others get a new group key that it does not have.
    /// What it has seen before it has.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn revoke(&self, member: &str) -> Result<(), WriteError> {
        let member = CanonicalId::of(member);
        self.step(|core, now| core.machine.remove_member(&member, now))
    }

    /// Makes a code that lets a stranger in, who shows it in the group's invite room. It is a secret.
    ///
    /// # Errors
    /// [`InviteError`]; there is no new code then.
    pub fn invite(&self, invite: &Invite) -> Result<String, InviteError> {
        let mut random = Zeroizing::new([0; 16]);
        getrandom::fill(&mut random[..]).map_err(InviteError::Random)?;
        let mut source = |out: &mut [u8]| {
            out.iter_mut().zip(*random).for_each(|(out, byte)| *out = byte);
        };
        let code = new_code(&mut source);
        self.step(|core, now| {
            let row = core.machine.get(GROUP_SETTINGS, GROUP).map_err(WriteError::from)?;
            let row = row.ok_or(InviteError::NoGroup)?;
            // The clock as it is put right by the server's and the others'.
            let now_ms = now.wall_ms().saturating_add(core.machine.clock_offset_ms());
            let edit = invite.added_to(&row, &code, now_ms).ok_or(InviteError::TooMany)?;
            Ok(core.machine.write(vec![edit], now)?)
        })
        .map(|()| code)
    }

    /// Whether a group was founded here.
    pub(super) fn has_group(&self) -> bool {
        self.get(GROUP_SETTINGS, GROUP).is_ok_and(|row| row.is_some())
    }

    /// A key that those who are in the room now agreed on elsewhere; only in memory.
    pub fn set_session_key(&self, key: Option<[u8; 32]>) {
        self.0.shared.step_if_open(|core, now| core.machine.set_session_key(key, now));
    }

    /// The digest of all rows: two peers with the same rows have the same.
    #[must_use]
    pub fn digest(&self) -> String {
        self.0.shared.look(|core| core.machine.digest())
    }

    /// What came in and was not done, by reason, since the room was opened.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.0.shared.look(|core| core.machine.drops().clone())
    }

    /// Closes the room. What was written is on the device when this returns.
    pub async fn close(&self) {
        // A store that failed has said so already.
        let _ = self.durable().await;
        self.0.shared.stop().await;
    }

    pub(super) fn step<R, E: From<StoreFailed>>(
        &self,
        step: impl FnOnce(&mut Core, Now) -> Result<R, E>,
    ) -> Result<R, E> {
        self.0.shared.step(step).unwrap_or_else(|Stopped| Err(closed().into()))
    }
}

fn closed() -> StoreFailed {
    StoreFailed("the room was closed".into())
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// What happens in a room, in order.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
}

/// Something that happened, or the news that something is missing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It happened.
    Event(Event),
    /// So many events were let go because nobody read them. What they said can be read from the room.
    Lagged(u64),
}

impl Events {
    /// The next one; `None` when the room was closed.
    pub async fn next(&mut self) -> Option<Happened> {
        match self.receiver.recv().await {
            Ok(event) => Some(Happened::Event(event)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Happened::Lagged(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
