//! What those who follow a map are told, and those who do not are not.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{
    ErrorCode, OperationMessage, Subscribe, Unsubscribe, envelope::Payload,
};
use syncline_tests::{
    maps::{Client, get, merkle, payload, pull, push, put, subscribe, tree},
    workspace::server,
};

use crate::{at, each};

/// Long enough for a window to have gone by, and another one.
const A_WHILE: Duration = Duration::from_millis(60);

fn prefix(map: &str, prefix: &str) -> Payload {
    Payload::Subscribe(Subscribe {
        map_name: map.into(),
        key_prefix: prefix.into(),
        ..Subscribe::default()
    })
}

#[test]
fn check_15_others_hear_of_it_at_once_and_the_writer_does_not() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        let nothing = serde_json::json!([{ "map": "other", "ops": ["READ"] }]);
        let mut eve = Client::join_with(server.address(), "eve", &nothing);
        ann.acked(subscribe("m"));
        bob.acked(subscribe("m"));
        assert_eq!(eve.refused(subscribe("m")).code(), ErrorCode::PermissionDenied);
        eve.acked(subscribe("other"));
        // The best of several: a busy machine makes any of them late.
        let mut took = Duration::MAX;
        for n in 0..20 {
            let op = put("m", &n.to_string(), b"v", &at(n, "ann-node"));
            let start = Instant::now();
            ann.write(op.clone());
            assert_eq!(bob.batch().ops, [op]);
            took = took.min(start.elapsed());
        }
        assert!(took < Duration::from_millis(50), "{took:?}");
        ann.hears_nothing(A_WHILE);
        eve.hears_nothing(A_WHILE);
    });
}

#[test]
fn check_16_cursors_show_whether_something_is_missing() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        let mut cursor = bob.sync(pull("m", b"")).cursor;
        for n in 0..30 {
            ann.write(put("m", &(n % 7).to_string(), b"v", &at(n, "ann-node")));
        }
        let end = ann.sync(pull("m", b""));
        let mut replica: BTreeMap<String, OperationMessage> = BTreeMap::new();
        while cursor != end.cursor {
            let batch = bob.batch();
            assert_eq!(batch.prev_cursor, cursor, "no gap");
            assert!(!batch.ops.is_empty(), "never an empty one");
            cursor = batch.cursor;
            replica.extend(batch.ops.into_iter().map(|op| (op.key.clone(), op)));
        }
        assert_eq!(tree::fingerprint(replica.values()), end.root_hash);
        // Whoever loses a batch pulls from the cursor he has, and is told what follows from there.
        ann.write(put("m", "lost", b"v", &at(100, "ann-node")));
        let lost = bob.batch();
        assert_eq!(lost.prev_cursor, cursor);
        ann.write(put("m", "next", b"v", &at(101, "ann-node")));
        let next = bob.batch();
        assert_ne!(next.prev_cursor, cursor, "it shows");
        let pulled = bob.sync(pull("m", &cursor));
        assert_eq!(
            pulled.ops.iter().map(|op| op.key.as_str()).collect::<Vec<_>>(),
            ["lost", "next"]
        );
        assert_eq!(pulled.cursor, next.cursor);
        cursor = pulled.cursor;
        ann.write(put("m", "after", b"v", &at(102, "ann-node")));
        assert_eq!(bob.batch().prev_cursor, cursor);
    });
}

#[test]
fn reading_a_map_is_following_it() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let requests = [get("m", &["k"]), pull("m", b""), merkle("m", &[])];
        let mut readers: Vec<_> = requests
            .into_iter()
            .enumerate()
            .map(|(n, request)| {
                let mut reader = Client::join(server, &format!("reader{n}"));
                reader.sync(request);
                reader
            })
            .collect();
        let mut stranger = Client::join(server, "stranger");
        stranger.sync(merkle("", &[]));
        let op = put("m", "k", b"v", &at(0, "ann-node"));
        ann.write(op.clone());
        for reader in &mut readers {
            assert_eq!(reader.batch().ops, std::slice::from_ref(&op));
        }
        stranger.hears_nothing(A_WHILE);
        // And no more once they say so.
        for reader in &mut readers {
            reader.acked(Payload::Unsubscribe(Unsubscribe {
                map_name: "m".into(),
                key_prefix: String::new(),
            }));
        }
        ann.write(put("m", "k", b"w", &at(1, "ann-node")));
        for reader in &mut readers {
            reader.hears_nothing(A_WHILE);
        }
    });
}

