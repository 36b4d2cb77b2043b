//! What the server does to a connection that keeps it waiting.

use std::time::Duration;

use syncline_tests::{
    http::get,
    relay::{Framing, Hello, Peer},
    server::TestServer,
    until,
    ws::{FIN, PING, PONG},
};

use crate::store;

#[test]
fn no_hello_in_time_is_closed_with_1008() {
    let server = TestServer::start(|c| c.limits.join_timeout = Duration::from_millis(200));
    for framing in [Framing::Json, Framing::Binary] {
        let mut peer = Peer::connect(server.address(), framing, "K");
        assert_eq!(peer.socket().closed().close_code(), Some(1008));
    }
}

#[test]
fn a_silent_connection_is_pinged_and_then_closed() {
    let server = TestServer::start(|c| c.limits.ping_interval = Duration::from_millis(100));
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K"));
    let (mut pings, mut closed) = (0, false);
    while !closed {
        let frame = peer.socket().frame();
        pings += u32::from(frame.opcode() == PING);
        closed = frame.close_code().is_some();
    }
    assert!(pings >= 1, "pinged before it was given up");
    assert!(peer.socket().raw().ends());
}

#[test]
fn a_connection_that_answers_pings_stays() {
    let server = TestServer::start(|c| c.limits.ping_interval = Duration::from_millis(100));
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K"));
    for _ in 0..8 {
        let frame = peer.socket().frame();
        assert_eq!(frame.opcode(), PING);
        peer.socket().send(FIN | PONG, &frame.payload);
    }
    store(&server, "writer", "K", &[b"x"]);
    while peer.socket().frame().opcode() == PING {
        peer.socket().send(FIN | PONG, b"");
    }
}

/// The metric of connections cut because they took no bytes, when it has counted one.
const STALLED: &str = "syncline_stalled_total{dialect=\"relay\"} 1";

#[test]
fn a_connection_that_reads_nothing_is_cut_and_the_rest_is_served() {
    let server = TestServer::start(|c| {
        c.limits.write_timeout = Duration::from_millis(300);
        c.limits.queue_bytes_max = 64 << 10;
    });
    let mut deaf = Peer::binary(server.address(), &Hello::new("deaf", "K"));
    let mut writer = Peer::binary(server.address(), &Hello::new("w", "K").with_ack());
    writer.message();
    let payload = vec![7; 256 << 10];
    for _ in 0..64 {
        writer.submit(&payload);
        writer.message();
    }
    until("the server gives it up", || {
        get(server.address(), "/metrics").text().contains(STALLED).then_some(())
    });
    // It may still read what lies in the sockets' buffers; then comes the end, not the rest.
    let mut got = 0;
    while deaf.try_message().is_some() {
        got += 1;
    }
    assert!(got < 64, "nothing was held back");
    writer.submit(b"alive");
    writer.message();
}
