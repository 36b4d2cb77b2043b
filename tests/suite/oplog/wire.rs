//! The four calls as the specification has them.

use serde_json::json;
use syncline_tests::{
    oplog::{Client, JSON, body, ok, op},
    server::TestServer,
};

use super::served;

#[test]
fn a_fresh_dataset_has_a_key_and_nothing_else_also_after_a_restart() {
    let (server, mut client) = served();
    let answer = client.get("/sync/bootstrap");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let first = ok(&answer);
    let key = first["datasetGenerationKey"].as_str().unwrap().to_owned();
    assert!(!key.is_empty());
    let empty = json!({
        "datasetGenerationKey": key, "snapshot": "", "serverSeq": 0, "ops": [],
    });
    assert_eq!(first, empty);
    assert_eq!(client.bootstrap(), empty);
    let server = TestServer::start_in(server.stop(), |_| ());
    assert_eq!(Client::new(server.address(), "b").bootstrap(), empty);
}

#[test]
fn what_one_pushes_another_pulls() {
    let (server, mut a) = served();
    let mut b = Client::new(server.address(), "client-b");
    let key = a.key();
    let payloads = [json!({"type": "insert", "n": 1}), json!(null)];
    let ops = [op("actor-a", 1, &payloads[0]), op("actor-a", 2, &payloads[1])];
    let pushed = ok(&a.push(&key, &ops));
    assert_eq!(pushed, json!({"serverSeq": 2, "datasetGenerationKey": key}));
    let pulled = ok(&b.pull(&key, 0, ""));
    assert_eq!(pulled["serverSeq"], 2);
    assert_eq!(pulled["datasetGenerationKey"], json!(key));
    for (at, found) in pulled["ops"].as_array().unwrap().iter().enumerate() {
        let mut expected = ops[at].clone();
        expected["serverSeq"] = json!(at + 1);
        assert_eq!(*found, expected);
    }
    assert_eq!(ok(&b.pull(&key, 1, ""))["ops"].as_array().unwrap().len(), 1);
    assert_eq!(ok(&b.pull(&key, 2, ""))["ops"], json!([]));
    assert_eq!(a.bootstrap()["ops"], pulled["ops"]);
}

#[test]
fn the_text_of_a_payload_is_kept() {
    let (_server, mut client) = served();
    let key = client.key();
    let payload = r#"{"big":12345678901234567890,"one":1.0,"text":"\u0000 ü 😀","a":[ ]}"#;
    let push = format!(
        r#"{{"clientId":"c","datasetGenerationKey":"{key}","ops":[{{"scope":"list",
        "resourceId":"l","actor":"a","clock":1,"payload":{payload}}}]}}"#
    );
    let answer = client.ask("POST", "/sync/push", &[JSON], push.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let pulled = client.pull(&key, 0, "").text();
    assert!(pulled.contains(payload), "{pulled}");
}

#[test]
fn a_reset_begins_anew_and_the_old_key_is_stale() {
    let (_server, mut client) = served();
    let old = client.key();
    let _ = ok(&client.push(&old, &[op("a", 1, &json!(1))]));
    let snapshot = "no JSON: \0 \u{1f600} \"quoted\"";
    let reset = ok(&client.reset("a-new-key", snapshot));
    assert_eq!(reset, json!({"serverSeq": 0, "datasetGenerationKey": "a-new-key"}));
    let now = json!({
        "datasetGenerationKey": "a-new-key", "snapshot": snapshot, "serverSeq": 0, "ops": [],
    });
    assert_eq!(client.bootstrap(), now);
    let stale = json!({"datasetGenerationKey": "a-new-key", "snapshot": snapshot});
    for answer in [client.pull(&old, 0, ""), client.push(&old, &[op("a", 2, &json!(2))])] {
        assert_eq!((answer.status, body(&answer)), (409, stale.clone()));
    }
    for taken in [&old, "a-new-key"] {
        let answer = client.reset(taken, "another");
        let error = json!({"error": "datasetGenerationKey already exists"});
        assert_eq!((answer.status, body(&answer)), (409, error));
    }
    assert_eq!(client.bootstrap(), now);
}

#[test]
fn an_operation_is_stored_once_whoever_sends_it_and_how_often() {
    let (server, mut a) = served();
    let key = a.key();
    let first = op("actor-a", 1, &json!("first"));
    let again = op("actor-a", 1, &json!("again"));
    assert_eq!(ok(&a.push(&key, &[first.clone(), again.clone()]))["serverSeq"], 1);
    let mut b = Client::new(server.address(), "client-b");
    assert_eq!(ok(&b.push(&key, std::slice::from_ref(&again)))["serverSeq"], 1);
    let server = TestServer::start_in(server.stop(), |_| ());
    let mut c = Client::new(server.address(), "client-c");
    assert_eq!(ok(&c.push(&key, &[again]))["serverSeq"], 1);
    let found = ok(&c.pull(&key, 0, ""));
    assert_eq!(found["ops"][0]["payload"], "first");
    assert_eq!(found["ops"].as_array().unwrap().len(), 1);
}

#[test]
fn requests_may_follow_one_another_without_waiting() {
    let (_server, mut client) = served();
    let key = client.key();
    let push = |clock: u64| {
        let ops = [op("a", clock, &json!(clock))];
        let push = json!({"clientId": "a", "datasetGenerationKey": key, "ops": ops}).to_string();
        syncline_tests::http::request("POST", "/sync/push", &[JSON], push.as_bytes())
    };
    let requests: Vec<u8> = (1..=50).flat_map(push).collect();
    client.raw().send(&requests);
    for clock in 1..=50 {
        let answer = client.raw().answer().expect("an answer");
        assert_eq!(ok(&answer)["serverSeq"], json!(clock));
    }
}
