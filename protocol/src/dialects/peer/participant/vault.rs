//! The vault's key: 32 bytes with which applications seal what not every member may see. Made once,
//! given to members who may see the vault, and never another one (dossier, sections 1.3 and 1.5).
//!
//! Knows nothing of what is sealed with it.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{
    Event, Participant, Why,
    group::{ASK_EVERY, ASK_EVERY_MAX, ASKED_MAX},
    halt::Step,
    marks,
    paced::Paced,
};
use crate::dialects::peer::{
    id::{CanonicalId, PeerId},
    kind::RoomKind,
    now::Now,
    random::random,
    store::{Store, StoreFailed},
    sync::{Control, control::Secret},
};

/// The vault's key, if it is here, and when it is asked for next.
#[derive(Debug)]
pub(super) struct Vault {
    key: Option<Secret>,
    ask_at: Duration,
    pause: Duration,
    given: Paced,
}

impl Vault {
    pub(super) fn open(store: &dyn Store) -> Result<Self, StoreFailed> {
        let key = marks::vault_key(store)?.map(Secret);
        Ok(Self { key, ask_at: Duration::ZERO, pause: ASK_EVERY, given: Paced::default() })
    }

    pub(super) fn disconnected(&mut self) {
        (self.ask_at, self.pause) = (Duration::ZERO, ASK_EVERY);
        self.given.clear();
    }
}

impl<S: Store> Participant<S> {
    /// The vault's key of this room, once it is here: for the application to seal with what only members
    /// who may see the vault are to read. It stays the same as long as the room is there: whoever had it
    /// once can open what is sealed with it, also after it was taken out of the group.
    #[must_use]
    pub fn vault_key(&self) -> Option<Zeroizing<[u8; 32]>> {
        self.vault.key.as_ref().map(|key| key.0.clone())
    }

    /// Makes the key: as the group's first one by the host alone, while nobody else is there who may have
    /// another; and never again. Also in a room that was founded before there were such keys.
    pub(super) fn make_vault_key(&mut self) -> Step {
        let founds = self.access.is_bootstrap() || self.access.is_owner(&self.me.canonical());
        let is_first = self.is_host && founds && self.vault.key.is_none();
        // Without a group key of its own this host is not the first one here.
        let has_group_key = self.ring.current().is_some();
        if is_first && has_group_key && self.is_connected && self.people.is_alone() {
            let key = Zeroizing::new(random::<32>(&mut *self.random));
            self.keep_vault_key(key)?;
        }
        Ok(())
    }

    fn keep_vault_key(&mut self, key: Zeroizing<[u8; 32]>) -> Result<(), StoreFailed> {
        marks::set_vault_key(&mut self.store, &key)?;
        self.vault.key = Some(Secret(key));
        self.tell(Event::VaultKey);
        Ok(())
    }

    /// Whether a member may have it. While there is no group nobody may: the group's key is changed when
    /// it is founded, and this one would stay with whoever was there before.
    fn may_have_vault_key(&self, who: &CanonicalId) -> bool {
        self.access.permissions(who).opens_vault()
    }

    /// Whether it is taken from somebody: who may give the group's key, by rows that are here. Nothing
    /// takes the place of a false one later, so a host's word before them does not do.
    fn may_give_vault_key(&self, who: &CanonicalId) -> bool {
        !self.access.is_bootstrap() && self.access.may_share_keys(who)
    }

    fn wants_vault_key(&self) -> bool {
        self.kind == RoomKind::Data
            && self.is_connected
            && self.vault.key.is_none()
            && self.ring.current().is_some()
            && self.may_have_vault_key(&self.me.canonical())
    }

    pub(super) fn vault_deadline(&self) -> Option<Duration> {
        self.wants_vault_key().then_some(self.vault.ask_at)
    }

    /// Somebody can be reached from now on: perhaps it has the key.
    pub(super) fn meet_vault(&mut self, peer: &PeerId, now: Now) {
        if self.may_give_vault_key(&peer.canonical()) {
            self.vault.ask_at = self.vault.ask_at.min(now.elapsed);
        }
    }

    /// Asks for the key, if it is lacking and time to.
    pub(super) fn ask_for_vault_key(&mut self, now: Now) {
        if self.vault_deadline().is_none_or(|at| at > now.elapsed) {
            return;
        }
        let reachable = self.people.reachable();
        let givers: Vec<PeerId> = reachable
            .filter(|(peer, _)| !self.is_old(peer))
            .filter(|(_, person)| self.may_give_vault_key(&person.canonical))
            .map(|(peer, _)| peer.clone())
            .take(ASKED_MAX)
            .collect();
        for peer in givers {
            let request = self.new_request();
            self.send_control(&peer, &request, &Control::KeyReq, now);
        }
        self.vault.ask_at = now.elapsed + self.vault.pause;
        self.vault.pause = (self.vault.pause * 2).min(ASK_EVERY_MAX);
    }

    /// Somebody asks for the key.
    pub(super) fn vault_key_asked(&mut self, peer: &PeerId, now: Now) -> Step {
        if self.kind != RoomKind::Data {
            return Err(Why::WrongRoomKind.into());
        }
        let is_giver = self.may_give_vault_key(&self.me.canonical());
        if !is_giver || !self.may_have_vault_key(&peer.canonical()) {
            return Err(Why::Forbidden.into());
        }
        let Some(key) = self.vault.key.clone() else { return Ok(()) };
        if !self.vault.given.may(peer, now) {
            return Err(Why::TooOften.into());
        }
        let request = self.new_request();
        self.send_control(peer, &request, &Control::RoomKey { key }, now);
        Ok(())
    }

    /// A key came, sealed for this participant alone.
    pub(super) fn vault_key_given(&mut self, by: &PeerId, key: Secret) -> Step {
        if self.kind != RoomKind::Data {
            return Err(Why::WrongRoomKind.into());
        }
        if !self.may_give_vault_key(&by.canonical()) {
            return Err(Why::Forbidden.into());
        }
        match &self.vault.key {
            None => Ok(self.keep_vault_key(key.0)?),
            Some(known) if *known == key => Ok(()),
            Some(_) => {
                // What is sealed with the one that is here could not be opened any more.
                self.tell(Event::VaultKeyConflict { peer: by.clone() });
                Err(Why::KeyConflict.into())
            }
        }
    }
}
