//! What can be set in `[maps]`, and its defaults. Values only.

use std::time::Duration;

use crate::config::{Ack, Role};

/// The maps dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapsConfig {
    /// When a write is acknowledged.
    pub ack: Ack,
    /// What the names in a token's `roles` allow. The same name several times adds up.
    pub roles: Vec<Role>,
    /// Operations of one push.
    pub batch_ops_max: usize,
    /// Bytes of the operations of one push, as they are encoded; at least what the largest value needs.
    pub batch_bytes_max: usize,
    /// The largest value, in bytes.
    pub value_bytes_max: usize,
    /// The longest key, in bytes.
    pub key_bytes_max: usize,
    /// How far in the future the timestamp of an operation may lie.
    pub clock_drift_max: Duration,
    /// How long a removed key is remembered.
    pub tombstone_retention: Duration,
    /// Pushes that a client may have under way.
    pub in_flight_max: usize,
    /// Sync requests that one session may send per second.
    pub requests_per_second_max: u32,
    /// Keys of one map, removed ones that are remembered among them.
    pub keys_max: u64,
    /// Maps that one user may begin.
    pub maps_per_user_max: u64,
    /// How long changes are gathered before they are pushed.
    pub push_window: Duration,
}

impl Default for MapsConfig {
    fn default() -> Self {
        Self {
            ack: Ack::Device,
            roles: Vec::new(),
            batch_ops_max: 1_000,
            batch_bytes_max: 1 << 20,
            value_bytes_max: 256 << 10,
            key_bytes_max: 1_024,
            clock_drift_max: Duration::from_secs(60),
            tombstone_retention: Duration::from_secs(30 * 24 * 60 * 60),
            in_flight_max: 8,
            requests_per_second_max: 32,
            keys_max: 10_000_000,
            maps_per_user_max: 1_000,
            push_window: Duration::from_millis(10),
        }
    }
}
