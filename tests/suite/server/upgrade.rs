//! Requests to switch to WebSocket, right and wrong (RFC 6455, section 4).

use syncline_tests::{
    http::{Answer, Raw},
    relay::{Hello, PATH, Peer},
    server::TestServer,
    ws::{FIN, Frame, PING, PONG, Socket, masked, upgrade_request},
};

/// The answer to a request that is the right one but for a replaced piece.
fn answer_with(server: &TestServer, piece: &str, instead: &str) -> Answer {
    let request = upgrade_request(server.address(), PATH, &[]);
    assert!(request.contains(piece), "{piece:?} is in the request");
    let mut raw = Raw::connect(server.address());
    raw.send(request.replace(piece, instead).as_bytes());
    raw.answer().expect("an answer")
}

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

#[test]
fn the_accept_key_is_that_of_the_rfc() {
    let server = TestServer::start(|_| ());
    let (_, answer) = Socket::try_open(server.address(), PATH, &[]);
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(answer.header("upgrade").is_some_and(|u| u.eq_ignore_ascii_case("websocket")));
    assert!(answer.header("connection").is_some_and(|c| c.eq_ignore_ascii_case("upgrade")));
    assert_eq!(answer.header("sec-websocket-extensions"), None);
}

#[test]
fn names_and_tokens_are_taken_in_any_case() {
    let server = TestServer::start(|_| ());
    let answer = answer_with(&server, "Connection: Upgrade", "connection: keep-alive, uPGRADE");
    assert_eq!(answer.status, 101);
    assert_eq!(answer_with(&server, "Upgrade: websocket", "UPGRADE: WebSocket").status, 101);
}

#[test]
fn compression_is_not_negotiated() {
    let server = TestServer::start(|_| ());
    let offer = [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")];
    let (_, answer) = Socket::try_open(server.address(), PATH, &offer);
    assert_eq!((answer.status, answer.header("sec-websocket-extensions")), (101, None));
}

#[test]
fn a_missing_or_odd_key_is_400() {
    let server = TestServer::start(|_| ());
    for key in ["", "Sec-WebSocket-Key: short\r\n", "Sec-WebSocket-Key:\r\n"] {
        assert_eq!(answer_with(&server, KEY, key).status, 400, "{key:?}");
    }
    let long = format!("Sec-WebSocket-Key: {}\r\n", "A".repeat(64));
    assert_eq!(answer_with(&server, KEY, &long).status, 400);
}

#[test]
fn another_version_is_426_and_names_ours() {
    let server = TestServer::start(|_| ());
    for version in ["8", "14", "0", "thirteen"] {
        let answer =
            answer_with(&server, VERSION, &format!("Sec-WebSocket-Version: {version}\r\n"));
        assert_eq!(answer.status, 426, "version {version}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    }
    assert!([400, 426].contains(&answer_with(&server, VERSION, "").status));
}

#[test]
fn no_upgrade_is_426_and_says_what_to_upgrade_to() {
    let server = TestServer::start(|_| ());
    for (piece, instead) in [
        ("Connection: Upgrade\r\nUpgrade: websocket\r\n", ""),
        ("Upgrade: websocket\r\n", ""),
        ("Upgrade: websocket", "Upgrade: h2c"),
    ] {
        let answer = answer_with(&server, piece, instead);
        assert_eq!(answer.status, 426, "without {piece:?}");
        assert!(answer.header("upgrade").is_some_and(|u| u.eq_ignore_ascii_case("websocket")));
    }
}

#[test]
fn another_method_is_405() {
    let server = TestServer::start(|_| ());
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = answer_with(&server, "GET /sync", &format!("{method} /sync"));
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")));
    }
}

#[test]
fn http_1_0_does_not_upgrade() {
    let server = TestServer::start(|_| ());
    let answer = answer_with(&server, "HTTP/1.1", "HTTP/1.0");
    assert!([400, 426, 505].contains(&answer.status), "{}", answer.status);
}

#[test]
fn another_path_does_not_upgrade() {
    let server = TestServer::start(|_| ());
    for path in ["/sync/", "/Sync", "/sync/x", "//sync", "/nowhere"] {
        let (_, answer) = Socket::try_open(server.address(), path, &[]);
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[test]
fn frames_may_come_in_one_piece_with_the_request() {
    let server = TestServer::start(|_| ());
    let mut bytes = upgrade_request(server.address(), PATH, &[]).into_bytes();
    bytes.extend(masked(FIN | PING, b"early"));
    let mut raw = Raw::connect(server.address());
    raw.send(&bytes);
    assert_eq!(raw.answer().expect("an answer").status, 101);
    let mut socket = Socket::over(raw);
    assert_eq!(socket.frame(), Frame { first: FIN | PONG, payload: b"early".to_vec() });
}

#[test]
fn the_well_kept_client_library_gets_along_with_us() {
    use tungstenite::{Message, connect};
    let server = TestServer::start(|_| ());
    let (mut socket, _) = connect(format!("ws://{}{PATH}", server.address())).unwrap();
    let hello = r#"{"Hello":{"client_id":"t","discovery_key":"K","last_sequence":0}}"#;
    socket.send(Message::text(hello)).unwrap();
    socket.send(Message::Ping("p".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("p".into()));
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K"));
    peer.submit(b"hi");
    assert!(socket.read().unwrap().into_text().unwrap().contains("\"sequence_id\":1"));
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    assert!(!socket.can_read());
}
