//! The way of a packet that comes in, in the dossier's order: nothing is done before its signature is
//! found good, and nothing twice.

use bytes::Bytes;

use super::{
    Participant, Why,
    halt::Step,
    ladder::{Opened, Rung},
    replays::Mark,
};
use crate::dialects::peer::{
    keys::{Pin, PublicKeys},
    kind::RoomKind,
    now::Now,
    packet::{Kind, Packet},
    store::Store,
};

impl<S: Store> Participant<S> {
    /// A packet came: one binary frame.
    pub fn received(&mut self, frame: Bytes, now: Now) {
        if self.failed.is_none() {
            self.time.look(now);
            self.receive(&frame, now);
            self.settle(now);
        }
    }

    /// Takes a packet, also one that has waited.
    pub(super) fn receive(&mut self, frame: &Bytes, now: Now) {
        let taken = self.admit(frame).and_then(|packet| self.route(packet, frame, now));
        self.end(taken);
    }

    /// What can be said of a packet by its fields alone.
    fn admit(&self, frame: &Bytes) -> Step<Packet> {
        if frame.len() > self.settings.limits.frame_bytes_max {
            return Err(Why::TooLarge.into());
        }
        let mut packet = Packet::decode(frame.clone()).map_err(|_| Why::Malformed)?;
        packet.forget_unsigned();
        if packet.target.as_ref().is_some_and(|target| *target != self.me) {
            return Err(Why::NotForMe.into());
        }
        if packet.sender == self.me {
            return Err(Why::Echo.into());
        }
        // Whose name it is in another spelling would be taken here for oneself, with all one's rights.
        if packet.sender.canonical() == self.me.canonical() {
            return Err(Why::KeyConflict.into());
        }
        if packet.kind().is_none() {
            return Err(Why::UnknownType.into());
        }
        let is_invite =
            matches!(packet.kind(), Some(Kind::InviteReq | Kind::InviteAck | Kind::InviteNack));
        if !self.kind.allows(packet.kind) || is_invite && self.kind != RoomKind::Invite {
            return Err(Why::WrongRoomKind.into());
        }
        Ok(packet)
    }

    fn route(&mut self, packet: Packet, frame: &Bytes, now: Now) -> Step {
        match packet.kind() {
            Some(Kind::Handshake) => self.shaken(&packet, now),
            Some(Kind::InviteReq) => self.shown(&packet, now),
            Some(kind) => self.known(kind, packet, frame, now),
            None => Err(Why::UnknownType.into()),
        }
    }

    /// A packet that must be signed by a key that is known.
    fn known(&mut self, kind: Kind, packet: Packet, frame: &Bytes, now: Now) -> Step {
        let canonical = packet.sender.canonical();
        let Some(pin) = self.pins.find(&canonical).copied() else {
            let gone = self.unknown.push(&packet.sender, frame, now.elapsed);
            (0..gone).for_each(|_| self.dropped(Why::UnknownSender));
            self.request_keys(Some(&packet.sender), now);
            return Ok(());
        };
        self.check_version(&packet, &pin)?;
        if !packet.is_signed_by(&self.room, &pin.keys.sign) {
            // A proof of other keys may be signed with any of those before; whatever else is not.
            if packet.encrypted {
                self.doubt_keys(&packet.sender, now);
            }
            return Err(Why::BadSignature.into());
        }
        let mark = self.check_fresh(kind, &packet, &pin.keys, now)?;
        self.pins.spoke(&mut self.store, &canonical, packet.version)?;
        match self.open_payload(&packet, &pin.keys) {
            Some(opened) => self.dispatch(kind, &packet, &pin, opened, now),
            None => self.unopened(kind, &packet, frame, mark, now),
        }
    }

    /// H5: nobody goes back to an older version than it has spoken.
    pub(super) fn check_version(&self, packet: &Packet, pin: &Pin) -> Step {
        let floor = self.version_min().max(pin.version.min(2));
        if packet.version < floor { Err(Why::VersionFloor.into()) } else { Ok(()) }
    }

