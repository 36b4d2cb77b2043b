//! Packets and keys to begin with, and the vectors. Knows no rule of the dialect.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use serde_json::Value;
use syncline_protocol::dialects::peer::{
    id::{PeerId, RequestId},
    keys::RoomKeys,
    now::Now,
    packet::{Kind, Packet},
};

pub(crate) const ROOM: &str = "room-1";

pub(crate) fn vectors(file: &str) -> Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/golden/peer");
    let text = fs::read(folder.join(file)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

pub(crate) fn unhex(text: &Value) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_str().unwrap().as_bytes()).unwrap()
}

pub(crate) fn unhex32(text: &Value) -> [u8; 32] {
    unhex(text).try_into().unwrap()
}

pub(crate) fn peer(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

pub(crate) fn request(name: &str) -> RequestId {
    RequestId::new(name).unwrap()
}

/// Keys that differ by a number.
pub(crate) fn keys(number: u8) -> RoomKeys {
    let mut seeds = [number; 64];
    seeds[32..].fill(number ^ 0xff);
    RoomKeys::from_bytes(&seeds).unwrap()
}

/// A second, counted from the beginning.
pub(crate) fn second(number: u64) -> Now {
    Now { elapsed: std::time::Duration::from_secs(number), wall_micros: number as i64 * 1_000_000 }
}

/// A packet in which every field says something.
pub(crate) fn full() -> Packet {
    Packet {
        payload: Bytes::from_static(b"sealed, for all that is known"),
        uncompressed_size: 70_000,
        chunk_index: 1,
        chunk_count: 3,
        is_last_chunk: false,
        target: Some(peer("bob")),
        encrypted: true,
        encryption_public_key: Bytes::copy_from_slice(&keys(7).public().exchange),
        sender_public_key: Bytes::copy_from_slice(&keys(7).public().sign),
        physical_time: 1_700_000_000_000,
        logical_time: 7,
        key_epoch: 5,
        ..Packet::new(Kind::DataChunk, request("request-1"), peer("user:Alice"))
    }
}
