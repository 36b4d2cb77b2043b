//! From what an operator sets to what the peer dialect wants. Figures only.

use syncline_protocol::dialects::peer::relay::{Rate, Retention, Settings};

use crate::config::PeerConfig;

/// How many packets may come at once, as seconds of the rate.
const BURST_SECONDS: u32 = 10;

/// The dialect's settings. The largest packet fits what may wait.
pub(crate) fn settings(config: &PeerConfig) -> Settings {
    let per_second = config.packets_per_second_max;
    let age_max_ms = u64::try_from(config.stored_age_max.as_millis()).unwrap_or(u64::MAX);
    Settings {
        frame_bytes_max: config.packet_bytes_max,
        participants_max: config.participants_max,
        packets: Rate { per_second, burst: per_second.saturating_mul(BURST_SECONDS).max(1) },
        queue_frames_max: config.queue_frames_max,
        queue_bytes_max: config.queue_bytes_max.max(config.packet_bytes_max),
        store: config.store,
        retention: Retention {
            age_max_ms,
            bytes_max: config.stored_bytes_max,
            packets_max: config.stored_packets_max,
        },
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_are_the_same() {
        assert_eq!(settings(&PeerConfig::default()), Settings::default());
    }

    #[test]
    fn the_largest_packet_may_wait_and_a_rate_has_a_burst() {
        let config = PeerConfig {
            packet_bytes_max: 16 << 20,
            queue_bytes_max: 1 << 20,
            packets_per_second_max: 5,
            ..PeerConfig::default()
        };
        let settings = settings(&config);
        assert_eq!(settings.queue_bytes_max, 16 << 20);
        assert_eq!(settings.packets, Rate { per_second: 5, burst: 50 });
    }
}
