//! The settings of `[peer]`: names, explanations and bounds. Nothing of what the server does with them.

use std::time::Duration;

use crate::config::{
    Setting,
    setting::{Field, Number},
};

use super::values::{DAY_MS, MINUTE_MS, to_ms, to_usize};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "peer.packet_bytes_max",
        doc: "Largest packet of a data room; a larger one closes with 4413. In an invite room it is 4 KiB.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (4 << 10, 16 << 20),
            zero: None,
            set: |config, n| config.peer.packet_bytes_max = to_usize(n),
            show: |config| config.peer.packet_bytes_max as u64,
        }),
    },
    Setting {
        name: "peer.queue_frames_max",
        doc: "Packets that may wait for one connection; one for which more wait is closed with 4408.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (16, 1_000_000),
            zero: None,
            set: |config, n| config.peer.queue_frames_max = to_usize(n),
            show: |config| config.peer.queue_frames_max as u64,
        }),
    },
    Setting {
        name: "peer.queue_bytes_max",
        doc: "Bytes that may wait for one connection, at least those of the largest packet; one for which more wait is closed with 4408.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (64 << 10, 1 << 30),
            zero: None,
            set: |config, n| config.peer.queue_bytes_max = to_usize(n),
            show: |config| config.peer.queue_bytes_max as u64,
        }),
    },
    Setting {
        name: "peer.participants_max",
        doc: "Participants of one data room; the next is closed with 4403. An invite room has 64.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 100_000),
            zero: None,
            set: |config, n| config.peer.participants_max = to_usize(n),
            show: |config| config.peer.participants_max as u64,
        }),
    },
    Setting {
        name: "peer.packets_per_second_max",
        doc: "Packets that one participant of a data room may send per second, ten times as many at once; more are dropped with an error, and who goes on is closed with 4429.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000),
            zero: Some("no bound"),
            set: |config, n| {
                config.peer.packets_per_second_max = u32::try_from(n).unwrap_or(u32::MAX);
            },
            show: |config| u64::from(config.peer.packets_per_second_max),
        }),
    },
    Setting {
        name: "peer.store",
        doc: "Store the packets of data rooms that carry data, as they came, for those who were away.",
        short_flag: None,
        field: Field::Switch {
            set: |config, on| config.peer.store = on,
            show: |config| config.peer.store,
        },
    },
    Setting {
        name: "peer.stored_age_max",
        doc: "How long a packet is stored.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (MINUTE_MS, 3_650 * DAY_MS),
            zero: Some("for ever"),
            set: |config, n| config.peer.stored_age_max = Duration::from_millis(n),
            show: |config| to_ms(config.peer.stored_age_max),
        }),
    },
    Setting {
        name: "peer.stored_bytes_max",
        doc: "Bytes of the stored packets of one room; the oldest go first.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (64 << 10, 1 << 50),
            zero: Some("no bound"),
            set: |config, n| config.peer.stored_bytes_max = n,
            show: |config| config.peer.stored_bytes_max,
        }),
    },
    Setting {
        name: "peer.stored_packets_max",
        doc: "Stored packets of one room; the oldest go first.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000_000),
            zero: Some("no bound"),
            set: |config, n| config.peer.stored_packets_max = n,
            show: |config| config.peer.stored_packets_max,
        }),
    },
];
