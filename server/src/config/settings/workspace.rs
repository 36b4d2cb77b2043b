//! The settings of `[workspace]`: names, explanations and bounds. Nothing of what the server does with them.

use std::time::Duration;

use crate::config::{
    Heal, Opening, Setting,
    choice::{Choice, choose, names},
    setting::{Field, Number},
};

use super::values::{DAY_MS, to_ms, to_usize};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "workspace.heal",
        doc: "When a sender hears its own write back: never, where its view of the key may be stale (heal), or always.",
        short_flag: None,
        field: Field::Word {
            names: names::<Heal>,
            set: |config, text| choose(text, &mut config.workspace.heal),
            show: |config| config.workspace.heal.name(),
        },
    },
    Setting {
        name: "workspace.opening",
        doc: "What the first message holds: bare values, or entries with their timestamps.",
        short_flag: None,
        field: Field::Word {
            names: names::<Opening>,
            set: |config, text| choose(text, &mut config.workspace.opening),
            show: |config| config.workspace.opening.name(),
        },
    },
    Setting {
        name: "workspace.future_skew_max",
        doc: "How far in the future the timestamp of a write may lie.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (1, 365 * DAY_MS),
            zero: Some("any distance"),
            set: |config, n| config.workspace.future_skew_max = Duration::from_millis(n),
            show: |config| to_ms(config.workspace.future_skew_max),
        }),
    },
    Setting {
        name: "workspace.bytes_max",
        doc: "Bytes that the keys and values of one workspace may take.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1 << 10, 1 << 50),
            zero: Some("no bound"),
            set: |config, n| config.workspace.bytes_max = n,
            show: |config| config.workspace.bytes_max,
        }),
    },
    Setting {
        name: "workspace.keys_max",
        doc: "Keys that one workspace may hold.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000_000),
            zero: Some("no bound"),
            set: |config, n| config.workspace.keys_max = n,
            show: |config| config.workspace.keys_max,
        }),
    },
    Setting {
        name: "workspace.key_bytes_max",
        doc: "Longest key of a workspace.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1, 32 << 10),
            zero: None,
            set: |config, n| config.workspace.key_bytes_max = to_usize(n),
            show: |config| config.workspace.key_bytes_max as u64,
        }),
    },
    Setting {
        name: "workspace.message_bytes_max",
        doc: "Largest message of a workspace's peer; a larger one closes with 1009.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1 << 10, 128 << 20),
            zero: None,
            set: |config, n| config.workspace.message_bytes_max = to_usize(n),
            show: |config| config.workspace.message_bytes_max as u64,
        }),
    },
    Setting {
        name: "workspace.scopes",
        doc: "Let only tokens with the scope write or admin write; others are told an error.",
        short_flag: None,
        field: Field::Switch {
            set: |config, on| config.workspace.scopes = on,
            show: |config| config.workspace.scopes,
        },
    },
    Setting {
        name: "workspace.user_from_token",
        doc: "Take the user from the token (sub) alone and pass over ?userId=.",
        short_flag: None,
        field: Field::Switch {
            set: |config, on| config.workspace.user_from_token = on,
            show: |config| config.workspace.user_from_token,
        },
    },
];
