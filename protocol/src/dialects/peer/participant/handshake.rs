//! Handshakes: how keys become known, and what happens then.

use super::{Event, Participant, Why, halt::Step, handshakes::Shake};
use crate::dialects::peer::{
    id::PeerId,
    keys::{Learned, PublicKeys, is_rotation_proven, prove_rotation},
    now::Now,
    packet::{Handshake, Kind, Packet},
    store::Store,
    sync::Control,
};

/// Participants asked for their keys at a time.
const SOUGHT_MAX: usize = 32;

impl<S: Store> Participant<S> {
    /// A handshake came: it must be signed with the key that it announces.
    pub(super) fn shaken(&mut self, packet: &Packet, now: Now) -> Step {
        if self.is_request_of_version_1(packet) {
            return self.asked_in_version_1(packet, now);
        }
        let said = packet.handshake(&self.room).map_err(|_| Why::HandshakeUnproven)?;
        let (keys, is_request) = match said {
            Handshake::Announce(keys) => (keys, false),
            Handshake::Request(Some(keys)) => (keys, true),
            Handshake::Request(None) => return Err(Why::HandshakeUnproven.into()),
        };
        match self.pins.find(&packet.sender.canonical()).copied() {
            Some(pin) => self.check_version(packet, &pin)?,
            None if packet.version < self.version_min() => {
                return Err(Why::VersionFloor.into());
            }
            None => {}
        }
        self.check_fresh(Kind::Handshake, packet, &keys, now)?;
        let learned = self.learn(packet, keys, now);
        // Also who announces keys that are not trusted is answered: two who went over to other keys at
        // one time would otherwise never hear each other's proofs.
        if is_request && self.is_connected {
            let peer = &packet.sender;
            if !self.handshakes.answer(peer, now.elapsed, &mut *self.random) {
                learned?;
                return Err(Why::TooOften.into());
            }
        }
        learned
    }

    pub(super) fn learn(&mut self, packet: &Packet, keys: PublicKeys, now: Now) -> Step {
        let peer = &packet.sender;
        let canonical = peer.canonical();
        let before = self.pins.offered(&canonical).copied();
        let spoken = (packet.version, now.wall_ms());
        match self.pins.learn(&mut self.store, &canonical, keys, spoken)? {
            Learned::New => {
                self.tell(Event::PeerKnown { peer: peer.clone(), keys });
                self.known_now(peer, keys, now);
            }
            Learned::Known => self.known_now(peer, keys, now),
            Learned::Conflict => {
                if before != Some(keys) {
                    self.tell(Event::KeyConflict { peer: peer.clone(), offered: keys });
                }
                return Err(Why::KeyConflict.into());
            }
            Learned::Full => return Err(Why::PeersFull.into()),
            Learned::Unusable => return Err(Why::HandshakeUnproven.into()),
        }
        Ok(())
    }

    /// The keys in force for somebody who has just shown to be there.
    pub(super) fn known_now(&mut self, peer: &PeerId, keys: PublicKeys, now: Now) {
        if self.is_connected {
            self.people.enter(peer);
            self.reach(peer, keys, now);
        }
        for frame in self.unknown.take(peer) {
            self.receive(&frame, now);
        }
    }

    /// Somebody in the room can be reached with these keys.
    pub(super) fn reach(&mut self, peer: &PeerId, keys: PublicKeys, now: Now) {
        if self.people.reach(peer, keys) {
            self.greet_in_version_1(peer, now);
            self.requester.reachable(peer, now);
            if self.is_awaited_host(&peer.canonical()) {
                self.requester.want_full(peer);
            }
            self.live.want();
            self.meet_group(peer, now);
        }
    }

    /// Asks one, or all, for their keys, if that may be done now.
    pub(super) fn request_keys(&mut self, peer: Option<&PeerId>, now: Now) {
        if self.is_connected && self.handshakes.request(peer, now.elapsed) {
            self.shake(&Shake::Request(peer.cloned()), now);
        }
    }

    /// Asks those in the room for their keys who have not told them.
    pub(super) fn seek_keys(&mut self, now: Now) {
        if self.handshakes.seeks(now.elapsed, self.people.has_strangers()) {
            for peer in self.people.strangers(SOUGHT_MAX) {
                self.request_keys(Some(&peer), now);
            }
        }
    }

    /// What came was not signed with the keys that are known of its sender: it may have others now.
    pub(super) fn doubt_keys(&mut self, peer: &PeerId, now: Now) {
        let is_in_conflict = self.pins.offered(&peer.canonical()).is_some();
        let is_due = self.handshakes.doubt(peer, is_in_conflict, now.elapsed);
        if self.is_connected && is_due {
            self.shake(&Shake::Request(Some(peer.clone())), now);
        }
    }

    pub(super) fn shake(&mut self, shake: &Shake, now: Now) {
        if let Shake::Announce(Some(peer)) = shake
            && !self.is_old(peer)
        {
            // Before the keys themselves, so that they are no conflict.
            self.prove_keys(Some(peer), now);
        }
        let (request, keys, me) = (self.new_request(), self.keys.public(), self.me.clone());
        let (mut packet, target) = match shake {
            Shake::Announce(target) => (Packet::announcement(&keys, request, me), target),
            Shake::Request(target) => (Packet::keys_request(&keys, request, me), target),
        };
        packet.target.clone_from(target);
        if target.as_ref().is_some_and(|target| self.is_old(target)) {
            packet.make_version_1(&keys);
        }
        let payload = packet.payload.clone();
        self.send_plain(packet, &payload, now);
    }

    /// Somebody goes over to other keys, in a packet that is signed with the old ones.
    pub(super) fn rotated(
        &mut self,
        peer: &PeerId,
        (keys, proof): (PublicKeys, &[u8; 64]),
        now: Now,
    ) -> Step {
        if !is_rotation_proven(&self.room, peer, &keys, proof) {
            return Err(Why::BadPayload.into());
        }
        if !self.pins.replace(&mut self.store, &peer.canonical(), keys)? {
            return Err(Why::BadPayload.into());
        }
        self.tell(Event::KeyRotated { peer: peer.clone(), keys });
        self.known_now(peer, keys, now);
        Ok(())
    }

    /// Proves one's present keys with each of those before, to one or to all.
    pub(super) fn prove_keys(&mut self, target: Option<&PeerId>, now: Now) {
        let keys = self.keys.public();
        for before in self.keys_before.clone() {
            let pop = prove_rotation(&self.room, &self.me, &self.keys);
            let control = Control::KeyRotate { sign: keys.sign, exchange: keys.exchange, pop };
            let request = self.new_request();
            let mut packet = self.packet(Kind::UnicastReq, &request);
            packet.target = target.cloned();
            self.send_plain_signed(packet, &control.encode(), &before, now);
        }
    }
}
