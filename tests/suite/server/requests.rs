//! Requests that are too big, too slow or not HTTP: answered or cut, never waited for or kept.

use std::time::Duration;

use syncline_tests::{
    http::{Raw, get},
    relay::PATH,
    server::TestServer,
    ws::{Event, Socket},
};

/// The status of the answer to some bytes; none when the server cuts the connection instead.
fn status_of(server: &TestServer, request: &[u8]) -> Option<u16> {
    let mut raw = Raw::connect(server.address());
    raw.send(request);
    let answer = raw.answer()?;
    assert!(raw.ends(), "after a bad request the server ends the connection");
    Some(answer.status)
}

#[test]
fn a_head_without_end_is_refused_and_not_kept() {
    let server = TestServer::start(|_| ());
    let line = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20));
    let header = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = "X: y\r\n".repeat(2_000);
    let headers = format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    for request in [line, header, headers] {
        let status = status_of(&server, request.as_bytes());
        assert!([None, Some(400), Some(414), Some(431)].contains(&status), "{status:?}");
    }
    assert_eq!(get(server.address(), "/livez").status, 200);
}

#[test]
fn what_is_not_http_is_400_or_cut() {
    let server = TestServer::start(|_| ());
    let junk: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
        b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
    ];
    for request in junk {
        let status = status_of(&server, request);
        assert!([None, Some(400), Some(505)].contains(&status), "{status:?} {request:?}");
    }
    assert_eq!(get(server.address(), "/livez").status, 200);
}

#[test]
fn two_ways_to_say_the_length_are_refused() {
    let server = TestServer::start(|_| ());
    let head = "POST /livez HTTP/1.1\r\nHost: x\r\n";
    for lengths in [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: nonsense\r\nContent-Length: 4\r\n",
    ] {
        let status = status_of(&server, format!("{head}{lengths}\r\nbody").as_bytes());
        assert!([None, Some(400), Some(501)].contains(&status), "{status:?} {lengths:?}");
    }
}

#[test]
fn a_request_is_not_smuggled_in_the_body_of_another() {
    let server = TestServer::start(|_| ());
    let inner = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    for lengths in [
        format!("Content-Length: {}\r\n{chunked}", inner.len()),
        format!("Content-Length: 0\r\n{chunked}"),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
    ] {
        let mut raw = Raw::connect(server.address());
        let head = format!("GET /livez HTTP/1.1\r\nHost: x\r\n{lengths}\r\n");
        raw.send(format!("{head}0\r\n\r\n{inner}").as_bytes());
        // Whatever the first answer is, what lies in its body is never answered as a request of
        // another length than the one the server believed.
        let first = raw.answer().map(|answer| answer.status);
        let second = raw.answer().map(|answer| answer.status);
        let refused = [None, Some(400), Some(501)].contains(&first) && second.is_none();
        let closed = first == Some(200) && second.is_none();
        let chunked_wins = first == Some(200) && second == Some(404);
        assert!(refused || closed || chunked_wins, "{first:?} {second:?} {lengths:?}");
    }
}

#[test]
fn an_idle_connection_is_cut_after_its_answer() {
    let server = TestServer::start(|c| c.limits.handshake_timeout = Duration::from_millis(300));
    let mut raw = Raw::connect(server.address());
    raw.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(raw.answer().expect("an answer").status, 200);
    assert!(raw.ends());
}

#[test]
fn a_body_is_answered_before_it_comes_and_not_waited_for() {
    let server = TestServer::start(|c| c.limits.handshake_timeout = Duration::from_millis(300));
    for length in ["Content-Length: 1073741824", "Transfer-Encoding: chunked"] {
        let mut raw = Raw::connect(server.address());
        raw.send(format!("POST /livez HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n").as_bytes());
        assert_eq!(raw.answer().expect("an answer").status, 405);
        assert!(raw.ends(), "{length}");
    }
}

#[test]
fn a_slow_or_silent_head_is_cut() {
    let server = TestServer::start(|c| c.limits.handshake_timeout = Duration::from_millis(300));
    let mut silent = Raw::connect(server.address());
    let mut slow = Raw::connect(server.address());
    slow.send(b"GET /sync HTTP/1.1\r\nHost: x\r\n");
    // A byte now and then does not win more time.
    syncline_tests::until("the server cuts the slow head", || {
        (!slow.send(b"X") || slow_ended(&mut slow)).then_some(())
    });
    assert!(silent.ends());
    assert_eq!(get(server.address(), "/livez").status, 200);
}

fn slow_ended(raw: &mut Raw) -> bool {
    let soon = std::time::Instant::now() + Duration::from_millis(50);
    raw.fill(soon) == syncline_tests::http::Wait::End
}

#[test]
fn an_upgraded_connection_outlives_the_head_deadline() {
    let server = TestServer::start(|c| c.limits.handshake_timeout = Duration::from_millis(200));
    let mut socket = Socket::open(server.address(), PATH);
    assert_eq!(socket.event(Duration::from_millis(800)), Event::Nothing);
}

#[test]
fn connections_over_the_limit_are_turned_away_until_others_go() {
    let server = TestServer::start(|c| c.limits.connections_max = 4);
    let mut kept: Vec<Socket> = (0..4).map(|_| Socket::open(server.address(), PATH)).collect();
    let mut extra = Raw::connect(server.address());
    extra.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    let status = extra.answer().map(|answer| answer.status);
    assert!([None, Some(503)].contains(&status), "{status:?}");
    kept.clear();
    syncline_tests::until("there is room again", || {
        let mut raw = Raw::connect(server.address());
        raw.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        raw.answer().filter(|answer| answer.status == 200)
    });
}
