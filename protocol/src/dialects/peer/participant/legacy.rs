//! What is done in another way with who speaks version 1 alone, where the settings take it (dossier, 1.2 to
//! 1.6 and section 4, H5, H6).
//!
//! Version 1 signs and binds less than version 2. What it says is taken for no more than its senders need
//! to read and write rows: it changes no pin, no version, no epoch, and founds no group.

use super::{
    Participant, Why,
    answers::part_of,
    halt::Step,
    handshakes::Shake,
    ladder::{Opened, Rung},
};
use crate::dialects::peer::{
    id::{PeerId, RequestId},
    keys::PublicKeys,
    kind::RoomKind,
    now::Now,
    packet::{Kind, Packet},
    rows::{Changes, Row},
    seal::Key,
    store::Store,
    sync::{Control, control::Secret},
};

/// The epoch of a key that came without one.
const FIRST_EPOCH: u64 = 1;

impl<S: Store> Participant<S> {
    /// Packets below this version are refused. Invites are of version 2 alone: the first implementation
    /// does not sign them.
    pub(super) fn version_min(&self) -> u32 {
        match self.kind {
            RoomKind::Data => self.settings.min_version.number(),
            RoomKind::Invite => 2,
        }
    }

    /// Whether somebody is spoken with in version 1: it never spoke another.
    pub(super) fn is_old(&self, peer: &PeerId) -> bool {
        let is_old = || self.pins.find(&peer.canonical()).is_some_and(|pin| pin.version < 2);
        self.version_min() < 2 && is_old()
    }

    /// Those who may read what the group has, and speak version 1, or speak version 2.
    pub(super) fn readers_by_version(&self, is_old: bool) -> Vec<PeerId> {
        let mut readers = self.readers();
        readers.retain(|peer| self.is_old(peer) == is_old);
        readers
    }

    /// Tells one's keys to somebody of version 1, who does not check an announcement of version 2.
    pub(super) fn greet_in_version_1(&mut self, peer: &PeerId, now: Now) {
        if self.is_connected && self.is_old(peer) {
            self.shake(&Shake::Announce(Some(peer.clone())), now);
        }
    }

    /// Whether this is the wish of somebody known to be told keys, which in version 1 need not say the
    /// sender's own.
    pub(super) fn is_request_of_version_1(&self, packet: &Packet) -> bool {
        let is_known = || {
            let pin = self.pins.find(&packet.sender.canonical());
            pin.is_some_and(|pin| packet.is_signed_by(&self.room, &pin.keys.sign))
        };
        packet.is_version_1() && packet.payload.is_empty() && !packet.encrypted && is_known()
    }

    /// Somebody known wishes to be told keys.
    pub(super) fn asked_in_version_1(&mut self, packet: &Packet, now: Now) -> Step {
        let peer = &packet.sender;
        let Some(pin) = self.pins.find(&peer.canonical()).copied() else { return Ok(()) };
        self.check_version(packet, &pin)?;
        self.check_fresh(Kind::Handshake, packet, &pin.keys, now)?;
        self.known_now(peer, pin.keys, now);
        if self.is_connected && !self.handshakes.answer(peer, now.elapsed, &mut *self.random) {
            return Err(Why::TooOften.into());
        }
        Ok(())
    }

    /// Opens the payload of a verified packet: with the group's secrets as they are, or with the key
    /// between two.
    pub(super) fn open_version_1(
        &mut self,
        packet: &Packet,
        sender: &PublicKeys,
    ) -> Option<Opened> {
        for group in self.ring.newest() {
            if let Some(plaintext) = Key::new(group.secret()).open(b"", &packet.payload) {
                return Some(Opened { plaintext, rung: Rung::Group });
            }
        }
        // The first implementation does not always say for whom it is; nobody else can open it.
        let plaintext = self.pairwise.with_v1(&self.keys, sender).ok()?.open(b"", &packet.payload);
        Some(Opened { plaintext: plaintext?, rung: Rung::Pairwise })
    }

