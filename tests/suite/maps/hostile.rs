//! Frames, messages and floods of bad will.

use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use syncline_protocol::dialects::maps::proto::{ErrorCode, Ping, SyncRequest, envelope::Payload};
use syncline_tests::{
    PATIENCE,
    http::get as fetch,
    maps::{Client, PATH, envelope, everything, get, merkle, payload, pull, push, put, subscribe},
    process::Serving,
    until,
    workspace::{SECRET, server},
    ws::{BINARY, CLOSE, CONTINUATION, FIN, PING, Socket, TEXT, head, masked},
};
use tempfile::TempDir;

use crate::{
    at, each,
    trees::{fill, many},
};

/// What the program is started with.
const ENVIRONMENT: [(&str, &str); 1] = [("SYNCLINE_AUTH_SECRET", SECRET)];

fn serving(dir: &TempDir) -> Serving {
    Serving::start(dir.path(), &ENVIRONMENT)
}

#[test]
fn broken_frames_end_a_session_with_their_code() {
    each(|server| {
        let promise = |length| [head(FIN | BINARY, 0x80, length), vec![1, 2, 3, 4]].concat();
        let cases = [
            ("unmasked", [head(FIN | BINARY, 0, 2), b"hi".to_vec()].concat(), 1002),
            ("a reserved bit", masked(FIN | 0x40 | BINARY, b"x"), 1002),
            ("a reserved opcode", masked(FIN | 3, b"x"), 1002),
            ("a long ping", masked(FIN | PING, &[0; 126]), 1002),
            ("a continuation of nothing", masked(FIN | CONTINUATION, b"x"), 1002),
            ("a close code that is none", masked(FIN | CLOSE, &1005_u16.to_be_bytes()), 1002),
            ("text that is none", masked(FIN | TEXT, &[0xff]), 1007),
            ("a text", masked(FIN | TEXT, b"{}"), 4400),
            ("over the limit", promise((1 << 20) + (64 << 10) + 1), 1009),
            ("2^63 - 1", promise((1 << 63) - 1), 1009),
        ];
        for (what, bytes, code) in cases {
            for joined in [false, true] {
                let mut socket = if joined {
                    let mut client = Client::join(server, "ann");
                    client.socket().raw().send(&bytes);
                    assert_eq!(client.closed(), Some(code), "{what}, let in");
                    continue;
                } else {
                    Socket::open(server.address(), PATH)
                };
                socket.raw().send(&bytes);
                assert_eq!(socket.closed().close_code(), Some(code), "{what}, a stranger");
            }
        }
    });
}

#[test]
fn a_message_that_is_no_envelope_is_told_and_ends_with_1007() {
    each(|server| {
        // A payload whose length is not there, 2 GiB, eleven bytes of a number, a group, field 0.
        let bad: [&[u8]; 8] = [
            b"\x22\x05\x08",
            b"\x22\xff\xff\xff\xff\x07",
            b"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x02\x00",
            b"\x0c",
            b"\x0a\x02\xff\xfe",
            b"\x1a\x04\x12\x02\xff\xfe",
        ];
        for bytes in bad {
            let mut ann = Client::join(server, "ann");
            ann.socket().send(FIN | BINARY, bytes);
            let Some(Payload::Error(error)) = ann.receive(PATIENCE).unwrap().payload else {
                panic!("{bytes:?}")
            };
            assert_eq!((error.code(), error.fatal), (ErrorCode::BadRequest, true), "{bytes:?}");
            assert_eq!(ann.closed(), Some(1007));
        }
        // Ten thousand groups in each other are passed over or refused, and cost no stack.
        for depth in [50, 10_000] {
            let mut ann = Client::join(server, "ann");
            let nested = [[0xf3, 0x06].repeat(depth), [0xf4, 0x06].repeat(depth)].concat();
            ann.socket().send(FIN | BINARY, &nested);
            if depth == 50 {
                ann.acked(subscribe("m"));
            } else {
                assert_eq!(ann.closed(), Some(1007));
            }
        }
    });
}

