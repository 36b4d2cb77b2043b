//! How connections end, and who is not let in any more.

use std::time::Instant;

use serde_json::{Value, json};
use socket2::SockRef;
use syncline_engine::storage::sim::{Call, Fault, SimDisk};
use syncline_tests::{
    http::{Answer, Raw, get},
    server::TestServer,
    until,
    workspace::{Peer, SECRET, dial, op, server, token},
    ws::Event,
};

fn on(disk: &SimDisk) -> TestServer {
    TestServer::start_on(disk, |c| c.auth.secret = Some(SECRET.into()))
}

fn put(server: &TestServer, key: &str, value: &str) -> Answer {
    let target = format!("/v1/workspaces/w/keys/{key}?token={}", token(&json!({})));
    Raw::connect(server.address()).ask("PUT", &target, &[], value.as_bytes())
}

#[test]
fn a_stop_is_1001_and_what_was_said_before_is_kept() {
    let first = server(|_| ());
    let mut peers = ["a", "b"].map(|user| Peer::join(&first, "w", user));
    for n in 0..200 {
        peers[0].set("k", &n.to_string(), n);
    }
    assert_eq!(peers[1].text(), op("k", "0", 0));
    let dir = first.stop();
    let mut last = 0;
    for (at, peer) in peers.iter_mut().enumerate() {
        let socket = peer.socket();
        loop {
            let frame = socket.frame();
            if frame.close_code().is_some() {
                assert_eq!(frame.close_code(), Some(1001), "peer {at}");
                break;
            }
            if let Ok(message) = serde_json::from_slice::<Value>(&frame.payload) {
                last = message["payload"]["value"].as_i64().expect("a number");
            }
        }
    }
    let again = TestServer::start_in(dir, |c| c.auth.secret = Some(SECRET.into()));
    let kept = Peer::join(&again, "w", "c").data()["k"].as_i64().expect("a number");
    assert!(kept >= last, "{last} was shown, {kept} is there");
}

#[test]
fn who_misses_too_many_keys_is_cut_and_finds_them_when_back() {
    let server = server(|c| c.limits.queue_bytes_max = 64 << 10);
    let mut writer = Peer::join(&server, "w", "a");
    let mut deaf = Peer::join(&server, "w", "b");
    SockRef::from(deaf.socket().raw().stream()).set_recv_buffer_size(64 << 10).expect("a size");
    let value = format!("\"{}\"", "v".repeat(4_000));
    for n in 0..2_500 {
        writer.set(&format!("{n:04}{}", "k".repeat(2_000)), &value, 1);
    }
    writer.quiet();
    // The close frame lies behind all that was queued: it may not get through in time.
    while let Event::Frame(frame) = deaf.socket().event(syncline_tests::PATIENCE) {
        assert!([None, Some(1013)].contains(&frame.close_code()), "{frame:?}");
    }
    // Who comes back has all of it.
    let back = Peer::join(&server, "w", "b");
    assert_eq!(back.data().as_object().expect("an object").len(), 2_500);
}

#[test]
fn a_store_that_has_failed_closes_with_1011_and_lets_nobody_in() {
    let disk = SimDisk::new(1);
    let server = on(&disk);
    let mut peers = ["a", "b"].map(|user| Peer::join(&server, "w", user));
    peers[0].set("k", "1", 1);
    assert_eq!(peers[1].text(), op("k", "1", 1));
    disk.fail(Fault { call: Call::Sync, after: 0, times: 1, errno: Fault::EIO });
    peers[0].set("k", "2", 2);
    for peer in &mut peers {
        let (mut shown, deadline) = (Vec::new(), Instant::now() + syncline_tests::PATIENCE);
        let code = loop {
            assert!(Instant::now() < deadline);
            let frame = peer.socket().frame();
            match frame.close_code() {
                Some(code) => break code,
                None => shown.push(frame),
            }
        };
        assert_eq!(code, 1011);
        assert!(shown.iter().all(|frame| frame.opcode() != 1), "not durable, not shown: {shown:?}");
    }
    let (_, answer) = dial(server.address(), "w", &token(&json!({})), "");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (500, Some("*")));
    assert!([500, 503].contains(&put(&server, "k", "3").status));
    until("the server says that it is not ready", || {
        (get(server.address(), "/readyz").status == 503).then_some(())
    });
    assert_eq!(get(server.address(), "/livez").status, 200);
    drop(server);
    let again = on(&disk.after_power_cut(7));
    let kept = Peer::join(&again, "w", "c").data()["k"].as_i64();
    assert!(kept >= Some(1), "{kept:?}");
}

#[test]
fn a_full_disk_stores_nothing_tells_so_and_goes_on_when_there_is_space() {
    let disk = SimDisk::new(2);
    let server = on(&disk);
    let mut reader = Peer::join(&server, "w", "b");
    assert_eq!(put(&server, "k", "1").status, 200);
    assert_eq!(reader.text().matches("\"value\":1,").count(), 1);
    disk.limit_space(Some(0), syncline_engine::storage::sim::Charge::Length);
    let large = format!("\"{}\"", "v".repeat(100_000));
    let refused = until("the disk is full", || {
        let answer = put(&server, "large", &large);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(refused.status, 507, "{}", refused.text());
    let state = format!("/v1/workspaces/w/keys/k?token={}", token(&json!({})));
    assert_eq!(get(server.address(), &state).status, 200, "who reads is served");
    disk.limit_space(None, syncline_engine::storage::sim::Charge::Length);
    until("there is space again", || (put(&server, "k", "2").status == 200).then_some(()));
    drop(reader);
    assert_eq!(Peer::join(&server, "w", "c").data()["k"], 2);
}
