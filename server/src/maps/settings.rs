//! From what an operator sets to what the dialect wants. Figures only.

use std::time::Duration;

use syncline_protocol::dialects::maps::{Ack, Limits, Settings};

use crate::config::{self, MapsConfig};

/// What an operation may take beside its value, in bytes: its key, its map, its timestamp.
const OPERATION_BYTES_EXTRA: usize = 4 << 10;

/// What a message may take beside the operations of a push, in bytes.
const MESSAGE_BYTES_EXTRA: usize = 64 << 10;

/// The dialect's settings. An operation with the largest value fits a push, and the largest push a
/// message.
pub(crate) fn settings(config: &MapsConfig) -> Settings {
    let ack = match config.ack {
        config::Ack::Device => Ack::Durable,
        config::Ack::Memory => Ack::Memory,
    };
    let batch_bytes_max =
        config.batch_bytes_max.max(config.value_bytes_max + OPERATION_BYTES_EXTRA);
    let limits = Limits {
        batch_ops_max: config.batch_ops_max,
        batch_bytes_max,
        frame_bytes_max: batch_bytes_max + MESSAGE_BYTES_EXTRA,
        value_bytes_max: config.value_bytes_max,
        key_bytes_max: config.key_bytes_max,
        clock_drift_max_ms: ms(config.clock_drift_max),
        tombstone_retention_ms: ms(config.tombstone_retention),
        in_flight_max: u32::try_from(config.in_flight_max).unwrap_or(u32::MAX),
        requests_per_second: config.requests_per_second_max,
        requests_burst: config.requests_per_second_max.saturating_mul(2),
        map_keys_max: config.keys_max,
        maps_per_user_max: config.maps_per_user_max,
        window_ms: ms(config.push_window),
        ..Limits::default()
    };
    Settings { ack, limits }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_are_the_same() {
        assert_eq!(settings(&MapsConfig::default()), Settings::default());
    }

    #[test]
    fn a_large_value_makes_room_for_itself() {
        let config = MapsConfig { value_bytes_max: 8 << 20, ..MapsConfig::default() };
        let limits = settings(&config).limits;
        assert!(limits.batch_bytes_max > limits.value_bytes_max + limits.key_bytes_max);
        assert!(limits.frame_bytes_max > limits.batch_bytes_max);
    }
}
