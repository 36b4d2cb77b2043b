//! What the owner of a participant chooses, and how much of everything there may be.
//!
//! Knows figures only.

use std::time::Duration;

/// Everything there is to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Packets of an older version are refused.
    pub min_version: MinVersion,
    /// Tables of the application: rows of others are refused, but for those of groups and roles.
    pub tables: Vec<String>,
    /// Whether rows of tables that nobody named are kept, of 64 such tables at most.
    pub unknown_tables: bool,
    /// Whether rows are filled up with spaces to PADMÉ sizes before they are sealed, and not compressed:
    /// then who sees the packets sees less of how long values are, and more bytes. Others need no setting
    /// to read them.
    pub pads_rows: bool,
    /// How much of everything there may be.
    pub limits: Limits,
}

/// The oldest version whose packets are taken in a data room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MinVersion {
    /// Version 1 too, from whom was never heard in version 2: to live in a room with the original clients.
    /// Its packets say less of what they are, and sign less; see what the page on participants says of it.
    #[cfg(feature = "legacy-cohrtz")]
    V1,
    /// Version 2 alone.
    #[default]
    V2,
}

impl MinVersion {
    /// The version.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            #[cfg(feature = "legacy-cohrtz")]
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// How much of everything there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one packet on the wire.
    pub frame_bytes_max: usize,
    /// Participants of a room whose names and keys are in memory.
    pub peers_max: usize,
    /// Packets of one unknown sender that wait for its key.
    pub unknown_packets_per_sender_max: usize,
    /// Bytes of them.
    pub unknown_bytes_per_sender_max: usize,
    /// Packets of all unknown senders that wait for keys.
    pub unknown_packets_max: usize,
    /// Bytes of them.
    pub unknown_bytes_max: usize,
    /// How long they wait.
    pub unknown_wait: Duration,
    /// Packets that wait for a group key.
    pub sealed_packets_max: usize,
    /// Bytes of them.
    pub sealed_bytes_max: usize,
    /// How long they wait.
    pub sealed_wait: Duration,
    /// Packets that are remembered so that they are not done twice.
    pub replays_max: usize,
    /// How long.
    pub replay_memory: Duration,
    /// How far from now the time of a packet may be that is not safe to do twice, in milliseconds.
    pub packet_age_max_ms: i64,
    /// How far ahead a row may be, in milliseconds.
    pub drift_ms_max: u64,
    /// Rows of a room, with those that are deleted.
    pub rows_max: usize,
    /// Bytes of the rows in one stream of pieces, about.
    pub stream_bytes_max: usize,
    /// Rows in one stream of pieces.
    pub stream_rows_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 64 << 10,
            peers_max: 4096,
            unknown_packets_per_sender_max: 64,
            unknown_bytes_per_sender_max: 256 << 10,
            unknown_packets_max: 1024,
            unknown_bytes_max: 4 << 20,
            unknown_wait: Duration::from_secs(30),
            sealed_packets_max: 1024,
            sealed_bytes_max: 8 << 20,
            sealed_wait: Duration::from_secs(120),
            replays_max: 64 << 10,
            replay_memory: Duration::from_secs(600),
            packet_age_max_ms: 120_000,
            drift_ms_max: 60_000,
            rows_max: 1_000_000,
            stream_bytes_max: 1 << 20,
            stream_rows_max: 8192,
        }
    }
}
