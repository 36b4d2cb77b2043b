//! Somebody who makes packets by hand: for what an honest participant never sends.

use bytes::Bytes;
use syncline_protocol::dialects::peer::{
    chunks,
    id::PeerId,
    keys::{PublicKeys, RoomKeys},
    packet::{Kind, Packet},
    seal,
};

use super::world::{ROOM, START_MS, Seeded, World, request};

pub(crate) struct Rogue {
    pub(crate) id: PeerId,
    pub(crate) keys: RoomKeys,
    random: Seeded,
    requests: u64,
}

impl Rogue {
    pub(crate) fn new(name: &str, seed: u64) -> Self {
        let mut random = Seeded(seed);
        let keys = RoomKeys::generate(&mut random);
        Self { id: PeerId::new(name).unwrap(), keys, random, requests: 0 }
    }

    pub(crate) fn packet(&mut self, kind: Kind, world: &World) -> Packet {
        self.requests += 1;
        let name = request(&format!("{}-{}", self.id, self.requests));
        let mut packet = Packet::new(kind, name, self.id.clone());
        packet.physical_time = START_MS + i64::try_from(world.elapsed.as_millis()).unwrap();
        packet.logical_time = 1;
        packet
    }

    pub(crate) fn sign(&self, mut packet: Packet) -> Bytes {
        packet.sign(ROOM, &self.keys);
        packet.encode()
    }

    /// Its keys, announced as they should be.
    pub(crate) fn announcement(&mut self, world: &World) -> Bytes {
        let packet = self.packet(Kind::Handshake, world);
        let mut announced =
            Packet::announcement(&self.keys.public(), packet.request, self.id.clone());
        announced.physical_time = packet.physical_time;
        announced.logical_time = 1;
        self.sign(announced)
    }

    /// Seals for one.
    pub(crate) fn seal_for(
        &mut self,
        mut packet: Packet,
        to: (&PeerId, &PublicKeys),
        plaintext: &[u8],
    ) -> Packet {
        packet.target = Some(to.0.clone());
        packet.encrypted = true;
        let key = seal::pairwise_key(ROOM, &self.keys, to.1).unwrap();
        packet.payload = key.seal(&mut self.random, &packet.bound(ROOM), plaintext).into();
        packet
    }

    /// Seals with a group's secret.
    pub(crate) fn seal_for_group(
        &mut self,
        mut packet: Packet,
        (secret, epoch): (&[u8; 32], u64),
        plaintext: &[u8],
    ) -> Packet {
        packet.encrypted = true;
        packet.key_epoch = epoch;
        let key = seal::group_key(ROOM, secret, epoch, self.id.as_str());
        packet.payload = key.seal(&mut self.random, &packet.bound(ROOM), plaintext).into();
        packet
    }

    /// A changeset for one, in as many packets as it takes.
    pub(crate) fn changes_for(
        &mut self,
        world: &World,
        to: (&PeerId, &PublicKeys),
        json: &str,
    ) -> Vec<Bytes> {
        let pieces = chunks::split(json.as_bytes().to_vec(), chunks::PIECE_BYTES_MAX).unwrap();
        let base = self.packet(Kind::DataChunk, world);
        let count = pieces.pieces.len();
        let mut frames = Vec::new();
        for (index, piece) in pieces.pieces.iter().enumerate() {
            let mut packet = base.clone();
            packet.uncompressed_size = pieces.uncompressed_size;
            packet.chunk_index = i32::try_from(index).unwrap();
            packet.chunk_count = u32::try_from(count).unwrap();
            packet.is_last_chunk = index + 1 == count;
            let sealed = self.seal_for(packet, to, piece);
            frames.push(self.sign(sealed));
        }
        frames
    }
}

/// A timestamp of the moment, as text.
pub(crate) fn hlc(world: &World, ahead_s: i64, node: &str) -> String {
    let ms = START_MS + i64::try_from(world.elapsed.as_millis()).unwrap() + ahead_s * 1000;
    // 2027-01-15T08:00:00Z, where worlds begin.
    let of_day = ms - START_MS;
    let (h, m, s) = (8 + of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("2027-01-15T{h:02}:{m:02}:{s:02}.{:03}000Z-0000-{node}", of_day % 1000)
}

/// The JSON of one row.
pub(crate) fn row(id: &str, value: &str, hlc: &str) -> String {
    let value = serde_json::to_string(value).unwrap();
    let (_, node) = hlc.rsplit_once('-').unwrap();
    format!(r#"{{"id":"{id}","value":{value},"is_deleted":0,"hlc":"{hlc}","node_id":"{node}"}}"#)
}
