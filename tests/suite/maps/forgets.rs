//! What ends: lives of values, and the memory of removals. With short times on a real clock.

use std::{thread, time::Duration};

use syncline_protocol::dialects::maps::proto::{
    ErrorCode, OperationMessage, SyncRequest, sync_response::Status,
};
use syncline_tests::{
    maps::{Client, get, merkle, now_ms, pull, put, remove, subscribe, tree},
    until,
};

use crate::{at, each, each_with, trees::fill};

#[test]
fn check_29_a_value_ends_at_its_time_with_the_same_tombstone_for_all() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut bob = Client::join(server, "bob");
        bob.acked(subscribe("m"));
        let timestamp = at(0, "ann-node");
        let (millis, ..) = tree::parts(&timestamp);
        let short = OperationMessage { ttl_ms: 700, ..put("m", "short", b"v", &timestamp) };
        let long = OperationMessage { ttl_ms: 3_600_000, ..put("m", "long", b"v", &timestamp) };
        fill(&mut ann, &[short.clone(), long.clone()]);
        let mut told = bob.batch().ops;
        if now_ms() < millis + 600 {
            assert_eq!(ann.sync(get("m", &["short"])).ops, std::slice::from_ref(&short));
        }
        let tombstone = remove("m", "short", &format!("{}:0:ann-node", millis + 700));
        thread::sleep(Duration::from_millis((millis + 702).saturating_sub(now_ms())));
        // Read as gone at once, whether or not it has been swept; then it is told.
        assert_eq!(ann.sync(get("m", &["short"])).ops, std::slice::from_ref(&tombstone));
        while told.last() != Some(&tombstone) {
            told.extend(bob.batch().ops);
        }
        let all = ann.sync(pull("m", b""));
        assert_eq!(all.ops, [long.clone(), tombstone.clone()]);
        assert_eq!(all.root_hash, tree::fingerprint([&long, &tombstone]));
        // What a replica makes of it by itself is what the server has.
        assert_eq!(ann.write(tombstone).applied, 0);
        // What ended before it came is over for everybody, at once.
        let late =
            OperationMessage { ttl_ms: 1, ..put("m", "late", b"v", &at(-5_000, "ann-node")) };
        ann.write(late);
        assert_eq!(ann.sync(get("m", &["late"])).ops[0].r#type, 1);
    });
}

#[test]
fn check_27_what_may_bring_back_a_removed_key_is_refused_and_taken_anew() {
    let soon = |config: &mut syncline::Config| {
        config.maps.tombstone_retention = Duration::from_millis(300);
    };
    each_with(soon, |server| {
        let mut ann = Client::join(server, "ann");
        let (kept, gone) = (
            put("m", "kept", b"v", &at(-50, "ann-node")),
            remove("m", "gone", &at(-40, "ann-node")),
        );
        fill(&mut ann, &[kept.clone(), gone.clone()]);
        let before = ann.sync(pull("m", b""));
        // Somebody who never heard of the end: his replica has the tombstone still.
        let page = until("the removal is forgotten", || {
            let page = ann.sync(pull("m", b""));
            (page.count == 1).then_some(page)
        });
        let (watermark, ..) = tree::parts(&page.gc_watermark);
        let (removed, ..) = tree::parts(&gone.timestamp);
        assert!(watermark > removed, "{}", page.gc_watermark);
        assert_eq!(
            (page.ops, page.root_hash.to_vec()),
            (vec![kept.clone()], tree::fingerprint([&kept]))
        );
        // Both sides leave tombstones below the watermark out: equal all the same.
        let root_hash = tree::fingerprint([&kept]).into();
        assert_eq!(
            ann.sync(SyncRequest { root_hash, ..merkle("m", &[]) }).status(),
            Status::InSync
        );
        assert_eq!(ann.sync(get("m", &["gone"])).missing_keys, ["gone"]);
        // An operation from before that is not let in, for it may be the removed value; a new one is.
        let old = put("m", "gone", b"back again", &format!("{}:0:ann-node", removed - 5));
        let ack = ann.write(old.clone());
        assert_eq!(ack.results[0].code(), ErrorCode::BeyondGc, "{ack:?}");
        assert_eq!(ann.sync(get("m", &["gone"])).missing_keys, ["gone"]);
        assert_eq!(ann.write(OperationMessage { timestamp: at(0, "ann-node"), ..old }).applied, 1);
        // A key that is there is compared as ever.
        let older = put("m", "kept", b"older", &format!("{}:0:ann-node", removed - 100));
        assert_eq!(ann.write(older).results[0].code(), ErrorCode::ErrorUnspecified);
        // Who had seen the removal goes on from his cursor.
        let after = ann.sync(pull("m", &before.cursor));
        assert_eq!((after.status(), after.ops.len()), (Status::Ok, 1));
    });
}

#[test]
fn check_26_who_was_away_too_long_begins_anew() {
    let soon = |config: &mut syncline::Config| {
        config.maps.tombstone_retention = Duration::from_millis(300);
    };
    each_with(soon, |server| {
        let mut ann = Client::join(server, "ann");
        fill(
            &mut ann,
            &[put("m", "a", b"v", &at(-60, "ann-node")), put("m", "b", b"v", &at(-60, "ann-node"))],
        );
        let away = ann.sync(pull("m", b"")).cursor;
        ann.write(remove("m", "a", &at(-50, "ann-node")));
        until("the removal is forgotten", || (ann.sync(pull("m", b"")).count == 1).then_some(()));
        let told = ann.sync(pull("m", &away));
        assert_eq!((told.status(), told.ops.len()), (Status::ResetRequired, 0));
        let all = ann.sync(pull("m", b""));
        assert_eq!((all.status(), all.ops.len()), (Status::Ok, 1), "and then everything there is");
        // A key of his that the server has not, from before that: he is told to let it go.
        let stale = put("m", "stale", b"v", &at(-100_000, "ann-node"));
        let have = vec![syncline_protocol::dialects::maps::proto::KeyDigest {
            key: stale.key.clone(),
            timestamp: stale.timestamp.clone(),
            hash: bytes::Bytes::copy_from_slice(&tree::leaf(&stale)[..8]),
        }];
        let path = tree::path("stale")[..3].to_owned();
        let told = ann.sync(SyncRequest { have, ..syncline_tests::maps::buckets("m", &[&path]) });
        assert_eq!((told.missing_keys, told.want_keys.len()), (vec!["stale".to_owned()], 0));
    });
}
