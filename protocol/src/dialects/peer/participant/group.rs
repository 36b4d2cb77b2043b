//! The group's key: who makes it, who is given it and from whom it is taken (dossier, H6 to H8).

use std::time::Duration;

use super::{Event, Participant, Why, WriteError, halt::Step, marks, paced::Paced};
use crate::dialects::peer::{
    access::Standing,
    id::{CanonicalId, PeerId},
    kind::RoomKind,
    now::Now,
    packet::Kind,
    rows::Row,
    seal::{Adopted, GroupKey},
    store::{Store, StoreFailed},
    sync::{Control, control::Secret},
};

/// Between two requests for the key, at first.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(2);
/// And at last, while nobody answers.
pub(super) const ASK_EVERY_MAX: Duration = Duration::from_secs(60);
/// How many are asked at a time.
pub(super) const ASKED_MAX: usize = 8;
/// A key that came this long before a member was taken out, or longer, is one that the member has. Less does not
/// tell: clocks differ.
const REMOVAL_SLACK_MS: i64 = 5_000;

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
    /// Who was told that it is no member.
    pub(super) disowned: Paced,
    /// A member was taken out, or the group founded, and the key that others have is still in use.
    rotation_due: bool,
    /// When the last member was taken out, in milliseconds since the Unix epoch.
    removed_ms: i64,
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

    /// A member was taken out, as its row says.
    pub(super) fn removed(&mut self, row: &Row) {
        self.removed_ms = self.removed_ms.max(row.hlc.micros.div_euclid(1000));
    }

    pub(super) fn disconnected(&mut self) {
        self.wanted = None;
        self.shared.clear();
        self.disowned.clear();
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.wanted.map(|_| self.ask_at)
    }

    fn is_due(&self, now: Now) -> bool {
        self.deadline().is_some_and(|at| at <= now.elapsed)
    }
}

impl<S: Store> Participant<S> {
    /// Whether somebody may read what the group has. Who was invited and does not know the group yet knows that
    /// there is one: his host is of it, and who else is he cannot say.
    pub(super) fn may_read(&self, who: &CanonicalId) -> bool {
        match self.access.standing(who) {
            Standing::Owner | Standing::Member => true,
            Standing::Removed => false,
            _ if self.access.is_bootstrap() && self.expected_host.is_none() => true,
            _ => self.is_awaited_host(who),
        }
    }

    /// Whether somebody is asked for what is lacking, and heard when it says that it has it: whoever may read
    /// what the group has, and anybody while it is not known who that is.
    pub(super) fn may_answer(&self, who: &CanonicalId) -> bool {
        self.access.is_bootstrap() || self.awaits_host() || self.may_read(who)
    }

    /// Whether the host that let this participant in has not yet shown it all of its group.
    pub(super) fn awaits_host(&self) -> bool {
        self.expected_host.as_ref().is_some_and(|host| self.is_awaited_host(&host.peer.canonical()))
    }

    /// Whether this is the host that let this participant in.
    fn is_expected_host(&self, who: &CanonicalId) -> bool {
        self.expected_host.as_ref().is_some_and(|host| host.peer.canonical() == *who)
    }

    pub(super) fn is_awaited_host(&self, who: &CanonicalId) -> bool {
        self.expected_host.is_some() && self.access.is_founder(who)
    }

    /// Since when a key counts that comes now: behind the removals that are known here, whatever the clocks
    /// say.
    fn key_ms(&self, now: Now) -> i64 {
        self.time.adjusted_ms(now).max(self.group.removed_ms)
    }

    /// The group's key, if what is sealed with it is for members alone: one that came before the last member was
    /// taken out is that one's too, until the next is here.
    pub(super) fn sealing_key(&self) -> Option<&GroupKey> {
        let is_safe = |key: &&GroupKey| {
            key.since_ms.saturating_add(REMOVAL_SLACK_MS) >= self.group.removed_ms
        };
        self.ring.current().filter(is_safe).filter(|_| !self.group.rotation_due)
    }

    /// Those in the room who can be reached and may read what the group has.
    pub(super) fn readers(&self) -> Vec<PeerId> {
        let reachable = self.people.reachable();
        let readers = reachable.filter(|(_, person)| self.may_read(&person.canonical));
        readers.map(|(peer, _)| peer.clone()).collect()
    }

    /// Whether the group's key is taken from somebody.
    fn may_give(&self, who: &CanonicalId) -> bool {
        let has_none = self.ring.current().is_none();
        let is_inviter = self.is_expected_host(who);
        if has_none && is_inviter {
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
        // Who comes later than a removal would take an older key for a safe one.
        let Some(group) = self.sealing_key() else { return };
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
        let now_ms = self.key_ms(now);
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
                self.is_disowned = false;
                self.tell(Event::GroupKey { epoch });
                self.live.want();
                self.reopen(now);
                Ok(())
            }
        }
    }

    /// There is a group: a key that somebody gave before may be none of it. Judged once, also if the power was cut
    /// when the group had just come.
    pub(super) fn doubt_group_key(&mut self, now: Now) -> Result<(), StoreFailed> {
        let Some(giver) = self.group.giver.take() else { return Ok(()) };
        let is_host = self.is_expected_host(&giver);
        if !is_host && !self.access.may_share_keys(&giver) && !self.access.may_admit(&giver) {
            self.ring.forget(&mut self.store)?;
            self.group.want(0, now);
        }
        marks::forget_giver(&mut self.store)
    }

    /// Whether somebody who was here before there was a group, and is no member, may have its key.
    pub(super) fn has_key_of_strangers(&self) -> bool {
        self.ring.current().is_some() && self.pins.each().any(|(who, _)| !self.may_read(who))
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
    /// [`WriteError::NotPermitted`] when the others would not take it from this member.
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
        let now_ms = self.key_ms(now);
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

    /// A member was taken out, or a group is about to be founded: what is sealed from now on takes another key.
    /// Kept over a restart, until that is made. Returns whether nothing had called for it before.
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
