//! Setting keys: who hears of it, what is kept, what comes back.

use serde_json::json;
use syncline_tests::{
    server::TestServer,
    workspace::{Peer, SECRET, dial, op, server, token},
    ws::Socket,
};

#[test]
fn the_others_hear_of_it_once_and_late_ones_find_it() {
    let server = server(|_| ());
    let [mut a, mut b, mut c] = ["a", "b", "c"].map(|user| Peer::join(&server, "w", user));
    let mut elsewhere = Peer::join(&server, "v", "d");
    let value = r#"{"n":12345678901234567890, "z":[null,"é\u0000"]}"#;
    a.set("k", value, 1_702_483_200_000_000);
    let said = op("k", value, 1_702_483_200_000_000);
    assert_eq!([b.text(), c.text()], [said.clone(), said]);
    for peer in [&mut a, &mut b, &mut c, &mut elsewhere] {
        peer.quiet();
    }
    let mut late = dial(server.address(), "w", &token(&json!({})), "").0;
    let init = loop {
        let frame = late.frame();
        if frame.first == 0x81 {
            break String::from_utf8(frame.payload).unwrap();
        }
    };
    assert_eq!(init, format!(r#"{{"type":"init","data":{{"k":{value}}}}}"#));
}

#[test]
fn a_loser_reaches_nobody_and_its_maker_is_told() {
    let server = server(|_| ());
    let (mut a, mut b) = (Peer::join(&server, "w", "a"), Peer::join(&server, "w", "b"));
    a.set("k", "\"first\"", 2_000_000);
    assert_eq!(b.text(), op("k", "\"first\"", 2_000_000));
    b.set("k", "\"stale\"", 1_000_000);
    assert_eq!(b.text(), op("k", "\"first\"", 2_000_000));
    a.quiet();
    b.set("k", "\"equal\"", 2_000_000);
    assert_eq!(a.text(), op("k", "\"equal\"", 2_000_000));
}

#[test]
fn two_that_cross_end_alike() {
    let server = server(|_| ());
    let mut peers = ["a", "b"].map(|user| Peer::join(&server, "w", user));
    let mut copies = [json!(null), json!(null)];
    for round in 0..50 {
        for (n, peer) in peers.iter_mut().enumerate() {
            let value = json!(format!("{n} {round}"));
            peer.set("k", &value.to_string(), 1_000);
            copies[n] = value;
        }
    }
    // What was said has its effect, and then what came of the other's has arrived.
    for _ in 0..2 {
        for (n, peer) in peers.iter_mut().enumerate() {
            if let Some(last) = peer.drain().last() {
                copies[n] = last["payload"]["value"].clone();
            }
        }
    }
    let room = Peer::join(&server, "w", "late").data()["k"].clone();
    assert_eq!(copies, [room.clone(), room]);
}

#[test]
fn what_was_queued_before_the_opening_comes_back() {
    let server = server(|_| ());
    let long_ago =
        std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64 - 60_000_000;
    let mut socket = dial(server.address(), "w", &token(&json!({})), "").0;
    socket.send_text(&op("k", "1", long_ago));
    let mut peer = Peer::over(socket, &server, "w");
    assert_eq!(peer.text(), op("k", "1", long_ago));
    peer.quiet();
}

#[test]
fn what_is_no_operation_hurts_nobody() {
    let server = server(|_| ());
    let (mut a, mut b) = (Peer::join(&server, "w", "a"), Peer::join(&server, "w", "b"));
    for text in ["{oops", "[]", "null", "42", r#"{"type":"x"}"#, r#"{"type":"ping","timestamp":1}"#]
    {
        a.say(text);
    }
    a.socket().send(0x82, b"binary");
    a.quiet();
    for _ in 0..3 {
        a.say(r#"{"type":"op","payload":{"key":"","value":1,"timestamp":1}}"#);
    }
    let error = a.message();
    assert_eq!(error["type"], "error");
    assert!(error["payload"].as_str().unwrap().starts_with("invalid_op: the key"), "{error}");
    a.set("k", "1", 1);
    assert_eq!(b.text(), op("k", "1", 1));
}

#[test]
fn scopes_count_when_they_are_asked_for() {
    for (scopes, stored) in [(false, true), (true, false)] {
        let server = server(|c| c.workspace.scopes = scopes);
        let reader = dial(server.address(), "w", &token(&json!({ "scope": "read" })), "").0;
        let mut reader = Peer::over(reader, &server, "w");
        reader.set("k", "1", 1);
        let said = reader.drain();
        assert_eq!(said.is_empty(), stored, "{said:?}");
        if let Some(error) = said.first() {
            assert!(error["payload"].as_str().unwrap().starts_with("permission_denied"));
        }
        let writer = dial(server.address(), "w", &token(&json!({ "scope": "read write" })), "").0;
        let mut writer = Peer::over(writer, &server, "w");
        assert_eq!(writer.data().get("k").is_some(), stored);
        writer.set("l", "1", 1);
        assert_eq!(reader.text(), op("l", "1", 1));
    }
}

#[test]
fn keys_and_stamps_are_there_after_a_restart() {
    let first = server(|_| ());
    let (mut a, mut b) = (Peer::join(&first, "w", "a"), Peer::join(&first, "w", "b"));
    a.set("k", "{\"x\":1}", 50);
    b.text();
    drop((a, b));
    let again = TestServer::start_in(first.stop(), |c| c.auth.secret = Some(SECRET.into()));
    let mut a = Peer::join(&again, "w", "a");
    assert_eq!(*a.data(), json!({ "k": { "x": 1 } }));
    a.set("k", "2", 49);
    assert_eq!(a.text(), op("k", "{\"x\":1}", 50));
    // It has the correction, so it needs nothing back.
    a.quiet();
    a.set("k", "3", 50);
    a.quiet();
    assert_eq!(*Peer::join(&again, "w", "b").data(), json!({ "k": 3 }));
}

#[test]
fn a_message_that_is_too_large_closes() {
    let server = server(|c| c.workspace.message_bytes_max = 4096);
    let mut a = Peer::join(&server, "w", "a");
    a.set("k", &format!("\"{}\"", "x".repeat(5000)), 1);
    assert_eq!(a.socket().closed().close_code(), Some(1009));
}

#[test]
fn a_connection_may_end_with_its_token() {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let server = server(|c| {
        c.auth.close_expired = true;
        c.auth.leeway = std::time::Duration::ZERO;
    });
    let dying = token(&json!({ "exp": now + 2 }));
    let (mut socket, answer) = dial(server.address(), "w", &dying, "");
    assert_eq!(answer.status, 101);
    assert_eq!(socket.closed().close_code(), Some(4001));
    let (_, answer): (Socket, _) = dial(server.address(), "w", &dying, "");
    assert_eq!(answer.status, 401);
}
