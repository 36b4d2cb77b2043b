//! What the owner of a server chooses for its maps, and how much of everything there may be.
//!
//! Knows figures only.

use super::proto;

/// The longest name of a map, in bytes. The shortest is 1.
pub const MAP_NAME_BYTES_MAX: usize = 128;

/// The longest correlation id, in bytes.
pub const CORRELATION_ID_BYTES_MAX: usize = 64;

/// Whether this is the name of a map: 1 to 128 bytes of `[A-Za-z0-9_.:/-]`.
#[must_use]
pub fn is_map_name(name: &str) -> bool {
    let is_name_byte = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'/' | b'-')
    };
    !name.is_empty() && name.len() <= MAP_NAME_BYTES_MAX && name.as_bytes().iter().all(is_name_byte)
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ack {
    /// Once it is on the device: a power cut cannot take it back.
    #[default]
    Durable,
    /// Once it is in memory: a power cut may take it back, and the client is told so.
    Memory,
}

/// Everything there is to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// When a write is acknowledged.
    pub ack: Ack,
    /// How much of everything there may be.
    pub limits: Limits,
}

/// How much of everything there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations of one push.
    pub batch_ops_max: usize,
    /// Bytes of the encoded operations of one push.
    pub batch_bytes_max: usize,
    /// Bytes of one message.
    pub frame_bytes_max: usize,
    /// Bytes of one value.
    pub value_bytes_max: usize,
    /// Bytes of one key; at least 1 and at most [`KEY_BYTES_MAX`](super::KEY_BYTES_MAX).
    pub key_bytes_max: usize,
    /// How far before the wall clock a timestamp may be, in milliseconds.
    pub clock_drift_max_ms: u64,
    /// How long a tombstone is kept, in milliseconds.
    pub tombstone_retention_ms: u64,
    /// Pushes of one client that are not answered yet.
    pub in_flight_max: u32,
    /// Sync requests, pushes not counted, of one session in a second.
    pub requests_per_second: u32,
    /// Sync requests of one session at once, after a rest.
    pub requests_burst: u32,
    /// Records of one map, tombstones too.
    pub map_keys_max: u64,
    /// Maps that one user may have begun.
    pub maps_per_user_max: u64,
    /// Prefixes of one request.
    pub paths_max: usize,
    /// Keys, digests, buckets or results of one message.
    pub items_max: usize,
    /// Operations of one page of an answer.
    pub page_ops_max: usize,
    /// Bytes of one page of an answer; one operation may be larger.
    pub page_bytes_max: usize,
    /// Maps, and prefixes of maps, that one session follows.
    pub watches_max: usize,
    /// Nodes whose operations one session may send.
    pub nodes_per_session: usize,
    /// Nodes bound to one user.
    pub nodes_per_user: u64,
    /// How long changes are gathered before they are sent to those who follow a map, in milliseconds.
    pub window_ms: u64,
    /// Operations that wait for one session which follows maps; beyond that it is fed from the store.
    pub queue_ops_max: usize,
    /// Bytes of them.
    pub queue_bytes_max: usize,
    /// How long a connection may take to authenticate, in milliseconds.
    pub auth_within_ms: u64,
    /// Bytes of the first message.
    pub auth_bytes_max: usize,
    /// How long a session lives on after its token's end, in milliseconds.
    pub expiry_grace_ms: u64,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_ops_max: 1000,
            batch_bytes_max: 1 << 20,
            frame_bytes_max: (1 << 20) + (64 << 10),
            value_bytes_max: 256 << 10,
            key_bytes_max: 1024,
            clock_drift_max_ms: 60_000,
            tombstone_retention_ms: 30 * DAY_MS,
            in_flight_max: 8,
            requests_per_second: 32,
            requests_burst: 64,
            map_keys_max: 10_000_000,
            maps_per_user_max: 1000,
            paths_max: 4096,
            items_max: 1 << 16,
            page_ops_max: 1000,
            page_bytes_max: 1 << 20,
            watches_max: 256,
            nodes_per_session: 16,
            nodes_per_user: 10_000,
            window_ms: 10,
            queue_ops_max: 4096,
            queue_bytes_max: 4 << 20,
            auth_within_ms: 10_000,
            auth_bytes_max: 16 << 10,
            expiry_grace_ms: 30_000,
        }
    }
}

impl Limits {
    /// What a client is told of them when it has authenticated. Figures above 2^32 - 1 are told as that.
    #[must_use]
    pub fn announced(&self) -> proto::Limits {
        let figure = |figure: usize| u32::try_from(figure).unwrap_or(u32::MAX);
        proto::Limits {
            max_batch_ops: figure(self.batch_ops_max),
            max_batch_bytes: figure(self.batch_bytes_max),
            max_frame_bytes: figure(self.frame_bytes_max),
            max_value_bytes: figure(self.value_bytes_max),
            max_key_bytes: figure(self.key_bytes_max),
            max_clock_drift_ms: self.clock_drift_max_ms,
            tombstone_retention_ms: self.tombstone_retention_ms,
            max_in_flight: self.in_flight_max,
        }
    }
}
