//! `POST /v1/maps/sync` as HTTP: bodies that are too large, do not come, are packed, are of another kind.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use prost::Message;
use syncline_protocol::dialects::maps::proto::{Envelope, ErrorCode, envelope::Payload};
use syncline_tests::{
    http::{Answer, Raw},
    maps::{
        SYNC_PATH, claims, envelope, everything, exchange, get, payload, post, push, put, subscribe,
    },
    workspace::{server, token},
};

use crate::at;

fn pass(user: &str) -> String {
    token(&claims(user, &everything()))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn a_body_is_measured_before_it_is_kept() {
    let server =
        server(|config| config.limits.handshake_timeout = std::time::Duration::from_millis(700));
    let bearer = format!("Bearer {}", pass("ann"));
    let ask = |more: &[(&str, &str)], body: &[u8]| -> Answer {
        let mut headers =
            vec![("Authorization", &*bearer), ("Content-Type", "application/x-protobuf")];
        headers.extend(more);
        Raw::connect(server.address()).ask("POST", SYNC_PATH, &headers, body)
    };
    let message =
        envelope("p", payload(push(vec![put("m", "k", b"v", &at(0, "phone"))]))).encode_to_vec();
    let packed = ask(&[("Content-Encoding", "gzip")], &gzip(&message));
    assert_eq!(packed.status, 200);
    assert!(
        matches!(Envelope::decode(&packed.body[..]).unwrap().payload, Some(Payload::Ack(a)) if a.applied == 1)
    );
    let bomb = gzip(&vec![0; 4 << 20]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(ask(&[("Content-Encoding", "gzip")], &bomb).status, 413);
    assert_eq!(ask(&[("Content-Encoding", "gzip")], &message).status, 400);
    assert_eq!(ask(&[("Content-Encoding", "br")], &message).status, 415);
    let head = format!(
        "POST {SYNC_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Type: application/x-protobuf\r\n"
    );
    // A gibibyte is answered before it comes; one that does not come, after a while.
    let mut raw = Raw::connect(server.address());
    raw.send(format!("{head}Content-Length: 1073741824\r\n\r\n").as_bytes());
    assert_eq!(raw.answer().unwrap().status, 413);
    let mut raw = Raw::connect(server.address());
    raw.send(format!("{head}Content-Length: 10\r\n\r\nabc").as_bytes());
    assert_eq!(raw.answer().unwrap().status, 408);
    let mut raw = Raw::connect(server.address());
    raw.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes());
    let chunk = [&b"10000\r\n"[..], &[0; 1 << 16], b"\r\n"].concat();
    while raw.send(&chunk) && raw.buffered().is_empty() {
        if let syncline_tests::http::Wait::Bytes = raw.fill(std::time::Instant::now()) {
            break;
        }
    }
    assert_eq!(raw.answer().unwrap().status, 413);
}

#[test]
fn methods_other_than_post_are_told_which() {
    let server = server(|_| ());
    for (method, status) in [("GET", 405), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 200)] {
        let answer = Raw::connect(server.address()).ask(method, SYNC_PATH, &[], b"");
        assert_eq!(answer.status, status, "{method}");
    }
    let mut raw = Raw::connect(server.address());
    raw.send(
        format!("HEAD {SYNC_PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
    );
    let deadline = std::time::Instant::now() + syncline_tests::PATIENCE;
    while raw.fill(deadline) == syncline_tests::http::Wait::Bytes {}
    let head = String::from_utf8_lossy(raw.buffered()).into_owned();
    assert!(head.starts_with("HTTP/1.1 405 ") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn one_message_is_answered_by_one() {
    let server = server(|config| config.maps.requests_per_second_max = 1_000);
    let token = pass("ann");
    // Many pages are one answer; a part that is refused does not sink the others.
    let ops: Vec<_> =
        (0..900).map(|n| put("m", &n.to_string(), &[7; 800], &at(n, "phone"))).collect();
    let mut with_bad = ops.clone();
    with_bad[500].timestamp.clear();
    let Payload::Ack(ack) = exchange(server.address(), &token, payload(push(with_bad))) else {
        panic!("no Ack")
    };
    assert_eq!(
        (ack.applied, ack.results.len(), ack.results[0].index, ack.durable),
        (899, 1, 500, true)
    );
    let keys: Vec<_> = (0..900).map(|n| n.to_string()).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let Payload::SyncResp(all) = exchange(server.address(), &token, payload(get("m", &keys)))
    else {
        panic!("no answer")
    };
    assert_eq!((all.ops.len(), all.missing_keys.len(), all.more), (899, 1, false));
    let Payload::Error(error) = exchange(server.address(), &token, subscribe("m")) else {
        panic!("no error")
    };
    assert_eq!(error.code(), ErrorCode::Unsupported);
    let Payload::Error(error) =
        exchange(server.address(), &token, payload(get("no name!", &["k"])))
    else {
        panic!("no error")
    };
    assert_eq!(error.code(), ErrorCode::BadRequest);
    // A stranger's bytes are answered as such.
    let bad = post(server.address(), &token, &envelope(&"x".repeat(65), payload(get("m", &["k"]))));
    assert_eq!(
        (bad.status, Envelope::decode(&bad.body[..]).unwrap().correlation_id.as_str()),
        (200, "")
    );
}
