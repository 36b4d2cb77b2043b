//! Frames that break RFC 6455, and those that only look odd (sections 5, 7.4 and 8.1).

use syncline_tests::{
    relay::{Framing, Hello, PATH, Peer},
    server::TestServer,
    ws::{BINARY, CLOSE, CONTINUATION, Event, FIN, Frame, PING, PONG, Socket, TEXT, head, masked},
};

/// The close code that the server answers some bytes with, before it ends the connection.
fn code_for(server: &TestServer, bytes: &[u8]) -> Option<u16> {
    let mut socket = Socket::open(server.address(), PATH);
    socket.raw().send(bytes);
    socket.closed().close_code()
}

/// A masked head that promises `length` bytes, and no payload.
fn promise(first: u8, length: u64) -> Vec<u8> {
    [head(first, 0x80, length), vec![1, 2, 3, 4]].concat()
}

#[test]
fn broken_framing_is_1002() {
    let server = TestServer::start(|_| ());
    let unmasked = [head(FIN | TEXT, 0, 2), b"hi".to_vec()].concat();
    let mut cases = vec![
        ("an unmasked frame", unmasked),
        ("a long control frame", masked(FIN | PING, &[0; 126])),
        ("a fragmented ping", masked(PING, b"x")),
        ("a fragmented close", masked(CLOSE, b"")),
        ("a continuation of nothing", masked(FIN | CONTINUATION, b"x")),
        ("a new message inside one", [masked(TEXT, b"a"), masked(FIN | TEXT, b"b")].concat()),
        ("a close with one byte", masked(FIN | CLOSE, &[3])),
        ("a length in 2 bytes that fits 7 bits", vec![FIN | BINARY, 0xfe, 0, 5, 0, 0, 0, 0]),
        (
            "a length in 8 bytes that fits 2",
            vec![FIN | BINARY, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
        ),
    ];
    for bit in [0x40, 0x20, 0x10] {
        cases.push(("a reserved bit", masked(FIN | bit | TEXT, b"x")));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push(("a reserved opcode", masked(FIN | opcode, b"x")));
    }
    for (what, bytes) in cases {
        assert_eq!(code_for(&server, &bytes), Some(1002), "{what}");
    }
}

#[test]
fn close_codes_that_must_not_be_sent_are_1002() {
    let server = TestServer::start(|_| ());
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        let bytes = masked(FIN | CLOSE, &code.to_be_bytes());
        assert_eq!(code_for(&server, &bytes), Some(1002), "code {code}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_1007() {
    let server = TestServer::start(|_| ());
    let surrogate: &[u8] = &[0xed, 0xa0, 0x80];
    for bytes in [
        &[0xff][..],
        &[0xc0, 0xaf],
        surrogate,
        &[0xf4, 0x90, 0x80, 0x80],
        "é".as_bytes().split_at(1).0,
    ] {
        assert_eq!(code_for(&server, &masked(FIN | TEXT, bytes)), Some(1007), "{bytes:x?}");
    }
    let mut reason = 1000_u16.to_be_bytes().to_vec();
    reason.push(0xff);
    assert_eq!(code_for(&server, &masked(FIN | CLOSE, &reason)), Some(1007));
}

#[test]
fn a_character_may_be_cut_by_a_fragment() {
    let server = TestServer::start(|_| ());
    let mut socket = Socket::open(server.address(), PATH);
    let (first, last) = "é".as_bytes().split_at(1);
    socket.send(TEXT, first);
    socket.send(FIN | CONTINUATION, last);
    socket.send(FIN | PING, b"alive");
    assert_eq!(socket.frame(), Frame { first: FIN | PONG, payload: b"alive".to_vec() });
}

#[test]
fn a_length_over_the_limit_is_1009_before_a_byte_of_it_has_come() {
    let server = TestServer::start(|c| c.limits.message_bytes_max = 1 << 20);
    for length in [(1 << 20) + 1, 1 << 31, 1 << 40, (1 << 63) - 1] {
        assert_eq!(code_for(&server, &promise(FIN | BINARY, length)), Some(1009), "{length}");
    }
    let fragments = [masked(BINARY, &[0; 1 << 19]), promise(FIN | CONTINUATION, (1 << 19) + 1)];
    assert_eq!(code_for(&server, &fragments.concat()), Some(1009));
    let code = code_for(&server, &promise(FIN | BINARY, u64::MAX));
    assert!([Some(1002), Some(1009)].contains(&code), "the highest bit is set: {code:?}");
}

#[test]
fn a_ping_is_answered_with_its_payload_and_a_pong_with_nothing() {
    let server = TestServer::start(|_| ());
    let mut socket = Socket::open(server.address(), PATH);
    for payload in [&b""[..], b"x", &[0xff; 125]] {
        socket.send(FIN | PONG, payload);
        socket.send(FIN | PING, payload);
        assert_eq!(socket.frame(), Frame { first: FIN | PONG, payload: payload.to_vec() });
    }
}

#[test]
fn a_close_is_echoed_with_its_code_and_then_the_connection_ends() {
    let server = TestServer::start(|_| ());
    for code in [1000_u16, 1001, 1003, 1007, 1011, 3000, 3999, 4000, 4999] {
        let mut socket = Socket::open(server.address(), PATH);
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend(b"bye");
        socket.send(FIN | CLOSE, &payload);
        assert_eq!(socket.closed().close_code(), Some(code));
    }
    let mut socket = Socket::open(server.address(), PATH);
    socket.send(FIN | CLOSE, b"");
    let code = socket.closed().close_code();
    assert!([None, Some(1000)].contains(&code), "{code:?}");
}

#[test]
fn nothing_after_a_close_is_acted_on() {
    let server = TestServer::start(|_| ());
    let mut other = Peer::json(server.address(), &Hello::new("o", "K"));
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K"));
    peer.socket().send(FIN | PING, b"");
    peer.socket().frame();
    let late = syncline_tests::relay::json::submit("K", b"late");
    let bytes = [masked(FIN | CLOSE, &[3, 232]), masked(FIN | TEXT, late.as_bytes())].concat();
    peer.socket().raw().send(&bytes);
    peer.socket().closed();
    other.hears_nothing();
}

#[test]
fn frames_cut_into_single_bytes_are_understood() {
    let server = TestServer::start(|_| ());
    let mut socket = Socket::open(server.address(), PATH);
    for byte in masked(FIN | PING, &[7; 125]) {
        socket.raw().send(&[byte]);
    }
    assert_eq!(socket.frame().payload, [7; 125]);
}

#[test]
fn empty_fragments_without_end_do_not_grow_the_server() {
    let server = TestServer::start(|_| ());
    let mut peer = Peer::connect(server.address(), Framing::Json, "K");
    peer.socket().send(TEXT, b"");
    let flood = masked(CONTINUATION, b"").repeat(20_000);
    // The server may stop such a flood; if not, the message must be whole in the end.
    if peer.socket().raw().send(&flood) && peer.socket().send(FIN | CONTINUATION, b"{}") {
        peer.socket().send(FIN | PING, b"");
        match peer.socket().event(syncline_tests::PATIENCE) {
            Event::Frame(frame) => assert!([CLOSE, PONG].contains(&frame.opcode())),
            other => assert_eq!(other, Event::End),
        }
    }
    assert_eq!(syncline_tests::http::get(server.address(), "/livez").status, 200);
}
