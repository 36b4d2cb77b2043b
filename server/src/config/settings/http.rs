//! The settings of `[http]`: names, explanations and bounds. Nothing of what the server does with them.

use crate::config::{
    Setting,
    setting::{Field, Number},
};

use super::values::{address, origins, to_usize};

pub(super) static SETTINGS: &[Setting] = &[
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
        name: "http.origins",
        doc: "Origins whose pages may open a WebSocket, compared whole; none for all. Others are answered 403.",
        short_flag: None,
        field: Field::List {
            wants: "origins such as https://app.example.com",
            set: |config, items| origins(items).map(|origins| config.http.origins = origins),
            show: |config| config.http.origins.clone(),
        },
    },
    Setting {
        name: "http.demo",
        doc: "Show a shared whiteboard at /demo/, with a token for whoever opens it; on a loopback address, or with auth.insecure_open.",
        short_flag: Some("demo"),
        field: Field::Switch {
            set: |config, on| config.http.demo = on,
            show: |config| config.http.demo,
        },
    },
];
