//! What the server does to a connection that keeps it waiting.

use std::time::Duration;

use syncline_tests::{
    http::get,
    relay::{Framing, Hello, Peer},
    server::TestServer,
    until,
    ws::{BINARY, FIN, Frame, PING, PONG},
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
    let server = TestServer::start(|c| c.limits.ping_interval = Duration::from_millis(300));
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

#[test]
fn a_slow_reader_is_not_taken_for_a_silent_one() {
    let server = TestServer::start(|c| c.limits.ping_interval = Duration::from_millis(500));
    let payload = vec![7; 16 << 20];
    let mut writer = Peer::binary(server.address(), &Hello::new("writer", "K").with_ack());
    writer.submit(&payload).expect("the server takes it");
    let accepted = |frame: &Frame| frame.first == FIN | BINARY && frame.payload[0] == 0x12;
    while !accepted(&writer.socket().frame()) {
        writer.socket().send(FIN | PONG, b"");
    }
    let mut slow = Peer::binary(server.address(), &Hello::new("slow", "K"));
    // Longer than it takes to give up one who answers no ping: no ping can have reached this one.
    std::thread::sleep(Duration::from_millis(2_500));
    loop {
        let frame = slow.socket().frame();
        assert_eq!(frame.close_code(), None, "closed while it took what was sent");
        match frame.opcode() {
            PONG => break,
            PING => slow.socket().send(FIN | PONG, b""),
            _ => slow.socket().send(FIN | PING, b"still there?"),
        };
    }
}

#[test]
fn who_says_too_much_is_read_later_and_not_given_up() {
    const CHANGES: usize = 100;
    let server = TestServer::start(|c| {
        c.limits.ping_interval = Duration::from_millis(100);
        c.limits.messages_per_second_max = 1;
    });
    let mut hasty = Peer::binary(server.address(), &Hello::new("hasty", "K").with_ack());
    for _ in 0..CHANGES {
        hasty.submit(b"x").expect("the socket takes it");
    }
    let mut last = Vec::new();
    while !last.ends_with(&[CHANGES as u8]) {
        let frame = hasty.socket().frame();
        assert_eq!(frame.close_code(), None, "closed for what the server had not read yet");
        last = frame.payload;
    }
}

#[test]
fn a_peer_that_fills_a_small_queue_is_read_on_when_it_is_taken() {
    const PINGS: usize = 400;
    let server = TestServer::start(|c| c.limits.queue_bytes_max = 4 << 10);
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K"));
    let pings = syncline_tests::ws::masked(FIN | PING, &[7; 125]).repeat(PINGS);
    assert!(peer.socket().raw().send(&pings));
    for _ in 0..PINGS {
        assert_eq!(peer.socket().frame().opcode(), PONG);
    }
}
