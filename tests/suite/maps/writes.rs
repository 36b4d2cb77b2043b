//! What becomes of operations: who wins, what is told, what is refused.

use std::time::Duration;

use prost::Message;
use syncline_protocol::dialects::maps::proto::{
    Ack, AuthStatus, ErrorCode, OperationMessage, envelope::Payload, op_result::Outcome,
};
use syncline_tests::{
    maps::{
        Client, claims, envelope, everything, get, now_ms, op, payload, pull, push, put, remove,
        subscribe, tree,
    },
    server::TestServer,
    workspace::token,
};

use crate::{at, each};

/// The outcomes of the operations that an Ack names: place, outcome, code.
pub(crate) fn told(ack: &Ack) -> Vec<(u32, Outcome, ErrorCode)> {
    ack.results.iter().map(|r| (r.index, r.outcome(), r.code())).collect()
}

pub(crate) fn rejected(ack: &Ack) -> ErrorCode {
    assert_eq!((ack.applied, ack.results.len()), (0, 1), "{ack:?}");
    assert_eq!(ack.results[0].outcome(), Outcome::Rejected, "{ack:?}");
    assert!(!ack.results[0].message.is_empty(), "it says why");
    ack.results[0].code()
}

/// A session of ann that may write with more nodes than its own.
pub(crate) fn with_nodes(server: &TestServer, nodes: &[&str]) -> Client {
    let mut ann = Client::join(server, "ann");
    let token = token(&claims("ann", &everything()));
    for node in nodes {
        assert_eq!(ann.authenticate(&token, 1, node).status(), AuthStatus::Ok);
    }
    ann
}

/// The record of a key.
pub(crate) fn found(client: &mut Client, map: &str, key: &str) -> Option<OperationMessage> {
    client.sync(get(map, &[key])).ops.pop()
}

#[test]
fn check_05_a_value_comes_back_to_the_byte() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        for (n, value) in [&b""[..], b"\0", &all, b"\xff\xfe"].into_iter().enumerate() {
            let key = format!("key {n} \u{1f95b}\0");
            let written = put("m", &key, value, &at(n as i64, "ann-node"));
            assert!(ann.send(&envelope("my own id", op(written.clone()))));
            let answer = ann.answer("my own id");
            assert!(matches!(answer, Payload::Ack(a) if a.applied == 1 && a.durable));
            assert_eq!(found(&mut ann, "m", &key), Some(written));
        }
        let written =
            OperationMessage { ttl_ms: 3_600_000, ..put("m", "t", b"v", &at(9, "ann-node")) };
        ann.write(written.clone());
        assert_eq!(found(&mut ann, "m", "t"), Some(written), "and its life");
    });
}

#[test]
fn check_06_the_same_operation_is_taken_once() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        bob.acked(subscribe("m"));
        let first = put("m", "k", b"v", &at(0, "ann-node"));
        assert_eq!(ann.write(first.clone()).applied, 1);
        let before = ann.sync(pull("m", b""));
        let again = ann.write(first.clone());
        assert_eq!((again.applied, told(&again)[0].1), (0, Outcome::Duplicate));
        let twice = ann.acked(payload(push(vec![first.clone(), first.clone()])));
        assert_eq!(
            told(&twice).iter().map(|t| (t.0, t.1)).collect::<Vec<_>>(),
            [(0, Outcome::Duplicate), (1, Outcome::Duplicate)]
        );
        let after = ann.sync(pull("m", b""));
        assert_eq!(
            (&after.ops, &after.root_hash, &after.cursor),
            (&before.ops, &before.root_hash, &before.cursor)
        );
        assert_eq!(bob.batch().ops, [first]);
        // What comes next comes right behind it: nothing was told twice.
        let next = put("m", "k2", b"v", &at(1, "ann-node"));
        ann.write(next.clone());
        assert_eq!(bob.batch().ops, [next]);
    });
}

