//! Who gets a change, and who does not.

use std::time::Duration;

use syncline::Config;
use syncline_tests::{
    relay::{Hello, Message, PATH, Peer, json::submit},
    ws::{Event, FIN, TEXT},
};

use crate::{server, settled, store};

#[test]
fn check_01_a_change_reaches_the_other_client_with_exactly_four_fields() {
    let server = server();
    let mut a = Peer::json(server.address(), &Hello::new("client-a", "K"));
    let mut b = Peer::json(server.address(), &Hello::new("client-b", "K"));
    settled(&mut b);
    a.submit(b"{\"n\":1}");
    let frame = b.socket().frame();
    assert_eq!(frame.first, FIN | TEXT);
    let value: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
    let expected = serde_json::json!({ "ChangeOccurred": {
        "sequence_id": 1, "discovery_key": "K", "source_client_id": "client-a",
        "payload": b"{\"n\":1}",
    }});
    assert_eq!(value, expected);
}

#[test]
fn check_02_the_sender_gets_nothing() {
    let server = server();
    let mut a = Peer::json(server.address(), &Hello::new("a", "K"));
    let mut b = Peer::json(server.address(), &Hello::new("b", "K"));
    settled(&mut b);
    a.submit(b"x");
    assert_eq!(b.change(), (1, b"x".to_vec()));
    a.hears_nothing();
}

#[test]
fn check_03_another_key_gets_nothing_live_or_later() {
    let server = server();
    let mut a = Peer::json(server.address(), &Hello::new("a", "K1"));
    let mut b = Peer::json(server.address(), &Hello::new("b", "K2"));
    let mut c = Peer::json(server.address(), &Hello::new("c", "K1"));
    settled(&mut b);
    settled(&mut c);
    a.submit(b"for K1");
    assert_eq!(c.change(), (1, b"for K1".to_vec()));
    b.hears_nothing();
    Peer::json(server.address(), &Hello::new("b", "K2")).hears_nothing();
}

#[test]
fn check_07_a_submission_for_another_key_is_dropped_and_the_connection_lives() {
    let server = server();
    let mut a = Peer::json(server.address(), &Hello::new("a", "K1"));
    let mut b = Peer::json(server.address(), &Hello::new("b", "K1"));
    let mut other = Peer::json(server.address(), &Hello::new("o", "K2"));
    settled(&mut b);
    settled(&mut other);
    a.socket().send_text(&submit("K2", b"astray"));
    a.submit(b"valid");
    assert_eq!(b.change(), (1, b"valid".to_vec()));
    b.hears_nothing();
    other.hears_nothing();
    Peer::json(server.address(), &Hello::new("late", "K2")).hears_nothing();
}

#[test]
fn check_16_two_connections_with_one_client_id_see_each_other() {
    let server = server();
    let mut one = Peer::json(server.address(), &Hello::new("same", "K"));
    let mut two = Peer::json(server.address(), &Hello::new("same", "K"));
    settled(&mut two);
    one.submit(b"x");
    let expected = Message::Change { seq: 1, source: "same".into(), payload: b"x".to_vec() };
    assert_eq!(two.message(), expected);
    one.hears_nothing();
}

#[test]
fn check_20_a_quiet_connection_hears_nothing_and_no_early_ping() {
    let server = server();
    let mut quiet = Peer::json(server.address(), &Hello::new("q", "K"));
    assert_eq!(quiet.socket().event(Duration::from_millis(2_500)), Event::Nothing);
    // The original clients choke on a ping in their first 20 seconds.
    assert!(Config::default().limits.ping_interval >= Duration::from_secs(20));
}

#[test]
fn check_21_every_key_counts_from_one() {
    let server = server();
    store(&server, "a", "K1", &[b"1", b"2", b"3"]);
    store(&server, "a", "K2", &[b"1"]);
    for (key, count) in [("K1", 3), ("K2", 1)] {
        let seqs: Vec<u64> = Peer::json(server.address(), &Hello::new("b", key))
            .changes(count)
            .iter()
            .map(|(seq, _)| *seq)
            .collect();
        assert_eq!(seqs, (1..=count as u64).collect::<Vec<_>>());
    }
}

#[test]
fn the_path_may_have_a_query() {
    let server = server();
    let (_, answer) = syncline_tests::ws::Socket::try_open(
        server.address(),
        &format!("{PATH}?anything=1"),
        &[("Origin", "https://app.example")],
    );
    assert_eq!(answer.status, 101);
}