#[test]
fn check_02_what_is_unknown_or_empty_is_passed_over() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        // No payload, fields of a later version in all places, payloads that only servers send.
        for bytes in [
            &b""[..],
            b"\x0a\x01x",
            b"\x0a\x01x\xfa\x06\x03abc",
            b"\x72\x00",
            b"\x0a\x01x\x32\x00",
            b"\x0a\x01x\x2a\x00",
            b"\x0a\x01x\x3a\x00",
            b"\x0a\x01x\x6a\x00",
        ] {
            ann.socket().send(FIN | BINARY, bytes);
        }
        // An operation with a field that is unknown here is taken all the same.
        let time = at(0, "ann-node");
        let op = [
            b"\x0a\x01m\x12\x01k\x22",
            &[time.len() as u8][..],
            time.as_bytes(),
            b"\xfa\x06\x03abc",
        ]
        .concat();
        let message = [b"\x0a\x01y\x1a", &[op.len() as u8][..], &op].concat();
        ann.socket().send(FIN | BINARY, &message);
        let first = ann.receive(PATIENCE).unwrap();
        assert_eq!(first.correlation_id, "y", "the first that is answered: {first:?}");
        assert!(matches!(first.payload, Some(Payload::Ack(ack)) if ack.applied == 1));
    });
}

#[test]
fn ids_are_echoed_up_to_their_bound() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let id = "\u{e4}".repeat(32);
        ann.send(&envelope(&id, payload(get("m", &["k"]))));
        assert!(matches!(ann.answer(&id), Payload::SyncResp(_)));
        ann.send(&envelope(&"x".repeat(65), payload(get("m", &["k"]))));
        let Payload::Error(error) = ann.pushed() else { panic!("no error") };
        assert_eq!((error.code(), error.fatal), (ErrorCode::BadRequest, false));
        // Without an id it is answered without one.
        ann.send(&envelope("", payload(get("m", &["k"]))));
        assert!(matches!(ann.pushed(), Payload::SyncResp(_)));
        let Payload::Pong(pong) = ann.ask(Payload::Ping(Ping { time: "1:2:x".into() })) else {
            panic!("no pong")
        };
        assert_eq!(pong.time, "1:2:x");
        assert!(!pong.server_time.is_empty());
    });
}

