//! The group's key: who makes it, who is given it and from whom it is taken (dossier, H6 to H8).

use std::time::Duration;

use super::{Event, Participant, Why, WriteError, halt::Step, marks, paced::Paced};
use crate::dialects::peer::{
    access::Standing,
    id::{CanonicalId, PeerId},
    kind::RoomKind,
    now::Now,
    packet::Kind,
    seal::Adopted,
    store::{Store, StoreFailed},
    sync::{Control, control::Secret},
};

/// Between two requests for the key, at first.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(2);
/// And at last, while nobody answers.
pub(super) const ASK_EVERY_MAX: Duration = Duration::from_secs(60);
/// How many are asked at a time.
pub(super) const ASKED_MAX: usize = 8;

/// What is known of the group's key beside the key.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Who gave it while there was no group.
    giver: Option<CanonicalId>,
    /// The epoch that is lacking.
    wanted: Option<u64>,
    ask_at: Duration,
    pause: Duration,
    shared: Paced,
    /// A member was taken out, and the key that it has is still in use.
    rotation_due: bool,
}

impl Group {
    pub(super) fn open(store: &dyn Store) -> Result<Self, StoreFailed> {
        let rotation_due = marks::is_rotation_due(store)?;
        Ok(Self { giver: marks::giver(store)?, rotation_due, pause: ASK_EVERY, ..Self::default() })
    }

    /// The key of this epoch, or any with 0, is lacking.
    pub(super) fn want(&mut self, epoch: u64, now: Now) {
        if self.wanted.is_none() {
            self.pause = ASK_EVERY;
            self.ask_at = self.ask_at.max(now.elapsed);
        }
        self.wanted = self.wanted.max(Some(epoch));
    }

    pub(super) fn disconnected(&mut self) {
        self.wanted = None;
        self.shared.clear();
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.wanted.map(|_| self.ask_at)
    }

    fn is_due(&self, now: Now) -> bool {
        self.deadline().is_some_and(|at| at <= now.elapsed)
    }
}

impl<S: Store> Participant<S> {
    /// Whether somebody may read what the group has.
    pub(super) fn may_read(&self, who: &CanonicalId) -> bool {
        match self.access.standing(who) {
            Standing::Owner | Standing::Member => true,
            Standing::Removed => false,
            // What the founder is may be among what is still to come.
            _ => self.access.is_bootstrap() || self.access.is_founder(who),
        }
    }

    /// Those in the room who can be reached and may read what the group has.
    pub(super) fn readers(&self) -> Vec<PeerId> {
        let reachable = self.people.reachable();
        let readers = reachable.filter(|(_, person)| self.may_read(&person.canonical));
        readers.map(|(peer, _)| peer.clone()).collect()
    }

    /// Whether somebody is asked for rows, and heard when it answers. Until all is here that the founder has,
    /// the members that are known are not all: who asked these alone could be left among newcomers.
    pub(super) fn may_help(&self, who: &CanonicalId) -> bool {
        let is_new = self.expected_host.is_some() && self.access.is_being_founded();
        is_new || self.may_read(who)
    }

    /// Whether the group's key is taken from somebody.
    fn may_give(&self, who: &CanonicalId) -> bool {
        let has_none = self.ring.current().is_none();
        let is_inviter =
            self.expected_host.as_ref().is_some_and(|host| host.peer.canonical() == *who);
        if self.expected_host.is_some() && has_none && is_inviter {
            return true;
        }
        if !self.access.is_bootstrap() {
            return self.access.may_share_keys(who);
        }
        match &self.expected_host {
            Some(_) => is_inviter,
            None => has_none || self.group.giver.as_ref() == Some(who),
        }
    }

    /// Whether this participant's shares are taken by others.
    fn is_giver(&self) -> bool {
        let me = self.me.canonical();
        if self.access.is_bootstrap() {
            return self.is_host;
        }
        self.access.may_share_keys(&me) || self.access.may_admit(&me)
    }

