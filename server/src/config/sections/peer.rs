//! What can be set in `[peer]`, and its defaults. Values only.

use std::time::Duration;

use super::WebhookConfig;

/// The peer dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerConfig {
    /// The largest packet of a data room, in bytes.
    pub packet_bytes_max: usize,
    /// Messages that may wait for one connection.
    pub queue_frames_max: usize,
    /// Bytes that may wait for one connection.
    pub queue_bytes_max: usize,
    /// Participants of one data room.
    pub participants_max: usize,
    /// Packets that one participant of a data room may send per second; 0 for no bound.
    pub packets_per_second_max: u32,
    /// Whether packets of data rooms are stored.
    pub store: bool,
    /// How long a packet is stored; zero for ever.
    pub stored_age_max: Duration,
    /// Bytes of the stored packets of one room; 0 for no bound.
    pub stored_bytes_max: u64,
    /// Stored packets of one room; 0 for no bound.
    pub stored_packets_max: u64,
    /// Who is told who comes and goes.
    pub webhook: WebhookConfig,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            packet_bytes_max: 64 << 10,
            queue_frames_max: 1_024,
            queue_bytes_max: 8 << 20,
            participants_max: 1_024,
            packets_per_second_max: 0,
            store: true,
            stored_age_max: Duration::from_secs(30 * 24 * 60 * 60),
            stored_bytes_max: 256 << 20,
            stored_packets_max: 1_000_000,
            webhook: WebhookConfig::default(),
        }
    }
}
