//! The settings of `[oplog]`: names, explanations and bounds. Nothing of what the server does with them.

use std::time::Duration;

use crate::config::{
    Setting, Tenants,
    choice::{Choice, choose, names},
    setting::{Field, Number},
};

use super::values::{
    DAY_MS, MINUTE_MS, optional_path, origins_or_all, shown_path, to_ms, to_usize,
};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "oplog.tenants",
        doc: "Who has a dataset: everybody the same one without a token (none), or each tenant that a token names (token).",
        short_flag: None,
        field: Field::Word {
            names: names::<Tenants>,
            set: |config, text| choose(text, &mut config.oplog.tenants),
            show: |config| config.oplog.tenants.name(),
        },
    },
    Setting {
        name: "oplog.body_bytes_max",
        doc: "Largest body of a request, unpacked.",
        short_flag: None,
        field: Field::Size(Number {
            // A snapshot has to fit a record of the store, with room for its names.
            bounds: (1 << 10, 128 << 20),
            zero: None,
            set: |config, n| config.oplog.body_bytes_max = to_usize(n),
            show: |config| config.oplog.body_bytes_max as u64,
        }),
    },
    Setting {
        name: "oplog.bodies_bytes_max",
        doc: "Bytes of all bodies that may be in memory at a time; what is over is answered 503.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1 << 20, 1 << 40),
            zero: None,
            set: |config, n| config.oplog.bodies_bytes_max = to_usize(n),
            show: |config| config.oplog.bodies_bytes_max as u64,
        }),
    },
    Setting {
        name: "oplog.wait_max",
        doc: "Longest that a pull may wait for news (?wait=).",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (100, 5 * MINUTE_MS),
            zero: Some("no waiting"),
            set: |config, n| config.oplog.wait_max = Duration::from_millis(n),
            show: |config| to_ms(config.oplog.wait_max),
        }),
    },
    Setting {
        name: "oplog.events",
        doc: "Serve /sync/events, which tells of news (server-sent events).",
        short_flag: None,
        field: Field::Switch {
            set: |config, on| config.oplog.events = on,
            show: |config| config.oplog.events,
        },
    },
    Setting {
        name: "oplog.checkpoint",
        doc: "Serve POST /sync/checkpoint.",
        short_flag: None,
        field: Field::Switch {
            set: |config, on| config.oplog.checkpoint = on,
            show: |config| config.oplog.checkpoint,
        },
    },
    Setting {
        name: "oplog.strict_scopes",
        doc: "Refuse operations whose scope is unknown.",
        short_flag: None,
        field: Field::Switch {
            set: |config, on| config.oplog.strict_scopes = on,
            show: |config| config.oplog.strict_scopes,
        },
    },
    Setting {
        name: "oplog.cors_origins",
        doc: "Origins whose pages may call the sync API from elsewhere.",
        short_flag: None,
        field: Field::List {
            wants: "origins such as https://app.example.com, or * for all",
            set: |config, items| {
                origins_or_all(items).map(|origins| config.oplog.cors_origins = origins)
            },
            show: |config| config.oplog.cors_origins.clone(),
        },
    },
    Setting {
        name: "oplog.static_dir",
        doc: "Directory of an app that is served at all other paths.",
        short_flag: None,
        field: Field::Text {
            wants: "a path, or nothing",
            set: |config, text| {
                config.oplog.static_dir = optional_path(text);
                Some(())
            },
            show: |config| shown_path(config.oplog.static_dir.as_deref()),
        },
    },
    Setting {
        name: "oplog.clients_max",
        doc: "Cursors of clients that one dataset remembers; the oldest goes first.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 10_000_000),
            zero: None,
            set: |config, n| config.oplog.clients_max = to_usize(n),
            show: |config| config.oplog.clients_max as u64,
        }),
    },
    Setting {
        name: "oplog.seen_for",
        doc: "How long the cursor of a client that is not heard of holds back the compaction of a checkpoint.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (MINUTE_MS, 3_650 * DAY_MS),
            zero: None,
            set: |config, n| config.oplog.seen_for = Duration::from_millis(n),
            show: |config| to_ms(config.oplog.seen_for),
        }),
    },
    Setting {
        name: "oplog.dataset_bytes_max",
        doc: "Bytes that the operations and the snapshot of one dataset may take; what is over is answered 507.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1 << 10, 1 << 50),
            zero: Some("no bound"),
            set: |config, n| config.oplog.dataset_bytes_max = n,
            show: |config| config.oplog.dataset_bytes_max,
        }),
    },
    Setting {
        name: "oplog.dataset_ops_max",
        doc: "Operations that one dataset takes between two resets; what is over is answered 507.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000_000_000),
            zero: Some("no bound"),
            set: |config, n| config.oplog.dataset_ops_max = n,
            show: |config| config.oplog.dataset_ops_max,
        }),
    },
    Setting {
        name: "oplog.generations_max",
        doc: "Keys of earlier generations that one dataset remembers, some bytes each; further resets are answered 507.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000_000_000),
            zero: Some("no bound"),
            set: |config, n| config.oplog.generations_max = n,
            show: |config| config.oplog.generations_max,
        }),
    },
];