    /// H3: not done already; and not old, where that matters. Its logical time is noted.
    pub(super) fn check_fresh(
        &mut self,
        kind: Kind,
        packet: &Packet,
        sender: &PublicKeys,
        now: Now,
    ) -> Step<Mark> {
        let mark = Mark::of(&sender.sign, &packet.signature);
        if !self.replays.first(mark, now.elapsed) {
            return Err(Why::Replayed.into());
        }
        let age = packet.physical_time.abs_diff(self.time.adjusted_ms(now));
        // Rows merge whenever they come, and the server keeps them for those who were not there.
        let is_stale = age > self.settings.limits.packet_age_max_ms.unsigned_abs();
        if kind != Kind::DataChunk && is_stale {
            return Err(Why::Stale.into());
        }
        if self.lamport.observe(packet.logical_time).is_err() {
            // The jump is not taken; the packet is. Else who drives the others' time up shuts out all
            // who come later, and have not seen it go there.
            self.drops.count(Why::LogicalJump);
        }
        Ok(mark)
    }

    /// A verified packet that no key opens: it waits, if a key may come that does.
    fn unopened(
        &mut self,
        kind: Kind,
        packet: &Packet,
        frame: &Bytes,
        mark: Mark,
        now: Now,
    ) -> Step {
        if packet.target.is_some() && !self.keys_before.is_empty() {
            // Perhaps it is sealed for keys before the last rotation.
            self.handshakes.answer(&packet.sender, now.elapsed, &mut *self.random);
        }
        if !is_private(kind) || packet.target.is_some() {
            return Err(Why::Undecryptable.into());
        }
        let epoch = packet.key_epoch;
        if packet.is_version_1() {
            self.lack_key_of_version_1(now);
        }
        // Without an epoch it is sealed with a session's key, or of version 1.
        if epoch > 0 {
            if !self.ring.may_come(epoch) {
                return Err(Why::NoGroupKey.into());
            }
            // Of one epoch there may be several keys, when two members made one at a time. A stranger's word for
            // it makes nobody ask: all would, each time.
            if self.may_answer(&packet.sender.canonical()) {
                self.group.want(epoch, now);
                self.requester.want_newer(now);
            }
        }
        self.replays.forget(mark);
        let gone = self.sealed.push(&packet.sender, frame, now.elapsed);
        (0..gone).for_each(|_| self.dropped(Why::NoGroupKey));
        Ok(())
    }

    /// Does what a packet says that was verified and opened.
    fn dispatch(
        &mut self,
        kind: Kind,
        packet: &Packet,
        pin: &Pin,
        opened: Opened,
        now: Now,
    ) -> Step {
        if is_private(kind) && opened.rung == Rung::Plain {
            return Err(Why::NotEncrypted.into());
        }
        match kind {
            Kind::SyncReq => self.asked(packet, &opened.plaintext, now),
            Kind::SyncClaim => self.claimed(packet, now),
            Kind::DataChunk => self.chunk(packet, pin, (&opened.plaintext, opened.rung), now),
            Kind::ConsistencyCheck => self.told(packet, &opened.plaintext, now),
            Kind::UnicastReq => self.controlled(packet, pin, opened, now),
            Kind::UnicastAck => self.acked(packet, &opened),
            Kind::InviteAck => self.let_in(packet, &opened.plaintext),
            Kind::InviteNack => self.refused(packet, &opened.plaintext, now),
            Kind::Handshake | Kind::InviteReq => Ok(()),
        }
    }

    /// Lets what has waited for a group or session key come again.
    pub(super) fn reopen(&mut self, now: Now) {
        for frame in self.sealed.take_all() {
            self.receive(&frame, now);
        }
    }
}

/// Whether packets of this type are always sealed, and may be for all.
fn is_private(kind: Kind) -> bool {
    matches!(kind, Kind::DataChunk | Kind::SyncReq | Kind::SyncClaim | Kind::ConsistencyCheck)
}