    /// Makes the first key: by the host alone, and never again.
    pub(super) fn make_first_key(&mut self, now: Now) -> Step {
        let is_first = self.is_host && !self.ring.is_initialized() && self.people.is_alone();
        if self.kind == RoomKind::Data && self.is_connected && is_first {
            let now_ms = self.time.adjusted_ms(now);
            let epoch = self.ring.rotate(&mut self.store, &mut *self.random, now_ms)?;
            self.tell(Event::GroupKey { epoch });
        }
        Ok(())
    }

    /// Somebody can be reached from now on: it is given the key, or asked for it.
    pub(super) fn meet_group(&mut self, peer: &PeerId, now: Now) {
        if self.kind != RoomKind::Data {
            return;
        }
        self.meet_vault(peer, now);
        if self.ring.current().is_none() {
            self.group.want(0, now);
            self.group.ask_at = now.elapsed;
        } else {
            self.share_key(peer, now);
        }
    }

    /// Gives somebody the key, if it may have it.
    fn share_key(&mut self, peer: &PeerId, now: Now) {
        let may = self.is_giver() && self.may_read(&peer.canonical());
        if may && self.group.shared.may(peer, now) {
            self.give_key(peer, now);
        }
    }

    fn give_key(&mut self, peer: &PeerId, now: Now) {
        let Some(group) = self.ring.current() else { return };
        let is_told = !self.is_old(peer);
        let share = Control::GskShare {
            key: Secret::new(*group.secret()),
            epoch: is_told.then_some(group.epoch),
            key_id: is_told.then(|| group.key_id.clone()),
        };
        let request = self.new_request();
        self.send_control(peer, &request, &share, now);
    }

    pub(super) fn key_asked(&mut self, peer: &PeerId, now: Now) -> Step {
        if self.kind != RoomKind::Data {
            return Err(Why::WrongRoomKind.into());
        }
        if !self.is_giver() || !self.may_read(&peer.canonical()) {
            return Err(Why::Forbidden.into());
        }
        self.share_key(peer, now);
        Ok(())
    }

    /// A key came, sealed for this participant alone.
    pub(super) fn key_given(
        &mut self,
        by: &PeerId,
        (key, epoch): (&Secret, Option<u64>),
        now: Now,
    ) -> Step {
        let canonical = by.canonical();
        if self.kind != RoomKind::Data {
            return Err(Why::WrongRoomKind.into());
        }
        if !self.may_give(&canonical) {
            return Err(Why::Forbidden.into());
        }
        let epoch = epoch.ok_or(Why::BadPayload)?;
        let now_ms = self.time.adjusted_ms(now);
        match self.ring.adopt(&mut self.store, &key.0, epoch, now_ms)? {
            Adopted::Refused => Err(Why::Stale.into()),
            Adopted::Known => {
                self.stop_asking(epoch);
                Ok(())
            }
            Adopted::Newer | Adopted::Beside => {
                if self.access.is_bootstrap() && self.group.giver.is_none() {
                    marks::set_giver(&mut self.store, &canonical)?;
                    self.group.giver = Some(canonical);
                }
                self.stop_asking(epoch);
                self.tell(Event::GroupKey { epoch });
                self.live.want();
                self.reopen(now);
                Ok(())
            }
        }
    }

    /// There is a group from now on: a key of somebody who may give it none is no key of it.
    pub(super) fn doubt_group_key(&mut self, now: Now) -> Step {
        let Some(giver) = self.group.giver.clone() else { return Ok(()) };
        let host = self.expected_host.as_ref();
        let is_host = host.is_some_and(|host| host.peer.canonical() == giver);
        if is_host || self.access.may_share_keys(&giver) || self.access.may_admit(&giver) {
            return Ok(());
        }
        self.ring.forget(&mut self.store)?;
        self.group.want(0, now);
        Ok(())
    }

    /// There is a group from now on, and this participant made it: who was here before and is no member
    /// may have the key.
    pub(super) fn renew_key_of_group(&mut self) -> Result<(), StoreFailed> {
        let has_strangers = self.pins.each().any(|(who, _)| !self.may_read(who));
        if self.ring.current().is_some() && has_strangers {
            self.want_rotation()?;
        }
        Ok(())
    }