#[test]
fn a_flood_of_sync_requests_is_told_to_wait_and_others_do_not_notice() {
    each(|server| {
        let mut flood = Client::join(server, "flood");
        let mut ann = Client::join(server, "ann");
        let asked: Vec<_> = (0..400).map(|_| flood.begin(payload(merkle("m", &[])))).collect();
        let start = Instant::now();
        assert_eq!(ann.write(put("m", "k", b"v", &at(0, "ann-node"))).applied, 1);
        assert!(start.elapsed() < Duration::from_secs(5));
        let mut limited = 0;
        for id in asked {
            match flood.answer(&id) {
                Payload::SyncResp(_) => {}
                Payload::Error(error) => {
                    assert_eq!((error.code(), error.fatal), (ErrorCode::RateLimited, false));
                    assert!(error.retry_after_ms > 0, "it says how long");
                    limited += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        // 64 at once and 32 a second, and of those no more than may be under way.
        assert!((100..400).contains(&limited), "{limited} were refused");
        // Writing goes on: it has bounds of its own.
        assert_eq!(flood.write(put("m", "f", b"v", &at(0, "flood-node"))).applied, 1);
    });
}

/// The end of a session that never reads what it is told, and how much memory it took.
fn deaf(serving: &Serving, send: impl Fn(&mut Client) -> bool) -> u64 {
    let mut client = Client::join_with(serving.address(), "deaf", &everything());
    client.socket().raw().stream().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let before = serving.resident_bytes();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(400) && send(&mut client) {}
    serving.resident_bytes().saturating_sub(before)
}

#[test]
fn who_asks_without_end_and_reads_nothing_takes_little_memory() {
    let dir = TempDir::new().unwrap();
    let serving = serving(&dir);
    let mut ann = Client::join_with(serving.address(), "ann", &everything());
    fill(&mut ann, &many("m", 2_000));
    let id = "x".repeat(60);
    let request = |payload: Payload| {
        let message = envelope(&id, payload);
        masked(FIN | BINARY, &prost::Message::encode_to_vec(&message))
    };
    let pings = [masked(FIN | PING, &[7; 125]), request(Payload::Ping(Ping::default()))].concat();
    let floods = [
        ("answers", request(payload(pull("m", b""))).repeat(50)),
        ("pings", pings.repeat(1_000)),
        ("nothing", masked(FIN | BINARY, b"").repeat(5_000)),
        (
            "fragments of nothing",
            [masked(BINARY, b""), masked(CONTINUATION, b"").repeat(5_000)].concat(),
        ),
        ("duplicates", request(payload(push(many("m", 1000)))).repeat(3)),
    ];
    for (what, bytes) in floods {
        let fragments = what.starts_with("fragments");
        let begun = Cell::new(false);
        let grown = deaf(&serving, |client| {
            // Only the first of a message's fragments begins it.
            let skip = if fragments && begun.replace(true) { 6 } else { 0 };
            client.socket().raw().send(&bytes[skip..])
        });
        assert!(grown < 48 << 20, "{grown} bytes for {what}");
        assert_eq!(fetch(serving.address(), "/livez").status, 200);
        assert!(ann.sync(get("m", &["key 1"])).ops.len() == 1, "others are served");
    }
}

#[test]
fn check_33_a_slow_reader_holds_nobody_up_and_misses_nothing() {
    let dir = TempDir::new().unwrap();
    let serving = serving(&dir);
    let everything = everything();
    let [mut ann, mut slow, mut quick] = ["ann", "slow", "quick"]
        .map(|user| Client::join_with(serving.address(), user, &everything));
    let mut cursor = slow.sync(pull("m", b"")).cursor;
    quick.sync(pull("m", b""));
    let before = serving.resident_bytes();
    let value = vec![7; 50_000];
    let mut newest = BTreeMap::new();
    for round in 0..60 {
        // 40 MB in all, on 80 keys.
        let ops: Vec<_> = (0..16)
            .map(|n| {
                put(
                    "m",
                    &((round * 16 + n) % 80).to_string(),
                    &value,
                    &at(round * 16 + n, "ann-node"),
                )
            })
            .collect();
        assert_eq!(ann.acked(payload(push(ops.clone()))).applied, 16);
        let mut heard = 0;
        while heard < 16 {
            heard += quick.batch().ops.len();
        }
        newest.extend(ops.into_iter().map(|op| (op.key.clone(), op)));
    }
    let grown = serving.resident_bytes().saturating_sub(before);
    assert!(grown < 100 << 20, "{grown} bytes");
    // It reads at last: the newest of each, in a row without a gap.
    let end = ann.sync(pull("m", b""));
    let mut end_cursor = end.cursor;
    if end.more {
        end_cursor = ann.everything("m").cursor;
    }
    let mut replica = BTreeMap::new();
    let mut bytes = 0;
    while cursor != end_cursor {
        let batch = slow.batch();
        assert_eq!(batch.prev_cursor, cursor, "no gap");
        cursor = batch.cursor;
        bytes += batch.ops.iter().map(|op| op.value.len()).sum::<usize>();
        replica.extend(batch.ops.into_iter().map(|op| (op.key.clone(), op)));
    }
    assert_eq!(replica, newest);
    assert!(bytes <= 60 * 16 * 50_000);
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let server = server(|_| ());
    for _ in 0..10 {
        let clients: Vec<_> = (0..20)
            .map(|n| {
                let mut client = Client::join(&server, &format!("user{n}"));
                client.sync(SyncRequest { depth: 3, ..merkle(&format!("map{n}"), &[]) });
                client
            })
            .collect();
        drop(clients);
    }
    until("all have left", || {
        let page = fetch(server.address(), "/metrics").text();
        page.lines().any(|line| line == "syncline_sessions 0").then_some(())
    });
    let told = Client::join(&server, "last").sync(merkle("", &[]));
    assert_eq!(told.buckets.len(), 0, "asking for a map does not make it");
}
