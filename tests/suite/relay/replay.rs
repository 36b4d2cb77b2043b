//! What a joining client gets of the past, and how it goes over into the present.

use syncline_tests::{
    relay::{Hello, Message, Peer},
    server::TestServer,
};

use crate::{server, settled, store};

fn numbered(count: usize) -> Vec<Vec<u8>> {
    (1..=count).map(|n| format!("change {n}").into_bytes()).collect()
}

fn store_numbered(server: &TestServer, key: &str, count: usize) {
    let payloads = numbered(count);
    let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    store(server, "writer", key, &payloads);
}

#[test]
fn check_04_history_comes_in_the_order_of_submission() {
    let server = server();
    store_numbered(&server, "K", 20);
    let mut late = Peer::json(server.address(), &Hello::new("late", "K"));
    let expected: Vec<(u64, Vec<u8>)> = (1..).zip(numbered(20)).collect();
    assert_eq!(late.changes(20), expected);
    late.hears_nothing();
}

#[test]
fn check_05_history_begins_after_the_last_sequence() {
    let server = server();
    store_numbered(&server, "K", 20);
    let mut half = Peer::json(server.address(), &Hello::new("h", "K").after(5));
    let seqs: Vec<u64> = half.changes(15).iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (6..=20).collect::<Vec<_>>());
    half.hears_nothing();
    Peer::json(server.address(), &Hello::new("f", "K").after(20)).hears_nothing();
}

#[test]
fn check_06_a_client_gets_its_own_changes_back_when_it_returns() {
    let server = server();
    store(&server, "client-a", "K", &[b"mine"]);
    let mut again = Peer::json(server.address(), &Hello::new("client-a", "K"));
    let expected = Message::Change { seq: 1, source: "client-a".into(), payload: b"mine".to_vec() };
    assert_eq!(again.message(), expected);
    again.hears_nothing();
}

#[test]
fn check_17_a_negative_last_sequence_is_zero_and_one_beyond_the_end_is_the_end() {
    let server = server();
    store_numbered(&server, "K", 3);
    let mut all = Peer::json(server.address(), &Hello::new("all", "K").after(-5));
    assert_eq!(all.changes(3).len(), 3);
    let mut ahead =
        Peer::json(server.address(), &Hello::new("ahead", "K").after(1_000_000_000_000_000));
    ahead.hears_nothing();
    store(&server, "writer", "K", &[b"live"]);
    assert_eq!(all.change(), (4, b"live".to_vec()));
    assert_eq!(ahead.change(), (4, b"live".to_vec()));
}

#[test]
fn history_and_numbers_survive_a_restart() {
    let server = server();
    store_numbered(&server, "K", 20);
    let dir = server.stop();
    let server = TestServer::start_in(dir, |_| ());
    store(&server, "writer", "K", &[b"after"]);
    let mut late = Peer::json(server.address(), &Hello::new("late", "K").after(19));
    assert_eq!(late.changes(2), [(20, b"change 20".to_vec()), (21, b"after".to_vec())]);
}

#[test]
fn a_live_client_gets_each_change_once_after_its_history() {
    let server = server();
    store_numbered(&server, "K", 50);
    let mut late = Peer::json(server.address(), &Hello::new("late", "K"));
    settled_history(&mut late, 50);
    store(&server, "writer", "K", &[b"live"]);
    assert_eq!(late.change(), (51, b"live".to_vec()));
    late.hears_nothing();
}

fn settled_history(peer: &mut Peer, count: usize) {
    assert_eq!(peer.changes(count).len(), count);
    settled(peer);
}
