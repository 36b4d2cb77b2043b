//! PULL_SINCE: pages, cursors, what is written meanwhile.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{
    ErrorCode, OperationMessage, Subscribe, SyncRequest, envelope::Payload, sync_response::Status,
};
use syncline_tests::{
    maps::{Client, payload, pull, push, put, subscribe, tree},
    server::TestServer,
    workspace::{SECRET, server},
};

use crate::{
    at, each_with,
    trees::{fill, many},
};

/// Requests without end are not what these are about.
fn unhurried(config: &mut syncline::Config) {
    config.maps.requests_per_second_max = 1_000_000;
}

#[test]
fn check_25_pages_have_every_change_once_though_others_write() {
    each_with(unhurried, |server| {
        const KEYS: usize = 300;
        let mut ann = Client::join(server, "ann");
        fill(&mut ann, &many("m", KEYS));
        let ends = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut bob = Client::join(server, "bob");
                for n in 0..150_usize {
                    let key = format!("key {}", n * 7 % (KEYS + 50));
                    let op = put("m", &key, &n.to_le_bytes(), &at(10 + n as i64, "bob-node"));
                    assert_eq!(bob.acked(payload(push(vec![op]))).applied, 1);
                }
                ends.store(true, Ordering::SeqCst);
            });
            let mut replica: BTreeMap<String, OperationMessage> = BTreeMap::new();
            let mut cursor = Bytes::new();
            loop {
                let over = ends.load(Ordering::SeqCst);
                let page = ann.sync(SyncRequest { max_items: 37, ..pull("m", &cursor) });
                assert_eq!((page.status(), page.map_name.as_str()), (Status::Ok, "m"));
                assert!(page.ops.len() <= 37);
                for op in page.ops {
                    replica.insert(op.key.clone(), op);
                }
                cursor = page.cursor;
                if !page.more {
                    // The last page proves that nothing is missing, at that very moment.
                    assert_eq!(page.count, replica.len() as u64);
                    assert_eq!(page.root_hash, tree::fingerprint(replica.values()));
                    if over {
                        break;
                    }
                }
            }
            let done = ann.sync(pull("m", &cursor));
            assert_eq!((done.ops.len(), done.more, done.cursor), (0, false, cursor));
        });
    });
}

#[test]
fn a_page_ascends_is_bounded_in_bytes_and_has_each_key_once() {
    each_with(unhurried, |server| {
        let mut ann = Client::join(server, "ann");
        let mut ops = many("m", 60);
        fill(&mut ann, &ops);
        // Those that change go to the end.
        for n in [3, 1, 2] {
            let newer = put("m", &format!("key {n}"), &[b'x'; 100], &at(1_000, "ann-node"));
            ann.write(newer.clone());
            ops.retain(|op| op.key != newer.key);
            ops.push(newer);
        }
        let (mut got, mut cursor, mut pages) = (Vec::new(), Bytes::new(), 0);
        loop {
            let page = ann.sync(SyncRequest { max_bytes: 200, ..pull("m", &cursor) });
            assert!(!page.ops.is_empty(), "one at least, however large");
            assert_ne!(page.cursor, cursor);
            got.extend(page.ops);
            cursor = page.cursor;
            pages += 1;
            if !page.more {
                break;
            }
        }
        assert_eq!(got, ops);
        assert!(pages > 5);
        // Only keys that begin so, with the proof for them.
        let some = ann.sync(SyncRequest { key_prefix: "key 1".into(), ..pull("m", b"") });
        let mine: Vec<_> = ops.iter().filter(|op| op.key.starts_with("key 1")).cloned().collect();
        assert_eq!((some.root_hash.to_vec(), some.count), (tree::fingerprint(&mine), 11));
        assert_eq!(some.ops, mine);
    });
}

#[test]
fn cursors_of_another_life_ask_for_a_fresh_start_and_damaged_ones_are_refused() {
    each_with(unhurried, |here| {
        let there = server(|_| ());
        let [mut ann, mut other] = [here, &there].map(|server| Client::join(server, "ann"));
        for client in [&mut ann, &mut other] {
            fill(client, &many("m", 3));
            fill(client, &many("n", 3));
        }
        let own = ann.sync(pull("m", b"")).cursor;
        let foreign = other.sync(pull("m", b"")).cursor;
        let of_n = ann.sync(pull("n", b"")).cursor;
        for cursor in [foreign, of_n] {
            let told = ann.sync(pull("m", &cursor));
            assert_eq!((told.status(), told.ops.len()), (Status::ResetRequired, 0));
            assert_eq!(
                ann.refused(payload_of_subscribe("m", &cursor)).code(),
                ErrorCode::CursorInvalid
            );
        }
        for at in 0..own.len() {
            let mut damaged = own.to_vec();
            damaged[at] ^= 1;
            match ann.ask(payload(pull("m", &damaged))) {
                Payload::Error(error) => {
                    assert_eq!(error.code(), ErrorCode::CursorInvalid);
                }
                // What was read as another map's.
                Payload::SyncResp(told) => {
                    assert_eq!((told.status(), told.ops.len()), (Status::ResetRequired, 0));
                }
                other => panic!("{other:?}"),
            }
        }
        for none in [&own[..own.len() - 1], b"x", &[0xff; 1000]] {
            assert_eq!(ann.refused(payload(pull("m", none))).code(), ErrorCode::CursorInvalid);
        }
        assert_eq!(ann.sync(pull("m", &own)).ops.len(), 0, "the connection stays");
    });
}

fn payload_of_subscribe(map: &str, cursor: &[u8]) -> Payload {
    Payload::Subscribe(Subscribe {
        map_name: map.into(),
        cursor: Bytes::copy_from_slice(cursor),
        ..Subscribe::default()
    })
}

#[test]
fn a_cursor_holds_over_a_restart_and_says_where_somebody_was() {
    let first = server(unhurried);
    let mut ann = Client::join(&first, "ann");
    fill(&mut ann, &many("m", 10));
    let cursor = ann.sync(pull("m", b"")).cursor;
    let missed = put("m", "missed", b"v", &at(1_000, "ann-node"));
    ann.write(missed.clone());
    drop(ann);
    let again =
        TestServer::start_in(first.stop(), |config| config.auth.secret = Some(SECRET.into()));
    let mut bob = Client::join(&again, "bob");
    assert_eq!(bob.sync(pull("m", &cursor)).ops, std::slice::from_ref(&missed));
    // A subscription that resumes from it is told the same.
    let mut cid = Client::join(&again, "cid");
    assert_eq!(cid.acked(payload_of_subscribe("m", &cursor)).results, []);
    let batch = cid.batch();
    assert_eq!((batch.ops, &batch.prev_cursor), (vec![missed], &cursor));
    let mut dan = Client::join(&again, "dan");
    dan.acked(subscribe("m"));
    dan.hears_nothing(std::time::Duration::from_millis(50));
}