#[test]
fn check_07_the_same_one_wins_in_both_orders() {
    const PAIRS: [(&str, &str, &str, &str); 8] = [
        // (timestamp, value) that loses, (timestamp, value) that wins; "!" is a removal.
        ("100:0:A", "x", "101:0:A", "y"),
        ("100:0:A", "x", "100:0:B", "y"),
        ("100:9:A", "x", "100:10:A", "y"),
        ("100:0:A", "x", "100:0:A", "!"),
        ("100:0:B", "x", "100:0:a", "y"), // by bytes, not by alphabet
        ("100:0:A", "x", "100:0:A", "y"),
        ("100:0:A", "x", "100:0:A", "xx"),
        ("99:5:z", "z", "100:0:A", "!"),
    ];
    each(|server| {
        let mut ann = with_nodes(server, &["A", "B", "a", "z"]);
        for (n, (lesser, x, higher, y)) in PAIRS.into_iter().enumerate() {
            let write = |key: &str, at: &str, value: &str| match value {
                "!" => remove("m", key, at),
                value => put("m", key, value.as_bytes(), at),
            };
            for lesser_first in [true, false] {
                let key = format!("{n} {lesser_first}");
                let (loser, winner) = (write(&key, lesser, x), write(&key, higher, y));
                if lesser_first {
                    assert_eq!(ann.write(loser).applied, 1);
                    assert_eq!(ann.write(winner.clone()).applied, 1, "{key}");
                } else {
                    assert_eq!(ann.write(winner.clone()).applied, 1);
                    let ack = ann.write(loser);
                    assert_eq!(told(&ack)[0].1, Outcome::Stale, "{key}");
                    assert_eq!(ack.results[0].current_timestamp, higher);
                }
                assert_eq!(found(&mut ann, "m", &key), Some(winner), "{key}");
            }
        }
        // Of otherwise equal ones the longer life wins.
        let short = OperationMessage { ttl_ms: 1 << 50, ..put("m", "t", b"v", &at(0, "ann-node")) };
        let long = OperationMessage { ttl_ms: 1 << 51, ..short.clone() };
        assert_eq!((ann.write(long.clone()).applied, ann.write(short).applied), (1, 0));
        assert_eq!(found(&mut ann, "m", "t"), Some(long));
    });
}

#[test]
fn check_08_a_removal_stays_against_older_values() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let [old, gone, new] = [-2, -1, 0].map(|offset| at(offset, "ann-node"));
        // A removal keeps no value, and is there also of what never was.
        let gone = OperationMessage { value: "left over".into(), ..remove("m", "k", &gone) };
        assert_eq!(ann.write(gone.clone()).applied, 1);
        let tombstone = OperationMessage { value: "".into(), ..gone };
        assert_eq!(found(&mut ann, "m", "k"), Some(tombstone.clone()));
        let older = ann.write(put("m", "k", b"older", &old));
        assert_eq!(told(&older)[0].1, Outcome::Stale);
        assert_eq!(found(&mut ann, "m", "k"), Some(tombstone.clone()));
        let page = ann.sync(pull("m", b""));
        assert_eq!((page.ops, page.count), (vec![tombstone.clone()], 1));
        assert_eq!(page.root_hash, tree::fingerprint([&tombstone]));
        assert_eq!(ann.write(put("m", "k", b"newer", &new)).applied, 1);
        assert_eq!(found(&mut ann, "m", "k").unwrap().value, "newer");
    });
}

#[test]
fn check_10_what_is_far_ahead_is_refused_and_drags_no_clock() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        for ahead in [600_000, 90_000, 1 << 45] {
            let ack = ann.write(put("m", "k", b"v", &at(ahead, "ann-node")));
            assert_eq!(rejected(&ack), ErrorCode::ClockDrift);
            let (millis, _, node) = tree::parts(&ack.server_time);
            assert!(millis.abs_diff(now_ms()) < 5_000 && node.starts_with('~'), "{ack:?}");
        }
        let most = ann.write(put("m", "k", b"v", "9007199254740991:0:ann-node"));
        assert_eq!(rejected(&most), ErrorCode::ClockDrift, "the end of time");
        assert_eq!(found(&mut ann, "m", "k"), None, "nothing of it is stored");
        assert_eq!(ann.write(put("m", "k", b"v", &at(50_000, "ann-node"))).applied, 1);
        let (millis, ..) =
            tree::parts(&ann.write(put("m", "l", b"v", &at(0, "ann-node"))).server_time);
        assert!(millis < now_ms() + 55_000);
    });
}

