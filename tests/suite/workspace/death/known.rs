//! What peers were told of a workspace, and whether a server that was started again keeps to it.
//!
//! Knows the wire, and which changes were ever sent; nothing of when the server died.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
};

use serde_json::{Value, json};
use syncline_tests::{
    http::Raw,
    server::TestServer,
    workspace::{Peer, op, token},
};

/// The workspace of the load.
pub(super) const NAME: &str = "w";

/// What was told of a workspace. No timestamp is given twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Every change that was ever sent, by timestamp: key and value.
    sent: HashMap<i64, (String, Value)>,
    /// The highest timestamp of each key that anybody was told.
    newest: BTreeMap<String, i64>,
    told: u64,
}

impl Known {
    /// How often anybody was told something.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// Whether a change of this timestamp was sent.
    pub(super) fn is_sent(&self, timestamp: i64) -> bool {
        self.sent.contains_key(&timestamp)
    }

    /// This is about to be sent.
    pub(super) fn send(&mut self, key: &str, value: &Value, timestamp: i64) {
        let before = self.sent.insert(timestamp, (key.into(), value.clone()));
        assert_eq!(before, None, "a timestamp of its own");
    }

    /// Somebody was told that a key has this.
    pub(super) fn shown(&mut self, key: &str, value: &Value, timestamp: i64) {
        let sent = self.sent.get(&timestamp).unwrap_or_else(|| panic!("never sent: {timestamp}"));
        assert_eq!((&*sent.0, &sent.1), (key, value), "{timestamp}");
        self.kept(key, timestamp);
    }

    /// Somebody was told that a key has this timestamp.
    pub(super) fn kept(&mut self, key: &str, timestamp: i64) {
        self.told += 1;
        let newest = self.newest.entry(key.into()).or_insert(timestamp);
        *newest = timestamp.max(*newest);
    }

    /// The highest timestamp of each key that anybody was told until now.
    pub(super) fn newest(&self) -> BTreeMap<String, i64> {
        self.newest.clone()
    }

    /// A first message, asked for when these were the newest timestamps that anybody was told.
    pub(super) fn opened(&mut self, data: &Value, newest: &BTreeMap<String, i64>) {
        for (key, least) in newest {
            assert!(data[key]["at"].as_i64() >= Some(*least), "{key} was at {least}: {data}");
        }
        for (key, value) in data.as_object().expect("an object") {
            self.shown(key, value, value["at"].as_i64().expect("a value of the load"));
        }
    }

    /// Holds a server against it, and learns what that shows.
    pub(super) fn check(&mut self, address: SocketAddr) {
        let told = self.newest();
        let mut raw = Raw::connect(address);
        let state = get(&mut raw, "");
        self.opened(&state["data"], &told);
        for (key, least) in &told {
            let entry = get(&mut raw, &format!("/keys/{key}"));
            let timestamp = entry["timestamp"].as_i64().expect("a timestamp");
            assert!(timestamp >= *least, "{key} was at {least}, and is at {timestamp}");
            assert_eq!(entry["value"], state["data"][key]);
            self.shown(key, &entry["value"], timestamp);
        }
    }

    /// Whoever says something older of a key is told what it has, by socket and by PUT.
    pub(super) fn check_old_ones_lose(&self, server: &TestServer) {
        let mut peer = Peer::join(server, NAME, "late");
        let mut raw = Raw::connect(server.address());
        assert!(!self.newest.is_empty());
        for (key, newest) in &self.newest {
            peer.set(key, "\"stale\"", newest - 1);
            let value = &self.sent[newest].1;
            let told: Value = serde_json::from_str(&peer.text()).expect("JSON");
            let winner: Value =
                serde_json::from_str(&op(key, &value.to_string(), *newest)).unwrap();
            assert_eq!(told, winner);
            let target = format!("/v1/workspaces/{NAME}/keys/{key}?timestamp={}", newest - 1);
            let answer = raw.ask("PUT", &target, &[("Authorization", &bearer())], b"\"stale\"");
            let kept = json!({ "key": key, "timestamp": newest, "stored": false });
            assert_eq!(serde_json::from_slice::<Value>(&answer.body).expect("JSON"), kept);
        }
        peer.quiet();
    }
}

/// The header that lets in.
pub(super) fn bearer() -> String {
    format!("Bearer {}", token(&json!({ "sub": "load" })))
}

fn get(raw: &mut Raw, path: &str) -> Value {
    let target = format!("/v1/workspaces/{NAME}{path}");
    let answer = raw.ask("GET", &target, &[("Authorization", &bearer())], &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("JSON")
}
