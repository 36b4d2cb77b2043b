//! `/admin/`: who is let in, what is refused, and that a refusal tells nothing.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt};

use serde_json::Value;
use syncline::{Config, LocalKey};
use syncline_engine::{Options, Store};
use syncline_tests::{
    http::{Answer, Raw, get},
    relay::{Hello, Message, Peer},
    server::TestServer,
    until,
};

const TOKEN: &str = "a-token-of-many-letters";

/// The members of `/admin/stat`, sorted.
const STAT: [&str; 19] = [
    "cold_segments",
    "damaged_segments",
    "dir",
    "disk_bytes",
    "is_full",
    "last_failure",
    "live_bytes",
    "position",
    "removed_bytes",
    "rewritten_bytes",
    "segments",
    "segments_removed",
    "segments_rewritten",
    "since_snapshot_bytes",
    "snapshot_bytes",
    "snapshot_position",
    "snapshots",
    "snapshots_written",
    "waiting_bytes",
];

fn with_token(config: &mut Config) {
    config.auth.admin_token = Some(TOKEN.into());
}

fn ask(address: SocketAddr, method: &str, path: &str, token: Option<&str>) -> Answer {
    let shown = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let mut raw = Raw::connect(address);
    raw.send(
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{shown}Connection: close\r\n\r\n")
            .as_bytes(),
    );
    raw.answer().expect("an answer")
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

fn local_key(server: &TestServer) -> LocalKey {
    LocalKey::read(server.data_dir()).expect("it can be read").expect("it is there")
}

#[test]
fn without_a_token_nobody_learns_that_it_is_there() {
    let server = TestServer::start(|_| {});
    let nothing = json(&get(server.address(), "/none"));
    for path in ["/admin/stat", "/admin/backups/x", "/admin/", "/admin/none"] {
        for token in [None, Some(TOKEN), Some("")] {
            for method in ["GET", "POST", "DELETE"] {
                let answer = ask(server.address(), method, path, token);
                assert_eq!(answer.status, 404, "{method} {path} {token:?}");
                let mut problem = json(&answer);
                problem["request_id"] = nothing["request_id"].clone();
                assert_eq!(problem, nothing, "as any other path that is not there");
            }
        }
    }
    assert!(!server.data_dir().join("backups").exists());
}

#[test]
fn with_a_token_whoever_does_not_show_it_is_refused_and_told_nothing_else() {
    let server = TestServer::start(with_token);
    let almost = &TOKEN[..TOKEN.len() - 1];
    for path in ["/admin/stat", "/admin/backups/x", "/admin/none"] {
        for token in [None, Some(almost), Some(""), Some("null")] {
            let answer = ask(server.address(), "POST", path, token);
            assert_eq!(answer.status, 401, "{path} {token:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(json(&answer)["code"], "unauthorized");
            assert!(!answer.text().contains(almost));
        }
    }
    let in_the_query = get(server.address(), &format!("/admin/stat?token={TOKEN}"));
    assert_eq!(in_the_query.status, 401, "a query is in too many logs");
    assert!(!server.data_dir().join("backups").exists());
}

#[test]
fn the_token_and_the_key_in_the_data_directory_let_in() {
    let server = TestServer::start(with_token);
    let key = local_key(&server);
    assert_eq!(key.url, format!("http://{}", server.address()));
    let mode = fs::metadata(server.data_dir().join("ADMIN")).expect("is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    for token in [TOKEN, &key.token] {
        let answer = ask(server.address(), "GET", "/admin/stat", Some(token));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let stat = json(&answer);
        let members: Vec<&String> = stat.as_object().expect("an object").keys().collect();
        assert_eq!(members, STAT, "a contract: members are only added");
        assert!(stat["position"].is_u64() && stat["disk_bytes"].as_u64() > Some(0), "{stat}");
    }
    assert_eq!(ask(server.address(), "POST", "/admin/stat", Some(TOKEN)).status, 405);
    assert_eq!(ask(server.address(), "PUT", "/admin/backups/x", Some(TOKEN)).status, 405);
    assert_eq!(ask(server.address(), "GET", "/admin/none", Some(TOKEN)).status, 404);
    let dir = server.stop();
    assert!(LocalKey::read(dir.path().join("data")).expect("read").is_none(), "it goes with it");
    let next = TestServer::start_in(dir, |_| {});
    assert_ne!(local_key(&next).token, key.token, "made anew at each start");
    assert_eq!(ask(next.address(), "GET", "/admin/stat", Some(&key.token)).status, 404);
}

#[test]
fn names_that_could_leave_the_directory_are_refused() {
    let server = TestServer::start(with_token);
    let outside = server.data_dir().parent().expect("a parent").to_owned();
    let long = "x".repeat(101);
    for name in ["", ".", "..", ".hidden", "../x", "a/b", "a%2fb", "%2e%2e%2fx", "a%00", &long] {
        let path = format!("/admin/backups/{name}");
        let answer = ask(server.address(), "POST", &path, Some(TOKEN));
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        assert_eq!(json(&answer)["code"], "bad_request");
    }
    assert!(!server.data_dir().join("backups").exists());
    assert_eq!(fs::read_dir(outside).expect("lists").count(), 1, "only the data directory");
}

#[test]
fn a_backup_made_while_clients_write_has_all_that_was_acknowledged_before() {
    let server = TestServer::start(with_token);
    let mut peer = Peer::binary(server.address(), &Hello::new("me", "key").with_ack());
    for n in 1..=20_u64 {
        peer.submit(b"a change");
        while peer.message() != (Message::Accepted { id: n, seq: n }) {}
    }
    let begun = ask(server.address(), "POST", "/admin/backups/one", Some(TOKEN));
    assert_eq!((begun.status, &json(&begun)["name"]), (202, &Value::from("one")));
    let done = until("the backup ends", || {
        peer.submit(b"another");
        let answer = json(&ask(server.address(), "GET", "/admin/backups/one", Some(TOKEN)));
        (answer["state"] != "running").then_some(answer)
    });
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(done["done_bytes"], done["all_bytes"]);
    let dir = server.data_dir().join("backups/one");
    assert_eq!(done["dir"], dir.to_str().expect("text"));
    let copy = Store::open(&dir, Options::default()).expect("opens");
    assert_eq!(done["position"], copy.durable().0);
    let log = copy.find_log("relay/key").expect("finds").expect("is there");
    assert!(log.len() >= 20, "{}", log.len());

    let again = ask(server.address(), "POST", "/admin/backups/one", Some(TOKEN));
    assert_eq!((again.status, &json(&again)["code"]), (409, &Value::from("conflict")));
    assert_eq!(ask(server.address(), "GET", "/admin/backups/two", Some(TOKEN)).status, 404);

    // Who waits for one is told of it though the next has begun.
    assert_eq!(ask(server.address(), "POST", "/admin/backups/two", Some(TOKEN)).status, 202);
    let one = json(&ask(server.address(), "GET", "/admin/backups/one", Some(TOKEN)));
    assert_eq!((&one["state"], &one["position"]), (&"done".into(), &done["position"]));
}

#[test]
fn a_backup_that_cannot_be_made_is_told_and_the_server_goes_on() {
    let server = TestServer::start(|config| {
        with_token(config);
        // A file stands where the directory would be.
        config.storage.backup_dir = "0000000000000001.seg".into();
    });
    let begun = ask(server.address(), "POST", "/admin/backups/one", Some(TOKEN));
    assert_eq!(begun.status, 202);
    let done = until("the backup ends", || {
        let answer = json(&ask(server.address(), "GET", "/admin/backups/one", Some(TOKEN)));
        (answer["state"] != "running").then_some(answer)
    });
    assert_eq!(done["state"], "failed", "{done}");
    assert!(done["error"].as_str().is_some_and(|error| error.contains("i/o")), "{done}");
    assert_eq!(get(server.address(), "/readyz").status, 200);
}