#[test]
fn check_11_one_bad_operation_does_not_sink_the_others() {
    each(|server| {
        let perms = serde_json::json!([
            { "map": "mine", "ops": ["READ", "PUT"] }, { "map": "seen", "ops": ["READ"] }
        ]);
        let mut ann = Client::join_with(server.address(), "ann", &perms);
        let three = ["mine", "seen", "mine"];
        let ops = three
            .iter()
            .enumerate()
            .map(|(n, map)| put(map, &n.to_string(), b"v", &at(0, "ann-node")));
        let ack = ann.acked(payload(push(ops.collect())));
        assert_eq!((ack.applied, ack.durable), (2, true));
        assert_eq!(told(&ack), [(1, Outcome::Rejected, ErrorCode::PermissionDenied)]);
        assert_eq!(ann.sync(pull("mine", b"")).count, 2);
        assert_eq!(ann.sync(pull("seen", b"")).count, 0);
        // Every kind of mistake, each under its place, and what lies between is applied.
        let good = |n: i64| put("mine", &format!("good {n}"), b"v", &at(n, "ann-node"));
        let unknown = OperationMessage { r#type: 7, ..good(2) };
        let mixed = vec![
            good(0),
            put("no name!", "k", b"v", &at(0, "ann-node")),
            put("mine", "", b"v", &at(0, "ann-node")),
            put("mine", &"k".repeat(1025), b"v", &at(0, "ann-node")),
            put("mine", "k", &vec![0; (256 << 10) + 1], &at(0, "ann-node")),
            remove("mine", "k", &at(0, "ann-node")),
            put("mine", "k", b"v", "yesterday"),
            unknown,
            good(1),
            good(1),
        ];
        let ack = ann.acked(payload(push(mixed)));
        let codes: Vec<_> = told(&ack).iter().map(|t| (t.0, t.2)).collect();
        let expected = [
            (1, ErrorCode::BadRequest),
            (2, ErrorCode::BadRequest),
            (3, ErrorCode::TooLarge),
            (4, ErrorCode::TooLarge),
            (5, ErrorCode::PermissionDenied),
            (6, ErrorCode::BadTimestamp),
            (7, ErrorCode::Unsupported),
            (9, ErrorCode::ErrorUnspecified),
        ];
        assert_eq!((codes, ack.applied), (expected.to_vec(), 2));
        assert_eq!(told(&ack)[7].1, Outcome::Duplicate);
    });
}

#[test]
fn check_12_a_push_over_its_bounds_is_refused_whole_and_the_connection_stays() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let limits = ann.auth.limits.unwrap();
        let small = |n: usize| put("m", &n.to_string(), b"v", &at(0, "ann-node"));
        let many: Vec<_> = (0..=limits.max_batch_ops as usize).map(small).collect();
        let error = ann.refused(payload(push(many.clone())));
        assert_eq!((error.code(), error.fatal), (ErrorCode::TooLarge, false), "{error:?}");
        let large = |n: usize| put("m", &n.to_string(), &[7; 210_000], &at(0, "ann-node"));
        let five: Vec<_> = (0..5).map(large).collect();
        assert!(
            five.iter().map(Message::encoded_len).sum::<usize>() > limits.max_batch_bytes as usize
        );
        assert_eq!(ann.refused(payload(push(five))).code(), ErrorCode::TooLarge);
        assert_eq!(ann.sync(pull("m", b"")).count, 0, "nothing of them");
        let most = ann.acked(payload(push(many[1..].to_vec())));
        assert_eq!(most.applied, limits.max_batch_ops);
        let none = ann.acked(payload(push(Vec::new())));
        assert_eq!(
            (none.applied, none.results.len(), none.durable),
            (0, 0, true),
            "none, all done"
        );
    });
}

#[test]
fn check_13_an_acknowledgement_that_is_lost_is_asked_for_again() {
    each(|server| {
        let mut bob = Client::join(server, "bob");
        bob.acked(subscribe("m"));
        let ops: Vec<_> =
            (0..20).map(|n| put("m", &n.to_string(), b"v", &at(n, "ann-node"))).collect();
        let mut ann = Client::join(server, "ann");
        ann.begin(payload(push(ops.clone())));
        let mut heard = bob.batch().ops;
        drop(ann);
        let mut ann = Client::join(server, "ann");
        let again = ann.acked(payload(push(ops.clone())));
        assert_eq!((again.applied, again.results.len()), (0, 20));
        assert!(told(&again).iter().all(|t| t.1 == Outcome::Duplicate), "{again:?}");
        ann.write(put("m", "last", b"v", &at(30, "ann-node")));
        while heard.last().unwrap().key != "last" {
            heard.append(&mut bob.batch().ops);
        }
        assert_eq!(heard.len(), 21, "each once");
        assert_eq!(bob.sync(pull("m", b"")).count, 21);
    });
}

#[test]
fn hole_23_answers_leave_in_the_order_of_requests() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let maps = ["a", "b", "c", "d", "e"];
        let mut ids = Vec::new();
        for n in 0..60 {
            let map = maps[n % maps.len()];
            ids.push(match n % 3 {
                0 => ann.begin(payload(get(map, &["k"]))),
                1 => ann.begin(op(put(map, "k", &n.to_le_bytes(), &at(n as i64, "ann-node")))),
                _ => ann.begin(payload(push(vec![put(
                    map,
                    &n.to_string(),
                    b"v",
                    &at(0, "ann-node"),
                )]))),
            });
        }
        let patience = Duration::from_secs(30);
        let mut came = Vec::new();
        while came.len() < ids.len() {
            let message = ann.receive(patience).expect("an answer");
            if !message.correlation_id.is_empty() {
                came.push(message.correlation_id);
            }
        }
        assert_eq!(came, ids);
    });
}
