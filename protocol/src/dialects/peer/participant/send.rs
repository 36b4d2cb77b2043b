//! How packets are made: stamped, sealed, signed, in this order.

use bytes::Bytes;

use super::{Output, Participant};
use crate::dialects::peer::{
    id::{PeerId, RequestId},
    keys::RoomKeys,
    now::Now,
    packet::{Kind, Packet},
    seal::{self, Key},
    store::Store,
};

impl<S: Store> Participant<S> {
    /// A packet of this participant that asks something, or answers a request.
    pub(super) fn packet(&self, kind: Kind, request: &RequestId) -> Packet {
        Packet::new(kind, request.clone(), self.me.clone())
    }

    pub(super) fn new_request(&mut self) -> RequestId {
        RequestId::random(&mut *self.random)
    }

    pub(super) fn stamp(&mut self, packet: &mut Packet, now: Now) {
        packet.physical_time = self.time.adjusted_ms(now);
        packet.logical_time = self.lamport.tick();
    }

    /// The same, signed with other keys of this participant.
    pub(super) fn send_plain_signed(
        &mut self,
        mut packet: Packet,
        payload: &[u8],
        keys: &RoomKeys,
        now: Now,
    ) {
        if self.is_connected {
            packet.payload = Bytes::copy_from_slice(payload);
            self.stamp(&mut packet, now);
            packet.sign(&self.room, keys);
            self.out.push(Output::Send(packet.encode()));
        }
    }

    pub(super) fn release(&mut self, mut packet: Packet) {
        packet.sign(&self.room, &self.keys);
        self.out.push(Output::Send(packet.encode()));
    }

    /// Sends a packet that everybody in the room may read.
    pub(super) fn send_plain(&mut self, mut packet: Packet, payload: &[u8], now: Now) {
        if self.is_connected {
            packet.payload = Bytes::copy_from_slice(payload);
            self.stamp(&mut packet, now);
            self.release(packet);
        }
    }

    fn send_sealed(&mut self, mut packet: Packet, plaintext: &[u8], key: &Key, now: Now) {
        packet.encrypted = true;
        self.stamp(&mut packet, now);
        let bound = packet.bound(&self.room);
        packet.payload = key.seal(&mut *self.random, &bound, plaintext).into();
        self.release(packet);
    }

    /// Sends a packet that only one participant can read. False when its keys are not known, or it is not
    /// in the room.
    pub(super) fn send_to(
        &mut self,
        peer: &PeerId,
        mut packet: Packet,
        plaintext: &[u8],
        now: Now,
    ) -> bool {
        let Some(keys) = self.people.keys_of(peer).filter(|_| self.is_connected) else {
            return false;
        };
        if self.is_old(peer) {
            return self.send_version_1(peer, &keys, (packet, plaintext), now);
        }
        packet.target = Some(peer.clone());
        packet.encrypted = true;
        self.stamp(&mut packet, now);
        let bound = packet.bound(&self.room);
        let Ok(key) = self.pairwise.with(&self.keys, &keys) else { return false };
        packet.payload = key.seal(&mut *self.random, &bound, plaintext).into();
        self.release(packet);
        true
    }

    /// Sends a packet to all with the session's key, or else the group's. False when there is neither.
    pub(super) fn send_to_group(&mut self, mut packet: Packet, plaintext: &[u8], now: Now) -> bool {
        if !self.is_connected {
            return false;
        }
        let me = self.me.as_str();
        if let Some(secret) = &self.session {
            let key = seal::session_key(&self.room, secret, me);
            self.send_sealed(packet, plaintext, &key, now);
            return true;
        }
        let Some(group) = self.sealing_key() else { return false };
        let key = seal::group_key(&self.room, group.secret(), group.epoch, me);
        packet.key_epoch = group.epoch;
        let counted = self.ring.count_sealed(&mut self.store);
        if let Err(failed) = counted {
            self.failed = Some(failed);
            return false;
        }
        self.send_sealed(packet, plaintext, &key, now);
        true
    }

    /// Sends a packet to each of these whose keys are known. False when there is nobody.
    pub(super) fn send_to_each(
        &mut self,
        peers: Vec<PeerId>,
        packet: &Packet,
        plaintext: &[u8],
        now: Now,
    ) -> bool {
        let mut sent = false;
        for peer in peers {
            sent |= self.send_to(&peer, packet.clone(), plaintext, now);
        }
        sent
    }

    /// Sends a control packet to all who may answer it: to each one alone, or else with the group's key (dossier,
    /// H17).
    pub(super) fn send_around(&mut self, packet: Packet, plaintext: &[u8], now: Now) -> bool {
        let reachable = self.people.reachable();
        let answerers = reachable.filter(|(_, person)| self.may_answer(&person.canonical));
        let answerers: Vec<PeerId> = answerers.map(|(peer, _)| peer.clone()).collect();
        self.send_to_each(answerers, &packet, plaintext, now)
            || self.send_to_group(packet, plaintext, now)
    }

    /// Sends data to all who speak version 2: with the group's key, or else to each one alone who may read
    /// it.
    pub(super) fn send_abroad(&mut self, packet: Packet, plaintext: &[u8], now: Now) -> bool {
        if self.send_to_group(packet.clone(), plaintext, now) {
            return true;
        }
        let readers = self.readers_by_version(false);
        self.send_to_each(readers, &packet, plaintext, now)
    }
}