#[test]
fn winners_alone_are_told_and_one_window_is_one_batch() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        bob.acked(subscribe("m"));
        let winner = put("m", "k", b"new", &at(5_000, "ann-node"));
        ann.write(winner.clone());
        assert_eq!(bob.batch().ops, [winner]);
        ann.write(put("m", "k", b"old", &at(0, "ann-node")));
        ann.write(put("m", "k", b"v", &at(700_000, "ann-node")));
        bob.hears_nothing(A_WHILE);
        // Many at once: one message, not one for each; a key once.
        let mut many: Vec<_> =
            (0..200).map(|n| put("m", &format!("{}", n % 100), b"v", &at(n, "ann-node"))).collect();
        assert_eq!(ann.acked(payload(push(many.clone()))).applied, 200);
        let batch = bob.batch();
        let told: BTreeMap<_, _> =
            batch.ops.iter().map(|op| (op.key.clone(), op.clone())).collect();
        let newest: BTreeMap<_, _> = many.drain(100..).map(|op| (op.key.clone(), op)).collect();
        assert_eq!(told, newest);
    });
}

#[test]
fn hole_05_own_writes_move_the_cursor_and_are_not_told() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        let start = ann.sync(pull("m", b"")).cursor;
        bob.sync(pull("m", b""));
        ann.write(put("m", "own", b"v", &at(0, "ann-node")));
        let own = bob.batch();
        let theirs = put("m", "theirs", b"v", &at(0, "bob-node"));
        bob.write(theirs.clone());
        let batch = ann.batch();
        assert_eq!(
            (&batch.ops[..], &batch.prev_cursor),
            (&[theirs][..], &start),
            "from what she was told last"
        );
        assert_ne!(batch.cursor, own.cursor);
        assert_eq!(ann.sync(pull("m", &batch.cursor)).ops, [], "she is at the end");
        // The same position is the same bytes for everybody.
        assert_eq!(bob.sync(pull("m", b"")).cursor, batch.cursor);
    });
}

#[test]
fn who_follows_a_prefix_hears_of_its_keys_alone() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        bob.acked(prefix("m", "a/"));
        let inside =
            [put("m", "a/1", b"v", &at(0, "ann-node")), put("m", "a/2", b"v", &at(1, "ann-node"))];
        ann.write(inside[0].clone());
        assert_eq!(bob.batch().ops, inside[..1]);
        ann.write(put("m", "b/1", b"v", &at(0, "ann-node")));
        ann.write(put("m", "a", b"v", &at(0, "ann-node")));
        bob.hears_nothing(A_WHILE);
        ann.write(inside[1].clone());
        assert_eq!(bob.batch().ops, inside[1..]);
    });
}

#[test]
fn so_many_maps_are_followed_by_one_session() {
    let server = server(|config| config.maps.requests_per_second_max = 100_000);
    let mut ann = Client::join(&server, "ann");
    for n in 0..256 {
        ann.acked(subscribe(&format!("m{n}")));
    }
    let one_more = ann.refused(subscribe("one-more"));
    assert_eq!((one_more.code(), one_more.fatal), (ErrorCode::TooLarge, false));
    ann.acked(Payload::Unsubscribe(Unsubscribe {
        map_name: "m7".into(),
        ..Unsubscribe::default()
    }));
    ann.acked(subscribe("one-more"));
}

#[test]
fn between_the_answer_and_the_first_push_nothing_is_lost() {
    each(|server| {
        // Somebody writes all the time; whoever begins to follow has everything.
        let mut ann = Client::join(server, "ann");
        for round in 0..8 {
            let mut bob = Client::join(server, &format!("bob{round}"));
            let map = format!("m{round}");
            let ids: Vec<_> = (0..30)
                .map(|n| {
                    ann.begin(payload(push(vec![put(
                        &map,
                        &n.to_string(),
                        b"v",
                        &at(n, "ann-node"),
                    )])))
                })
                .collect();
            let first = bob.everything(&map);
            let mut replica: BTreeMap<_, _> =
                first.ops.into_iter().map(|op| (op.key.clone(), op)).collect();
            let mut cursor: Bytes = first.cursor;
            for id in ids {
                ann.answer(&id);
            }
            while replica.len() < 30 {
                let batch = bob.batch();
                assert_eq!(batch.prev_cursor, cursor);
                cursor = batch.cursor;
                replica.extend(batch.ops.into_iter().map(|op| (op.key.clone(), op)));
            }
        }
    });
}
