//! Requests that are none: what they are answered, in JSON, and that nothing of them is stored.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_tests::{
    http::{Answer, Raw},
    oplog::{Client, JSON, body, ok, op},
    server::TestServer,
};

use super::served;

/// Whether an answer has a status, and says why in JSON.
fn is_error(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(body(answer)["error"].as_str().is_some_and(|why| !why.is_empty()));
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn a_body_without_its_fields_is_400() {
    let (_server, mut client) = served();
    let key = client.key();
    let good = op("a", 1, &json!(1));
    let bad: Vec<(&str, Value)> = vec![
        ("/sync/push", json!({})),
        ("/sync/push", json!([])),
        ("/sync/push", json!({"datasetGenerationKey": key, "ops": [good]})),
        ("/sync/push", json!({"clientId": "a", "ops": [good]})),
        ("/sync/push", json!({"clientId": "a", "datasetGenerationKey": key})),
        ("/sync/push", json!({"clientId": "", "datasetGenerationKey": key, "ops": []})),
        ("/sync/push", json!({"clientId": "a", "datasetGenerationKey": key, "ops": {}})),
        ("/sync/push", json!({"clientId": "a", "datasetGenerationKey": key, "ops": [good, 1]})),
        ("/sync/reset", json!({"clientId": "a", "datasetGenerationKey": "new"})),
        ("/sync/reset", json!({"clientId": "a", "snapshot": ""})),
        ("/sync/reset", json!({"datasetGenerationKey": "new", "snapshot": ""})),
        ("/sync/reset", json!({"clientId": "a", "datasetGenerationKey": "", "snapshot": ""})),
    ];
    for (target, body) in bad {
        is_error(&client.post(target, &body), 400);
    }
    for text in ["", "{", "null", "{}x", "\u{1}"] {
        is_error(&client.ask("POST", "/sync/push", &[JSON], text.as_bytes()), 400);
    }
    is_error(&client.ask("POST", "/sync/push", &[JSON], b"{\"clientId\":\"\xff\"}"), 400);
    assert_eq!(ok(&client.pull(&key, 0, ""))["serverSeq"], 0, "nothing was stored");
}

#[test]
fn a_wrong_operation_refuses_its_whole_batch() {
    let (_server, mut client) = served();
    let key = client.key();
    let good = |clock| op("a", clock, &json!(clock));
    for (field, value) in [
        ("clock", json!(0)),
        ("clock", json!("1")),
        ("clock", json!(1.5)),
        ("clock", json!(null)),
        ("actor", json!("")),
        ("scope", json!("")),
        ("scope", json!("s".repeat(65))),
        ("resourceId", json!(7)),
    ] {
        let mut wrong = good(2);
        wrong[field] = value;
        is_error(&client.push(&key, &[good(1), wrong, good(3)]), 400);
    }
    let mut lacking = good(2);
    lacking.as_object_mut().unwrap().remove("payload");
    is_error(&client.push(&key, &[good(1), lacking]), 400);
    assert_eq!(ok(&client.pull(&key, 0, ""))["serverSeq"], 0, "nothing was stored");
}

#[test]
fn a_query_without_its_parameters_is_400() {
    let (_server, mut client) = served();
    let key = client.key();
    for query in [
        String::new(),
        format!("?datasetGenerationKey={key}"),
        "?clientId=a".into(),
        format!("?clientId=&datasetGenerationKey={key}"),
        format!("?clientId=a&datasetGenerationKey={key}&since=-1"),
        format!("?clientId=a&datasetGenerationKey={key}&since=abc"),
        format!("?clientId=a&datasetGenerationKey={key}&since=NaN"),
        format!("?clientId=a&datasetGenerationKey={key}&since=1.5"),
        format!("?clientId=%ff&datasetGenerationKey={key}"),
    ] {
        is_error(&client.get(&format!("/sync/pull{query}")), 400);
    }
    let _ = ok(&client.get(&format!("/sync/pull?clientId=a%20b&datasetGenerationKey={key}")));
    let stale = client.get("/sync/pull?clientId=a&datasetGenerationKey=");
    assert_eq!(stale.status, 409, "a key that is there and empty is no mistake");
}

#[test]
fn each_path_has_its_method() {
    let (_server, mut client) = served();
    for (target, right) in [
        ("/sync/bootstrap", "GET"),
        ("/sync/pull", "GET"),
        ("/sync/push", "POST"),
        ("/sync/reset", "POST"),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"].iter().filter(|m| **m != right) {
            let answer = client.ask(method, target, &[], &[]);
            is_error(&answer, 405);
            assert!(answer.header("allow").is_some_and(|allow| allow.contains(right)));
        }
        let answer = client.ask("OPTIONS", target, &[], &[]);
        assert_eq!(answer.status, 204);
        assert!(answer.header("allow").is_some_and(|allow| allow.contains(right)));
    }
    for nowhere in ["/sync/", "/sync/nothing", "/sync/push/", "/sync/checkpoint", "/sync/events"] {
        is_error(&client.get(nowhere), 404);
    }
}

