//! The switches beyond the specification: waiting pulls, hints, checkpoints.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use syncline_tests::{
    http::{Raw, Wait, get, request},
    oplog::{Client, ok, op},
    server::TestServer,
    until,
};

fn served() -> TestServer {
    TestServer::start(|c| {
        c.oplog.wait_max = Duration::from_secs(60);
        c.oplog.events = true;
        c.oplog.checkpoint = true;
    })
}

/// Waits until so many clients wait for news.
fn waiting(server: &TestServer, count: usize) {
    let line = format!("syncline_oplog_waiting {count}\n");
    until("they wait", || get(server.address(), "/metrics").text().contains(&line).then_some(()));
}

#[test]
fn a_waiting_pull_is_answered_by_a_push() {
    let server = served();
    let mut writer = Client::new(server.address(), "w");
    let key = writer.key();
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (mut reader, key) = (Client::new(server.address(), "r"), key.clone());
            thread::spawn(move || ok(&reader.pull(&key, 0, "&wait=50")))
        })
        .collect();
    waiting(&server, 4);
    let _ = ok(&writer.push(&key, &[op("a", 1, &json!("news"))]));
    for reader in readers {
        assert_eq!(reader.join().unwrap()["ops"][0]["payload"], "news");
    }
    waiting(&server, 0);
    // There is something: nobody waits.
    assert_eq!(ok(&writer.pull(&key, 0, "&wait=50"))["serverSeq"], 1);
    let reset = thread::spawn({
        let (mut reader, key) = (Client::new(server.address(), "r"), key.clone());
        move || reader.pull(&key, 1, "&wait=50").status
    });
    waiting(&server, 1);
    let _ = ok(&writer.reset("another", ""));
    assert_eq!(reset.join().unwrap(), 409);
}

#[test]
fn a_pull_waits_no_longer_than_it_may() {
    let server = TestServer::start(|c| c.oplog.wait_max = Duration::from_millis(100));
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    assert_eq!(ok(&client.pull(&key, 0, "&wait=1000000"))["serverSeq"], 0);
    for wrong in ["-1", "soon", "NaN", "1e400"] {
        assert_eq!(client.pull(&key, 0, &format!("&wait={wrong}")).status, 400, "{wrong}");
    }
    // Without the switch the parameter is one of those that nobody knows.
    let server = TestServer::start(|_| ());
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    assert_eq!(ok(&client.pull(&key, 0, "&wait=1000000"))["serverSeq"], 0);
}

#[test]
fn a_stop_answers_those_who_wait() {
    let server = served();
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    let mut events = Raw::connect(server.address());
    events.send(&request("GET", "/sync/events", &[], &[]));
    let waits = thread::spawn(move || client.pull(&key, 0, "&wait=60"));
    waiting(&server, 2);
    drop(server);
    assert_eq!(ok(&waits.join().unwrap())["serverSeq"], 0);
    let answer = events.answer().expect("an answer");
    assert!(answer.status == 200 && !answer.is_cut);
}

#[test]
fn events_hint_at_news() {
    let server = served();
    let mut writer = Client::new(server.address(), "w");
    let key = writer.key();
    let mut events = Raw::connect(server.address());
    // No encoding holds a hint back.
    events.send(&request("GET", "/sync/events", &[("Accept-Encoding", "gzip")], &[]));
    let mut hints = |count: usize| {
        until("a hint comes", || {
            assert_ne!(events.fill(Instant::now() + Duration::from_millis(50)), Wait::End);
            let text = String::from_utf8_lossy(events.buffered()).into_owned();
            (text.matches("event: poke").count() == count).then_some(text)
        })
    };
    let head = hints(1);
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    let _ = ok(&writer.push(&key, &[op("a", 1, &json!(1))]));
    hints(2);
    // What changes nothing is no news.
    let _ = ok(&writer.push(&key, &[op("a", 1, &json!(1))]));
    let _ = ok(&writer.push(&key, &[op("a", 2, &json!(1))]));
    hints(3);
    drop(events);
    waiting(&server, 0);
}

#[test]
fn a_checkpoint_drops_what_its_snapshot_says() {
    let server = served();
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    let ops: Vec<_> = (1..=10).map(|clock| op("a", clock, &json!(clock))).collect();
    let _ = ok(&client.push(&key, &ops));
    let _ = ok(&client.pull(&key, 10, ""));
    let checkpoint = json!({
        "clientId": "a", "datasetGenerationKey": key, "serverSeq": 8, "snapshot": "up to 8",
    });
    let answer = ok(&client.post("/sync/checkpoint", &checkpoint));
    assert_eq!(answer["serverSeq"], 10);
    let now = client.bootstrap();
    assert_eq!((&now["snapshot"], &now["serverSeq"]), (&json!("up to 8"), &json!(10)));
    let seqs: Vec<_> = now["ops"].as_array().unwrap().iter().map(|op| &op["serverSeq"]).collect();
    assert_eq!(seqs, [&json!(9), &json!(10)]);
}