    /// Sends a packet of version 1 to somebody who is in the room. False when its key gives no secret.
    pub(super) fn send_version_1(
        &mut self,
        peer: &PeerId,
        keys: &PublicKeys,
        (mut packet, plaintext): (Packet, &[u8]),
        now: Now,
    ) -> bool {
        packet.make_version_1(&self.keys.public());
        packet.target = Some(peer.clone());
        packet.encrypted = true;
        self.stamp(&mut packet, now);
        // Nothing is never sealed: the name of the request stands in its place.
        let request = packet.request.clone();
        let plaintext = if plaintext.is_empty() { request.as_str().as_bytes() } else { plaintext };
        let Ok(key) = self.pairwise.with_v1(&self.keys, keys) else { return false };
        packet.payload = key.seal(&mut *self.random, b"", plaintext).into();
        self.release(packet);
        true
    }

    /// Sends rows to somebody of version 1, who knows neither pieces nor `$meta`: in as many packets as it
    /// takes, each whole. A row that fits into none is left out.
    pub(super) fn send_whole(
        &mut self,
        peer: &PeerId,
        request: &RequestId,
        changes: &Changes,
        now: Now,
    ) -> bool {
        let (request, _) = part_of(request);
        let mut payloads = Vec::new();
        let left_out = whole(&changes.rows, self.room_in_frame(), &mut payloads);
        (0..left_out).for_each(|_| self.dropped(Why::TooLarge));
        let mut sent = true;
        for json in payloads {
            let packet = self.packet(Kind::DataChunk, &request);
            sent &= self.send_to(peer, packet, &json, now);
        }
        sent
    }

    /// A packet that no key opens came: a group key is lacking, if there is none here at all.
    pub(super) fn lack_key_of_version_1(&mut self, now: Now) {
        if self.ring.current().is_none() {
            self.group.want(0, now);
            self.requester.want_newer(now);
        }
    }

    /// The request that rows of version 1 are the answer to, when somebody sent them to this one alone of
    /// whom an answer is awaited: they need not bear the request's name.
    pub(super) fn is_answer_of_version_1(&self, packet: &Packet, rung: Rung) -> Option<RequestId> {
        let is_answer = packet.is_version_1() && rung == Rung::Pairwise;
        let awaited = self.requester.awaited_of(&packet.sender).filter(|_| is_answer);
        awaited.cloned()
    }

    /// A control message of version 1: the group's key is asked for and given in it. Its keys are rotated
    /// by nobody, its time is not that of a clock, and invites and the vault have another version: the
    /// vault's key never changes, and would stay with whoever had put himself between.
    pub(super) fn controlled_in_version_1(
        &mut self,
        by: &PeerId,
        control: Control,
        rung: Rung,
        now: Now,
    ) -> Step {
        match control {
            Control::GskReq => self.key_asked(by, now),
            Control::GskShare { .. } if rung != Rung::Pairwise => Err(Why::NotPairwise.into()),
            Control::GskShare { key, .. } => self.key_given_in_version_1(by, &key, now),
            Control::Unknown(_) => Err(Why::UnknownType.into()),
            _ => Err(Why::VersionFloor.into()),
        }
    }

    /// A key came that has no epoch: it is taken by who has none. Which of two were the newer one it does
    /// not say, so that no key is replaced by it.
    fn key_given_in_version_1(&mut self, by: &PeerId, key: &Secret, now: Now) -> Step {
        let known = self.ring.newest().find(|known| *known.secret() == *key.0);
        let epoch = match known {
            Some(known) => known.epoch,
            None if self.ring.current().is_none() => FIRST_EPOCH,
            None => return Err(Why::Stale.into()),
        };
        self.key_given(by, (key, Some(epoch)), now)
    }
}

/// The JSON of these rows in parts of at most so many bytes; how many rows have no place in any.
fn whole(rows: &[Row], bytes_max: usize, parts: &mut Vec<Vec<u8>>) -> usize {
    let bytes: usize = rows.iter().map(Row::json_bytes).sum();
    if rows.len() < 2 || bytes <= bytes_max {
        let json = Changes { rows: rows.to_vec(), ..Changes::default() }.to_json();
        if json.len() <= bytes_max {
            parts.push(json);
            return 0;
        }
    }
    match rows.len() {
        0 | 1 => rows.len(),
        len => {
            let (one, other) = rows.split_at(len / 2);
            whole(one, bytes_max, parts) + whole(other, bytes_max, parts)
        }
    }
}

/// Lets go of what only version 2 says beside rows.
pub(super) fn forget_meta(changes: &mut Changes) {
    changes.meta = None;
    changes.rows.iter_mut().for_each(|row| row.author = None);
}
