//! The settings of `[limits]`: names, explanations and bounds. Nothing of what the server does with them.

use std::time::Duration;

use crate::config::{
    Setting,
    setting::{Field, Number},
};

use super::values::{MINUTE_MS, to_ms, to_usize};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "limits.message_bytes_max",
        doc: "Largest message of a peer, its fragments joined; a larger one closes with 1009.",
        short_flag: None,
        field: Field::Size(Number {
            // A message has to fit a record of the store, with room for its names.
            bounds: (1 << 10, 128 << 20),
            zero: None,
            set: |config, n| config.limits.message_bytes_max = to_usize(n),
            show: |config| config.limits.message_bytes_max as u64,
        }),
    },
    Setting {
        name: "limits.connections_max",
        doc: "Connections of the whole server.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 10_000_000),
            zero: None,
            set: |config, n| config.limits.connections_max = to_usize(n),
            show: |config| config.limits.connections_max as u64,
        }),
    },
    Setting {
        name: "limits.messages_per_second_max",
        doc: "Messages that one connection may send per second; what is over is read later.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000_000),
            zero: Some("no bound"),
            set: |config, n| {
                config.limits.messages_per_second_max = n.try_into().unwrap_or(u32::MAX);
            },
            show: |config| u64::from(config.limits.messages_per_second_max),
        }),
    },
    Setting {
        name: "limits.queue_bytes_max",
        doc: "Bytes that may wait in memory for one connection before it is fed from the log.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (4 << 10, 1 << 30),
            zero: None,
            set: |config, n| config.limits.queue_bytes_max = to_usize(n),
            show: |config| config.limits.queue_bytes_max as u64,
        }),
    },
    Setting {
        name: "limits.followers_moved_max",
        doc: "Followers of one room that are moved to the event loop that owns it; later ones stay where they came in.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 10_000_000),
            zero: Some("none"),
            set: |config, n| config.limits.followers_moved_max = to_usize(n),
            show: |config| config.limits.followers_moved_max as u64,
        }),
    },
    Setting {
        name: "limits.handshake_timeout",
        doc: "A request's head must be whole within this time.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (100, MINUTE_MS * 10),
            zero: None,
            set: |config, ms| config.limits.handshake_timeout = Duration::from_millis(ms),
            show: |config| to_ms(config.limits.handshake_timeout),
        }),
    },
    Setting {
        name: "limits.join_timeout",
        doc: "A session must have joined a room within this time, or it is closed with 1008.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (100, MINUTE_MS * 10),
            zero: None,
            set: |config, ms| config.limits.join_timeout = Duration::from_millis(ms),
            show: |config| to_ms(config.limits.join_timeout),
        }),
    },
    Setting {
        name: "limits.ping_interval",
        doc: "A connection that says nothing for this long is pinged; two pings without an answer close it.",
        short_flag: None,
        field: Field::Duration(Number {
            // Clients in the field choke on a ping in their first 20 seconds.
            bounds: (20_000, MINUTE_MS * 60),
            zero: None,
            set: |config, ms| config.limits.ping_interval = Duration::from_millis(ms),
            show: |config| to_ms(config.limits.ping_interval),
        }),
    },
    Setting {
        name: "limits.write_timeout",
        doc: "A connection that takes no byte of what waits for it for this long is closed.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (100, MINUTE_MS * 60),
            zero: None,
            set: |config, ms| config.limits.write_timeout = Duration::from_millis(ms),
            show: |config| to_ms(config.limits.write_timeout),
        }),
    },
    Setting {
        name: "limits.drain_timeout",
        doc: "At shutdown connections get this long to take what waits for them.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (1, MINUTE_MS * 10),
            zero: Some("not at all"),
            set: |config, ms| config.limits.drain_timeout = Duration::from_millis(ms),
            show: |config| to_ms(config.limits.drain_timeout),
        }),
    },
];
