//! The settings of `[peer]`: names, explanations and bounds. Nothing of what the server does with them.

use std::time::Duration;

use crate::config::{
    Setting,
    setting::{Field, Number},
};

use super::values::{
    DAY_MS, MINUTE_MS, choose_all, shown_names, to_ms, to_usize, webhook_secret, webhook_url,
};

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
    Setting {
        name: "peer.webhook_url",
        doc: "Address that is told who comes into rooms and goes, with a POST for each event; none is told when it is not set.",
        short_flag: None,
        field: Field::Text {
            wants: "an https:// or http:// address without a name or password, or nothing",
            set: |config, text| webhook_url(text).map(|url| config.peer.webhook.url = url),
            show: |config| config.peer.webhook.url.clone().unwrap_or_default(),
        },
    },
    Setting {
        name: "peer.webhook_secret",
        doc: "Secret that webhooks are signed with, as the Standard Webhooks have it; needed with peer.webhook_url.",
        short_flag: None,
        field: Field::Secret {
            wants: "whsec_ and 24 to 64 bytes in base64",
            set: |config, text| {
                webhook_secret(text).map(|secret| config.peer.webhook.secret = Some(secret))
            },
            is_set: |config| config.peer.webhook.secret.is_some(),
        },
    },
    Setting {
        name: "peer.webhook_events",
        doc: "Events that are told; all of them when none is listed.",
        short_flag: None,
        field: Field::List {
            wants: "any of room_began, room_ended, participant_joined, participant_left, participant_banned, participant_unbanned, room_closed and room_forgotten",
            set: |config, items| choose_all(items, &mut config.peer.webhook.events),
            show: |config| shown_names(&config.peer.webhook.events),
        },
    },
    Setting {
        name: "peer.webhook_queue_max",
        doc: "Events that may wait to be told; more are dropped and counted.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (16, 1_000_000),
            zero: None,
            set: |config, n| config.peer.webhook.queue_max = to_usize(n),
            show: |config| config.peer.webhook.queue_max as u64,
        }),
    },
    Setting {
        name: "peer.webhook_retry_for",
        doc: "How long after it happened an event is still tried to be told; then it is dropped and counted.",
        short_flag: None,
        field: Field::Duration(Number {
            bounds: (1_000, DAY_MS),
            zero: None,
            set: |config, n| config.peer.webhook.retry_for = Duration::from_millis(n),
            show: |config| to_ms(config.peer.webhook.retry_for),
        }),
    },
];
