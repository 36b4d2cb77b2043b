//! The records that a scenario fills a map with: number and version say all of one.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use syncline_protocol::dialects::maps::{
    Entry, Hlc, Kind, NodeId, Path, RecordRef, hash_of, proto::OperationMessage,
};

use crate::{
    error::Error,
    load::payload::{BYTES_MIN, Payloads, Stamp},
};

/// How far in the past the first version lies, in milliseconds: later ones must not be in the future.
const PAST_MS: u64 = 3_600_000;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 21;

/// A name that no run before had.
pub(super) fn new_map() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("bench-{:x}", since.as_nanos())
}

/// The wall clock, in milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The key of a number.
pub(super) fn key(number: u64) -> String {
    format!("key-{number:017}")
}

/// The records of one map.
pub(super) struct Records {
    /// The map's name.
    pub(super) map: String,
    /// Bytes of each value.
    pub(super) bytes: usize,
    node: NodeId,
    first_ms: u64,
    payloads: Payloads,
}

impl Records {
    /// Records of a new map.
    pub(super) fn new(bytes: usize) -> Result<Self, Error> {
        let node = NodeId::new("bench").filter(|_| bytes >= BYTES_MIN);
        let node =
            node.ok_or_else(|| Error::Usage(format!("--bytes must be at least {BYTES_MIN}")))?;
        let (map, first_ms) = (new_map(), now_ms() - PAST_MS);
        Ok(Self { map, bytes, node, first_ms, payloads: Payloads::new(bytes) })
    }

    /// The node that wrote them.
    pub(super) fn node(&self) -> String {
        self.node.as_str().into()
    }

    fn hlc(&self, number: u64, version: u64) -> Hlc {
        let counter = u32::try_from(number).unwrap_or(u32::MAX);
        Hlc { millis: self.first_ms + version, counter, node: self.node.clone() }
    }

    /// The operation that makes a record.
    pub(super) fn op(&mut self, number: u64, version: u64) -> OperationMessage {
        let value = self.payloads.make(Stamp { sent: version, counter: number });
        OperationMessage {
            map_name: self.map.clone(),
            key: key(number),
            value: Bytes::copy_from_slice(value),
            timestamp: self.hlc(number, version).to_string(),
            ..OperationMessage::default()
        }
    }

    /// What an index knows of a record.
    pub(super) fn entry(&mut self, number: u64, version: u64) -> Entry {
        let (key, hlc) = (key(number), self.hlc(number, version));
        let value = self.payloads.make(Stamp { sent: version, counter: number });
        let leaf = hash_of(RecordRef { key: &key, kind: Kind::Put, hlc, ttl_ms: 0, value });
        // The index of a client counts its own changes: here nobody asks for them.
        Entry { path: Path::of(&key), leaf, seq: number + 1, counted: true }
    }
}
