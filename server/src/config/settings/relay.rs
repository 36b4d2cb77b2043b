//! The settings of `[relay]`: names, explanations and bounds. Nothing of what the server does with them.

use crate::config::{
    Setting,
    setting::{Field, Number},
};

use super::values::{TOKEN, token};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "relay.token",
        doc: "When set, a peer of the relay must show this token (Authorization: Bearer, the subprotocol syncline.bearer.TOKEN, or ?token=).",
        short_flag: None,
        field: Field::Secret {
            wants: TOKEN,
            set: |config, text| token(text).map(|token| config.relay.token = Some(token)),
            is_set: |config| config.relay.token.is_some(),
        },
    },
    Setting {
        name: "relay.key_bytes_max",
        doc: "Bytes that the stored changes of one discovery key may take, names included.",
        short_flag: None,
        field: Field::Size(Number {
            bounds: (1 << 10, 1 << 50),
            zero: Some("no bound"),
            set: |config, n| config.relay.key_bytes_max = n,
            show: |config| config.relay.key_bytes_max,
        }),
    },
    Setting {
        name: "relay.key_changes_max",
        doc: "Changes that one discovery key may hold; further ones are dropped and counted.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1_000_000_000_000),
            zero: Some("no bound"),
            set: |config, n| config.relay.key_changes_max = n,
            show: |config| config.relay.key_changes_max,
        }),
    },
];
