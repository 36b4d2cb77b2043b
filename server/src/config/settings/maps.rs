//! The settings of `[maps]`: names, explanations and bounds. Nothing of what the server does with them.

use std::time::Duration;

use crate::config::{
    Ack, Role, Setting,
    choice::{Choice, choose, names},
    setting::{Field, Number},
};

use super::values::{DAY_MS, MINUTE_MS, listed, to_ms, to_usize};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "maps.ack",
        doc: "When a write is acknowledged: when it survives what storage.durability says (device), or when it is in memory (memory), and a crash may take it back.",
        short_flag: None,
        field: Field::Word {
            names: names::<Ack>,
            set: |config, text| choose(text, &mut config.maps.ack),
            show: |config| config.maps.ack.name(),
        },
    },
    Setting {
        name: "maps.roles",
        doc: "What a name in the roles of a token allows, beside the token's own perms; one map, or all maps of one form, in each.",
        short_flag: None,
        field: Field::List {
            wants: "ROLE=MAP:OPS such as editor=todos*:READ+PUT+REMOVE",
            set: |config, items| {
                let roles = listed(items)?.into_iter().map(|item| Role::parse(&item));
                roles.collect::<Option<_>>().map(|roles| config.maps.roles = roles)
            },
            show: |config| config.maps.roles.iter().map(Role::text).collect(),
        },
    },
    Setting {
        name: "maps.batch_ops_max",
        doc: "Operations of one push; more are answered TOO_LARGE.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 100_000),
            zero: None,
            set: |config, n| config.maps.batch_ops_max = to_usize(n),
            show: |config| config.maps.batch_ops_max as u64,
        }),
    },
    Setting {
        name: "maps.batch_bytes_max",
        doc: "Encoded bytes of the operations of one push, or 4 KiB more than the largest value if that is more; a push beyond is answered TOO_LARGE, a message of 64 KiB more closes with 1009.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1 << 10, 64 << 20),
            zero: None,
            set: |config, n| config.maps.batch_bytes_max = to_usize(n),
            show: |config| config.maps.batch_bytes_max as u64,
        }),
    },
    Setting {
        name: "maps.value_bytes_max",
        doc: "Largest value.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1, 32 << 20),
            zero: None,
            set: |config, n| config.maps.value_bytes_max = to_usize(n),
            show: |config| config.maps.value_bytes_max as u64,
        }),
    },
    Setting {
        name: "maps.key_bytes_max",
        doc: "Longest key.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1, 1 << 10),
            zero: None,
            set: |config, n| config.maps.key_bytes_max = to_usize(n),
            show: |config| config.maps.key_bytes_max as u64,
        }),
    },
    Setting {
        name: "maps.clock_drift_max",
        doc: "How far in the future the timestamp of an operation may lie; one beyond is answered CLOCK_DRIFT.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (1, DAY_MS),
            zero: None,
            set: |config, n| config.maps.clock_drift_max = Duration::from_millis(n),
            show: |config| to_ms(config.maps.clock_drift_max),
        }),
    },
    Setting {
        name: "maps.tombstone_retention",
        doc: "How long a removed key is remembered; a client that was away for longer takes its maps anew.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (MINUTE_MS, 3_650 * DAY_MS),
            zero: None,
            set: |config, n| config.maps.tombstone_retention = Duration::from_millis(n),
            show: |config| to_ms(config.maps.tombstone_retention),
        }),
    },
    Setting {
        name: "maps.in_flight_max",
        doc: "Pushes that clients are told they may have under way.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000),
            zero: None,
            set: |config, n| config.maps.in_flight_max = to_usize(n),
            show: |config| config.maps.in_flight_max as u64,
        }),
    },
    Setting {
        name: "maps.requests_per_second_max",
        doc: "Sync requests that one session may send per second, twice as many at once; more are answered RATE_LIMITED. Pushes do not count.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000),
            zero: None,
            set: |config, n| {
                config.maps.requests_per_second_max = u32::try_from(n).unwrap_or(u32::MAX);
            },
            show: |config| u64::from(config.maps.requests_per_second_max),
        }),
    },
    Setting {
        name: "maps.keys_max",
        doc: "Keys that one map may hold, removed ones that are remembered among them.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000_000),
            zero: None,
            set: |config, n| config.maps.keys_max = n,
            show: |config| config.maps.keys_max,
        }),
    },
    Setting {
        name: "maps.maps_per_user_max",
        doc: "Maps that one user may begin.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000),
            zero: None,
            set: |config, n| config.maps.maps_per_user_max = n,
            show: |config| config.maps.maps_per_user_max,
        }),
    },
    Setting {
        name: "maps.push_window",
        doc: "How long changes of a map are gathered before they are pushed to its other clients; the first after a pause goes at once.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (1, 1_000),
            zero: Some("no gathering"),
            set: |config, n| config.maps.push_window = Duration::from_millis(n),
            show: |config| to_ms(config.maps.push_window),
        }),
    },
];
