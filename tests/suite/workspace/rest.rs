//! A workspace without a WebSocket: its state, its keys, setting one.

use serde_json::{Value, json};
use syncline_tests::{
    http::{Answer, Raw},
    server::TestServer,
    workspace::{Peer, op, server, token},
};

struct Client {
    raw: Raw,
    token: String,
}

impl Client {
    fn new(server: &TestServer, claims: &Value) -> Self {
        let token = format!("Bearer {}", token(claims));
        Self { raw: Raw::connect(server.address()), token }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let target = format!("/v1/workspaces/{path}");
        let headers = [("Authorization", &*self.token), ("Content-Type", "application/json")];
        self.raw.ask(method, &target, &headers, body.as_bytes())
    }

    fn put(&mut self, path: &str, body: &str) -> (u16, Value) {
        let answer = self.ask("PUT", path, body);
        (answer.status, serde_json::from_slice(&answer.body).expect("JSON"))
    }
}

#[test]
fn state_and_keys_come_as_they_were_set() {
    let server = server(|_| ());
    let mut client = Client::new(&server, &json!({}));
    assert_eq!(client.ask("GET", "w", "").text(), r#"{"data":{}}"#);
    assert_eq!(client.ask("GET", "w/keys/k%2F1", "").status, 404);
    let mut peer = Peer::join(&server, "w", "a");
    peer.set("k/1", "{ \"n\":1e400 }", 7);
    peer.quiet();
    assert_eq!(client.ask("GET", "w", "").text(), r#"{"data":{"k/1":{ "n":1e400 }}}"#);
    let key = client.ask("GET", "w/keys/k%2F1", "");
    assert_eq!(key.text(), r#"{"key":"k/1","value":{ "n":1e400 },"timestamp":7}"#);
    assert_eq!(key.header("access-control-allow-origin"), Some("*"));
    assert_eq!(key.header("cache-control"), Some("no-store"));
}

#[test]
fn a_put_reaches_everyone_and_wins_unless_its_stamp_loses() {
    let server = server(|_| ());
    let mut client = Client::new(&server, &json!({}));
    let mut peer = Peer::join(&server, "w", "a");
    let stored =
        |timestamp, stored| (200, json!({ "key": "k", "timestamp": timestamp, "stored": stored }));
    assert_eq!(client.put("w/keys/k?timestamp=10", " [1, 2] "), stored(10, true));
    assert_eq!(peer.text(), op("k", "[1, 2]", 10));
    assert_eq!(client.put("w/keys/k?timestamp=9", "0"), stored(10, false));
    assert_eq!(client.put("w/keys/k?timestamp=10", "1"), stored(10, true));
    assert_eq!(peer.text(), op("k", "1", 10));
    // A clock far ahead does not shut out who says no time.
    let ahead = i64::MAX - 1;
    peer.quiet();
    peer.set("k", "2", ahead);
    peer.quiet();
    assert_eq!(client.put("w/keys/k", "3"), stored(ahead, true));
    assert_eq!(peer.text(), op("k", "3", ahead));
    let (status, told) = client.put("w/keys/l", "null");
    assert!(status == 200 && told["timestamp"].as_i64().unwrap() > 1_700_000_000_000_000);
    assert_eq!(Peer::join(&server, "w", "b").data()["l"], Value::Null);
}

#[test]
fn what_cannot_be_stored_is_refused_with_a_reason() {
    let server = server(|c| {
        c.workspace.message_bytes_max = 4096;
        c.workspace.keys_max = 1;
        c.workspace.key_bytes_max = 4;
        c.workspace.scopes = true;
        c.workspace.future_skew_max = std::time::Duration::from_secs(1);
    });
    let mut client = Client::new(&server, &json!({ "scope": "write" }));
    let deep = format!("{}{}", "[".repeat(121), "]".repeat(121));
    for (path, body, status) in [
        ("w/keys/k", "{oops", 400),
        ("w/keys/k", "", 400),
        ("w/keys/k", "1 2", 400),
        ("w/keys/k", &deep, 400),
        ("w/keys/k?timestamp=1.5", "1", 400),
        ("w/keys/k?timestamp=9000000000000000000", "1", 400),
        ("w/keys/kkkkk", "1", 400),
        ("w/keys/", "1", 400),
        ("w/keys/k", &"1".repeat(4097), 413),
        ("w/keys/k", "1", 200),
        ("w/keys/l", "1", 507),
        ("w/keys/k", "2", 200),
    ] {
        // A refused body may cost the connection.
        client.raw = Raw::connect(server.address());
        let (answered, told) = client.put(path, body);
        assert_eq!(answered, status, "{path} {body:.20}");
        assert_eq!(told.get("detail").is_some(), status != 200, "{told}");
    }
    let mut reader = Client::new(&server, &json!({ "scope": "read" }));
    assert_eq!(reader.put("w/keys/k", "3").0, 403);
    assert_eq!(reader.ask("GET", "w", "").text(), r#"{"data":{"k":2}}"#);
    assert_eq!(reader.ask("DELETE", "w/keys/k", "").status, 405);
}

#[test]
fn puts_of_many_connections_are_all_stored() {
    let server = server(|_| ());
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let mut client = Client::new(&server, &json!({}));
            std::thread::spawn(move || {
                for k in 0..25 {
                    assert_eq!(client.put(&format!("w/keys/{n}-{k}"), &k.to_string()).0, 200);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let state = Client::new(&server, &json!({})).ask("GET", "w", "").text();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["data"].as_object().unwrap().len(), 100);
}
