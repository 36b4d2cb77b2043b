//! Values and timestamps at their limits.

use std::time::SystemTime;

use serde_json::{Value, json};
use syncline_tests::workspace::{Peer, dial, op, server, token};

#[test]
fn every_json_comes_to_the_letter_live_and_at_the_opening() {
    let server = server(|_| ());
    let (mut a, mut b) = (Peer::join(&server, "w", "a"), Peer::join(&server, "w", "b"));
    let large = format!("\"{}\"", "x\u{1f600}".repeat(60_000));
    let values = [
        "null",
        "true",
        "0",
        "-0.0",
        "1e400",
        "12345678901234567890",
        "\"\"",
        "[]",
        "{}",
        "\"\\u0000 \\ud83d\\ude00 \u{1f600}\"",
        "{ \"b\":1, \"a\":[1.10,{}], \"b\":2 }",
        large.as_str(),
    ];
    for (n, value) in values.iter().enumerate() {
        let key = format!("k{n:02}");
        a.set(&key, value, 1);
        assert_eq!(b.text(), op(&key, value, 1));
    }
    a.quiet();
    let (mut late, _) = dial(server.address(), "w", &token(&json!({})), "");
    let init = String::from_utf8(late.frame().payload).expect("text is UTF-8");
    for (n, value) in values.iter().enumerate() {
        assert!(init.contains(&format!("\"k{n:02}\":{value}")), "{value:.40}");
    }
    let whole: usize = values.iter().map(|value| value.len() + "\"k00\":,".len()).sum();
    assert_eq!(init.len(), whole - 1 + r#"{"type":"init","data":{}}"#.len(), "and nothing else");
}

#[test]
fn the_later_of_equal_timestamps_stays() {
    let server = server(|_| ());
    let (mut a, mut b) = (Peer::join(&server, "w", "a"), Peer::join(&server, "w", "b"));
    for value in ["1", "2"] {
        a.set("k", value, 7);
        assert_eq!(b.text(), op("k", value, 7));
    }
    a.quiet();
    assert_eq!(*Peer::join(&server, "w", "c").data(), json!({ "k": 2 }));
}

#[test]
fn a_timestamp_of_the_future_is_taken_as_it_is() {
    let server = server(|_| ());
    let (mut a, mut b) = (Peer::join(&server, "w", "a"), Peer::join(&server, "w", "b"));
    let micros = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_micros() as i64;
    for timestamp in [micros + 600_000_000, i64::MAX] {
        a.set("k", "1", timestamp);
        assert_eq!(b.text(), op("k", "1", timestamp));
    }
    a.set("old", "1", i64::MIN);
    assert_eq!(b.text(), op("old", "1", i64::MIN));
    // A float that is whole is one.
    a.say(r#"{"type":"op","payload":{"key":"f","value":1,"timestamp":1.2e1}}"#);
    let told: Value = serde_json::from_str(&b.text()).expect("JSON");
    assert_eq!(told["payload"]["timestamp"], 12);
}
