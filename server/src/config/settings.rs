//! The table of all settings: the only place where one is named, explained and bounded.
//!
//! Defaults are those of [`super::Config`].

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Setting,
    choice::{Choice, choose, names},
    setting::{Field, Number},
};

/// Every setting, in the order of the file.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "http.listen",
        doc: "Address and port to serve HTTP and WebSocket on; port 0 takes a free one.",
        short_flag: Some("listen"),
        field: Field::Text {
            wants: "an address and a port such as 127.0.0.1:8080",
            set: |config, text| address(text).map(|address| config.http.listen = address),
            show: |config| config.http.listen.to_string(),
        },
    },
    Setting {
        name: "http.shards",
        doc: "Event loops, one thread each; 0 for one per core.",
        short_flag: None,
        field: Field::Count(Number {
            bounds: (1, 1024),
            zero: Some("one per core"),
            set: |config, n| config.http.shards = to_usize(n),
            show: |config| config.http.shards as u64,
        }),
    },
    Setting {
        name: "storage.dir",
        doc: "Directory of the store; created when absent.",
        short_flag: Some("data-dir"),
        field: Field::Text {
            wants: "a path",
            set: |config, text| path(text).map(|path| config.storage.dir = path),
            show: |config| config.storage.dir.display().to_string(),
        },
    },
    Setting {
        name: "storage.durability",
        doc: "What an acknowledged write survives: power loss (device) or only a crash of the process (os).",
        short_flag: Some("durability"),
        field: Field::Word {
            names: names::<super::Durability>,
            set: |config, text| choose(text, &mut config.storage.durability),
            show: |config| config.storage.durability.name(),
        },
    },
    Setting {
        name: "storage.backup_dir",
        doc: "Directory below which a running server makes backups; a relative path is inside storage.dir.",
        short_flag: None,
        field: Field::Text {
            wants: "a path",
            set: |config, text| path(text).map(|path| config.storage.backup_dir = path),
            show: |config| config.storage.backup_dir.display().to_string(),
        },
    },
    Setting {
        name: "auth.insecure_open",
        doc: "Serve without a token on an address that others can reach.",
        short_flag: Some("insecure-open"),
        field: Field::Switch {
            set: |config, on| config.auth.insecure_open = on,
            show: |config| config.auth.insecure_open,
        },
    },
    Setting {
        name: "auth.admin_token",
        doc: "When set, whoever shows this token may ask a running server for figures and backups (/admin/).",
        short_flag: None,
        field: Field::Secret {
            wants: "16 to 1024 letters, digits or any of -._~",
            set: |config, text| token(text).map(|token| config.auth.admin_token = Some(token)),
            is_set: |config| config.auth.admin_token.is_some(),
        },
    },
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
    Setting {
        name: "log.level",
        doc: "The least urgent events that are logged.",
        short_flag: Some("log-level"),
        field: Field::Word {
            names: names::<super::LogLevel>,
            set: |config, text| choose(text, &mut config.log.level),
            show: |config| config.log.level.name(),
        },
    },
    Setting {
        name: "log.format",
        doc: "How a log line looks: auto is human on a terminal and json otherwise.",
        short_flag: Some("log-format"),
        field: Field::Word {
            names: names::<super::LogFormat>,
            set: |config, text| choose(text, &mut config.log.format),
            show: |config| config.log.format.name(),
        },
    },
    Setting {
        name: "relay.token",
        doc: "When set, a peer of the relay must show this token (?token= or Authorization: Bearer).",
        short_flag: None,
        field: Field::Secret {
            wants: "16 to 1024 letters, digits or any of -._~",
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

const MINUTE_MS: u64 = 60_000;

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| Path::new(text).to_owned())
}

/// Only what needs no escaping in a query string or a header (RFC 3986, unreserved).
fn token(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    ((16..=1024).contains(&text.len()) && text.bytes().all(plain)).then(|| text.into())
}

/// All bounds above fit 32 bits or come from a `usize`.
fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn to_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
