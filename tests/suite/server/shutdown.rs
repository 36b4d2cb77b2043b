//! The orderly end: everything accepted is durable, everyone is told, the exit code is 0.

use std::net::TcpStream;

use rustix::process::Signal;
use syncline_tests::{
    PATIENCE,
    http::Raw,
    process::Serving,
    relay::{Framing, Hello, PATH, Peer},
    server::TestServer,
    until,
    ws::Socket,
};
use tempfile::TempDir;

use crate::load::{history, keeps, under_load};

#[test]
fn sigterm_under_load_tells_everyone_and_loses_nothing() {
    sigterm_under_load(&[]);
}

#[test]
fn sigterm_loses_nothing_that_is_on_its_way_between_shards() {
    let spread = [("SYNCLINE_HTTP_SHARDS", "4"), ("SYNCLINE_LIMITS_FOLLOWERS_MOVED_MAX", "0")];
    sigterm_under_load(&spread);
}

fn sigterm_under_load(settings: &[(&str, &str)]) {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), settings);
    let mut idle = Peer::json(serving.address(), &Hello::new("idle", "other"));
    let mut unjoined = Peer::connect(serving.address(), Framing::Json, "none");
    let (promised, ()) = under_load(serving.address(), 0, 500, || serving.signal(Signal::TERM));
    assert_eq!(idle.socket().closed().close_code(), Some(1001));
    assert_eq!(unjoined.socket().closed().close_code(), Some(1001));
    let (status, log) = serving.ended();
    assert_eq!(status.code(), Some(0), "{log}");

    let serving = Serving::start(dir.path(), &[]);
    for writer in &promised {
        assert_eq!(writer.close_code, Some(1001), "writer {}", writer.writer);
        keeps(&history(serving.address(), &writer.key), writer);
    }
}

#[test]
fn sigint_ends_as_orderly() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let mut peer = Peer::json(serving.address(), &Hello::new("a", "K"));
    peer.hears_nothing();
    serving.signal(Signal::INT);
    assert_eq!(peer.socket().closed().close_code(), Some(1001));
    assert_eq!(serving.ended().0.code(), Some(0));
}

#[test]
fn a_client_that_reads_nothing_does_not_hold_up_the_end() {
    let dir = TempDir::new().unwrap();
    let timeout = [("SYNCLINE_LIMITS_DRAIN_TIMEOUT", "500ms")];
    let serving = Serving::start(dir.path(), &timeout);
    let _deaf = deaf_follower(&serving);
    serving.signal(Signal::TERM);
    assert_eq!(serving.ended().0.code(), Some(0));
}

#[test]
fn readiness_turns_503_while_clients_take_what_waits_for_them() {
    let dir = TempDir::new().unwrap();
    // A shard with nobody to wait for ends at once: here the probe is on the one that waits.
    let settings = [("SYNCLINE_LIMITS_DRAIN_TIMEOUT", "5m"), ("SYNCLINE_HTTP_SHARDS", "1")];
    let serving = Serving::start(dir.path(), &settings);
    let mut probe = Raw::connect(serving.address());
    let deaf = deaf_follower(&serving);
    serving.signal(Signal::TERM);
    let body = until("readiness turns", || {
        probe.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = probe.answer().expect("it still answers");
        (answer.status == 503).then(|| answer.text())
    });
    assert!(body.contains("shutting down"), "{body}");
    probe.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    let health = probe.answer().expect("it still answers");
    let body: serde_json::Value = serde_json::from_slice(&health.body).expect("JSON");
    assert_eq!((health.status, &body["status"]), (503, &serde_json::json!("unavailable")));
    assert!(body["failing"][0].as_str().expect("a check").contains("shutting down"), "{body}");
    until("nobody is let in any more", || {
        TcpStream::connect(serving.address()).is_err().then_some(())
    });
    drop(deaf);
    assert_eq!(serving.ended().0.code(), Some(0));
}

/// A client for which more waits than the kernel takes.
fn deaf_follower(serving: &Serving) -> Peer {
    let deaf = Peer::binary(serving.address(), &Hello::new("deaf", "K"));
    let mut writer = Peer::binary(serving.address(), &Hello::new("w", "K").with_ack());
    writer.message();
    for _ in 0..40 {
        writer.submit(&vec![7; 1 << 20]);
        writer.message();
    }
    deaf
}

#[test]
fn a_server_in_process_ends_when_told_and_when_dropped() {
    let server = TestServer::start(|_| ());
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K"));
    let address = server.address();
    let dir = server.stop();
    assert_eq!(peer.socket().closed().close_code(), Some(1001));
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");

    let server = TestServer::start_in(dir, |_| ());
    let mut socket = Socket::open(server.address(), PATH);
    drop(server);
    assert_eq!(socket.closed().close_code(), Some(1001));
}

#[test]
fn connections_that_ask_nothing_do_not_hold_up_the_end() {
    let server = TestServer::start(|c| {
        c.limits.drain_timeout = 2 * PATIENCE;
        c.limits.handshake_timeout = 2 * PATIENCE;
    });
    let unused: Vec<Raw> = (0..8).map(|_| Raw::connect(server.address())).collect();
    // By then they are accepted, and have a shard.
    let idle: Vec<Raw> = (0..8)
        .map(|_| {
            let mut raw = Raw::connect(server.address());
            assert_eq!(raw.ask("GET", "/livez", &[], &[]).status, 200);
            raw
        })
        .collect();
    let stopping = std::thread::spawn(move || drop(server.stop()));
    until("the server ends", || stopping.is_finished().then_some(()));
    drop((unused, idle));
}