#[test]
fn a_head_is_a_get_without_a_body() {
    let (server, mut client) = served();
    client.raw().send(b"HEAD /sync/bootstrap HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let deadline = std::time::Instant::now() + syncline_tests::PATIENCE;
    while client.raw().fill(deadline) == syncline_tests::http::Wait::Bytes {}
    let head = String::from_utf8_lossy(client.raw().buffered()).into_owned();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    let answer = Client::new(server.address(), "b").get("/sync/bootstrap");
    let length = format!("content-length: {}\r\n", answer.body.len());
    assert!(head.to_ascii_lowercase().contains(&length), "{head}");
}

#[test]
fn a_body_that_is_no_json_by_its_type_is_415() {
    let (_server, mut client) = served();
    let push = json!({"clientId": "a", "datasetGenerationKey": "", "ops": []}).to_string();
    for (kind, status) in [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonx", 415),
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/vnd.sync+json", 200),
    ] {
        let answer = client.ask("POST", "/sync/push", &[("Content-Type", kind)], push.as_bytes());
        assert_eq!(answer.status, status, "{kind}");
    }
    assert_eq!(client.ask("POST", "/sync/push", &[], push.as_bytes()).status, 200);
}

#[test]
fn a_body_over_the_limit_is_413_before_it_is_read() {
    let server = TestServer::start(|c| c.oplog.body_bytes_max = 4 << 10);
    let mut raw = Raw::connect(server.address());
    let head = "POST /sync/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    raw.send(format!("{head}Content-Length: 1073741824\r\n\r\n").as_bytes());
    is_error(&raw.answer().expect("an answer"), 413);
    assert!(raw.ends());
    // Its length is not said, and it is sent to its end: the answer arrives all the same.
    let mut raw = Raw::connect(server.address());
    raw.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes());
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 4096], b"\r\n"].concat();
    for _ in 0..64 {
        raw.send(&chunk);
    }
    raw.send(b"0\r\n\r\n");
    is_error(&raw.answer().expect("an answer"), 413);
    // The connection of one that fits goes on.
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    let _ = ok(&client.push(&key, &[op("a", 1, &json!("x".repeat(3 << 10)))]));
    is_error(&client.push(&key, &[op("a", 2, &json!("x".repeat(5 << 10)))]), 413);
}

#[test]
fn a_body_that_does_not_come_is_408() {
    let server = TestServer::start(|c| c.limits.handshake_timeout = Duration::from_millis(200));
    let mut raw = Raw::connect(server.address());
    let head = "POST /sync/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    raw.send(format!("{head}Content-Length: 100\r\n\r\n{{").as_bytes());
    is_error(&raw.answer().expect("an answer"), 408);
    assert!(raw.ends());
}

#[test]
fn a_body_of_which_much_has_come_may_not_pause_longer() {
    // Its rate on the whole would be good for minutes.
    let server = TestServer::start(|c| c.limits.handshake_timeout = Duration::from_secs(2));
    let mut raw = Raw::connect(server.address());
    let head = "POST /sync/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    raw.send(format!("{head}Content-Length: 9000000\r\n\r\n").as_bytes());
    raw.send(&vec![b' '; 8 << 20]);
    is_error(&raw.answer().expect("an answer"), 408);
    assert!(raw.ends());
}

#[test]
fn bodies_over_their_common_budget_are_503_until_others_are_answered() {
    let server = TestServer::start(|c| c.oplog.bodies_bytes_max = 1 << 20);
    let head = "POST /sync/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let mut slow = Raw::connect(server.address());
    slow.send(format!("{head}Content-Length: 1048000\r\n\r\n").as_bytes());
    slow.send(&vec![b' '; 1_047_000]);
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    // What can never fit is not to be sent again later.
    let never = op("a", 1, &json!("x".repeat(1 << 20)));
    is_error(&Client::new(server.address(), "a").push(&key, &[never]), 413);
    let large = op("a", 1, &json!("x".repeat(8 << 10)));
    let refused = syncline_tests::until("the budget is used up", || {
        let mut client = Client::new(server.address(), "a");
        let answer = client.push(&key, std::slice::from_ref(&large));
        (answer.status != 200).then_some(answer)
    });
    is_error(&refused, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(slow);
    syncline_tests::until("there is room again", || {
        let mut client = Client::new(server.address(), "a");
        (client.push(&key, std::slice::from_ref(&large)).status == 200).then_some(())
    });
}

#[test]
fn a_dataset_that_is_full_takes_no_batch_in_part() {
    let server = TestServer::start(|c| c.oplog.dataset_ops_max = 3);
    let mut client = Client::new(server.address(), "a");
    let key = client.key();
    let ops: Vec<Value> = (1..=4).map(|clock| op("a", clock, &json!(clock))).collect();
    is_error(&client.push(&key, &ops), 507);
    assert_eq!(ok(&client.push(&key, &ops[..3]))["serverSeq"], 3);
    is_error(&client.push(&key, &ops[3..]), 507);
    // What it has already is no more than it has, and a reset makes room.
    assert_eq!(ok(&client.push(&key, &ops[1..3]))["serverSeq"], 3);
    let _ = ok(&client.reset("another-key", ""));
    assert_eq!(ok(&client.push("another-key", &ops[..3]))["serverSeq"], 3);
}