    fn stop_asking(&mut self, epoch: u64) {
        if self.group.wanted.is_some_and(|wanted| wanted <= epoch) {
            self.group.wanted = None;
        }
    }

    /// Asks for the key, if it is time.
    pub(super) fn ask_for_key(&mut self, now: Now) {
        if !self.is_connected || !self.group.is_due(now) {
            return;
        }
        let may_give = |canonical: &CanonicalId| self.may_give(canonical);
        let reachable = self.people.reachable();
        let givers: Vec<PeerId> = reachable
            .filter(|(_, person)| may_give(&person.canonical))
            .map(|(peer, _)| peer.clone())
            .take(ASKED_MAX)
            .collect();
        for peer in givers {
            let request = self.new_request();
            self.send_control(&peer, &request, &Control::GskReq, now);
        }
        self.group.ask_at = now.elapsed + self.group.pause;
        self.group.pause = (self.group.pause * 2).min(ASK_EVERY_MAX);
    }

    pub(super) fn send_control(
        &mut self,
        peer: &PeerId,
        request: &crate::dialects::peer::id::RequestId,
        control: &Control,
        now: Now,
    ) -> bool {
        let packet = self.packet(Kind::UnicastReq, request);
        self.send_to(peer, packet, &control.encode(), now)
    }

    /// Makes a new group key and gives it to the members.
    ///
    /// # Errors
    /// [`WriteError::Forbidden`] when the others would not take it from this member.
    pub fn rotate_group_key(&mut self, now: Now) -> Result<(), WriteError> {
        let result = self.new_group_key(now);
        self.settle(now);
        result
    }

    pub(super) fn new_group_key(&mut self, now: Now) -> Result<(), WriteError> {
        if self.kind != RoomKind::Data {
            return Err(WriteError::WrongRoomKind);
        }
        let me = self.me.canonical();
        let may =
            if self.access.is_bootstrap() { self.is_host } else { self.access.may_share_keys(&me) };
        if !may {
            return Err(WriteError::NotPermitted);
        }
        let now_ms = self.time.adjusted_ms(now);
        let epoch = self.ring.rotate(&mut self.store, &mut *self.random, now_ms)?;
        self.set_rotated()?;
        self.tell(Event::GroupKey { epoch });
        self.give_key_to_all(now);
        Ok(())
    }

    fn give_key_to_all(&mut self, now: Now) {
        for peer in self.readers() {
            self.give_key(&peer, now);
        }
    }

    /// A member was taken out: what is sealed from now on must not open to it. Kept over a restart, until
    /// the next key is made.
    /// Whether nothing had called for it before.
    pub(super) fn want_rotation(&mut self) -> Result<bool, StoreFailed> {
        let is_new = !std::mem::replace(&mut self.group.rotation_due, true);
        if is_new {
            marks::set_rotation_due(&mut self.store, true)?;
        }
        Ok(is_new)
    }

    /// Makes the next key after a member was taken out, if that is for this participant to do.
    pub(super) fn rotate_if_due(&mut self, now: Now) -> Step {
        if !self.group.rotation_due {
            return Ok(());
        }
        match self.new_group_key(now) {
            Err(WriteError::Store(failed)) => Err(failed.into()),
            // Whoever may do that makes the next one.
            Ok(()) | Err(_) => Ok(self.set_rotated()?),
        }
    }

    /// The next key is made, or nothing calls for it any more.
    pub(super) fn set_rotated(&mut self) -> Result<(), StoreFailed> {
        if std::mem::take(&mut self.group.rotation_due) {
            marks::set_rotation_due(&mut self.store, false)?;
        }
        Ok(())
    }

    /// Makes the next key when the one in use is worn.
    pub(super) fn renew_key(&mut self, now: Now) {
        let is_worn = self.ring.is_worn(self.time.adjusted_ms(now));
        let me = self.me.canonical();
        let is_mine =
            if self.access.is_bootstrap() { self.is_host } else { self.access.is_owner(&me) };
        if is_worn
            && is_mine
            && let Err(WriteError::Store(failed)) = self.new_group_key(now)
        {
            self.failed = Some(failed);
        }
    }
}
