//! Hashes, buckets and ranges of a map: bounds, and that whatever differs ends equal.

use proptest::{collection::vec, prelude::*, sample::select};
use syncline_protocol::dialects::maps::{
    Path, Record, fingerprint,
    proto::{
        Bucket, ErrorCode, KeyDigest, SyncRequest, SyncResponse, sync_request::Type,
        sync_response::Status,
    },
};

use crate::{
    double::{MAP, Space, at, hlc, put, remove, request},
    peer::{How, Peer},
};

fn merkle(paths: &[&str]) -> SyncRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    SyncRequest { paths, depth: 3, ..request(Type::MerkleHashReq) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_tree_of_the_vectors() {
    let mut space = Space::default();
    let empty = space.response(merkle(&[]));
    assert_eq!(hex(&empty.root_hash), "7f9c9e31ac8256ca2f258583df262dbc");
    assert!(empty.buckets.is_empty());
    let mut record = put("todo:1", hlc("1700000000000:0:client-A"), "");
    record.value = b"\x81\xa1t\x01".as_slice().into();
    space.set(record);
    let found = space.response(merkle(&[]));
    assert_eq!(hex(&found.root_hash), "ee94d8699d943ee151c264d5c6b45209");
    assert_eq!((found.count, found.status()), (1, Status::Ok));
    let bucket = |path: &str| Bucket { path: path.into(), hash: found.root_hash.clone(), count: 1 };
    assert_eq!(found.buckets, [bucket("9")]);
    for (paths, levels, depth, expected) in [
        (&["9"][..], 1, 3, &["9a"][..]),
        (&["9"], 2, 3, &["9a5"]),
        (&["9"], 3, 3, &["9a5"]),
        (&["9"], 3, 8, &["9a59"]),
        (&["9a5972d"], 1, 8, &["9a5972d0"]),
        (&["9a5972d0"], 1, 8, &["9a5972d0"]),
        (&["9a5"], 1, 3, &["9a5"]),
        (&["8", "9", "9b"], 1, 0, &["9a"]),
        (&["", ""], 1, 0, &["9", "9"]),
    ] {
        let ask = SyncRequest { levels, depth, ..merkle(paths) };
        let found = space.response(ask).buckets;
        let paths: Vec<_> = found.iter().map(|bucket| bucket.path.as_str()).collect();
        assert_eq!(paths, expected);
    }
}

#[test]
fn equal_roots_are_said_in_one_short_answer() {
    let mut space = Space::default();
    space.write((0..500).map(|n| put(&n.to_string(), at(0, "A"), "1")));
    let root_hash = space.position().1.to_vec().into();
    let pages = space.sync(SyncRequest { root_hash, ..merkle(&[]) });
    assert_eq!((pages.len(), pages[0].rest.status()), (1, Status::InSync));
    assert!(pages[0].rest.buckets.is_empty());
    assert!(pages[0].encode("correlation").len() < 200);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let mut space = Space::default();
    space.set(put("a", at(0, "A"), "1"));
    let have = |timestamp: &str| KeyDigest {
        key: "a".into(),
        timestamp: timestamp.into(),
        ..KeyDigest::default()
    };
    let buckets = request(Type::BucketKeys);
    let long = "0".repeat(33);
    for (ask, code) in [
        (SyncRequest { depth: 9, ..merkle(&[]) }, ErrorCode::BadRequest),
        (SyncRequest { levels: 4, ..merkle(&[]) }, ErrorCode::BadRequest),
        (merkle(&["9A"]), ErrorCode::BadRequest),
        (merkle(&["g"]), ErrorCode::BadRequest),
        (merkle(&[&long]), ErrorCode::BadRequest),
        (merkle(&vec!["0"; 4097]), ErrorCode::TooLarge),
        (SyncRequest { paths: vec!["x".into()], ..buckets.clone() }, ErrorCode::BadRequest),
        (
            SyncRequest { have_leaves: b"1234567".as_slice().into(), ..buckets.clone() },
            ErrorCode::BadRequest,
        ),
        (SyncRequest { have: vec![have("1:2")], ..buckets.clone() }, ErrorCode::BadTimestamp),
        (SyncRequest { have_leaves: vec![0; 8 * 70_000].into(), ..buckets }, ErrorCode::TooLarge),
        (request(Type::Range), ErrorCode::BadRequest),
        (
            SyncRequest { range_message: b"\x61\x01".as_slice().into(), ..request(Type::Range) },
            ErrorCode::BadRequest,
        ),
        (request(Type::Push), ErrorCode::Unsupported),
        (request(Type::Unspecified), ErrorCode::Unsupported),
        (SyncRequest { r#type: 77, ..request(Type::Get) }, ErrorCode::Unsupported),
    ] {
        assert_eq!(space.refused(ask), i32::from(code));
    }
}

#[test]
fn an_answer_about_many_paths_ends_somewhere_and_says_how_to_go_on() {
    let mut space = Space::limited(|limits| limits.page_bytes_max = 20_000);
    for part in 0..10 {
        space.write((0..1000).map(|n| put(&format!("{part}/{n}"), at(0, "A"), "1")));
    }
    let all: Vec<String> = (0..256).map(|n| format!("{n:02x}")).collect();
    let (mut paths, mut found, mut rounds) = (all, Vec::new(), 0);
    loop {
        rounds += 1;
        let ask = SyncRequest { levels: 2, depth: 8, paths, ..request(Type::MerkleHashReq) };
        let pages = space.sync(ask.clone());
        assert!(pages.iter().all(|page| page.bytes() < 20_200));
        assert!(pages.len() <= 6);
        let status = pages.last().unwrap().rest.status();
        let buckets: Vec<_> = pages.into_iter().flat_map(|page| page.rest.buckets).collect();
        let last = buckets.last().unwrap().path.clone();
        found.extend(buckets);
        if status == Status::Ok {
            break;
        }
        assert_eq!(status, Status::Partial);
        paths = ask.paths.into_iter().skip_while(|path| !last.starts_with(path)).skip(1).collect();
    }
    assert!(rounds > 3);
    let one = SyncRequest { levels: 2, depth: 4, ..merkle(&[]) };
    let whole: u64 = space.response(one).buckets.iter().map(|bucket| bucket.count).sum();
    assert_eq!((whole, found.iter().map(|bucket| bucket.count).sum()), (10_000, 10_000));
    assert!(found.is_sorted_by(|a, b| a.path < b.path));
}

fn buckets(paths: &[&str]) -> SyncRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    SyncRequest { paths, ..request(Type::BucketKeys) }
}

fn digest(record: &Record, hash: &[u8]) -> KeyDigest {
    let (key, timestamp) = (record.key.to_string(), record.hlc.to_string());
    KeyDigest { key, timestamp, hash: hash.to_vec().into() }
}

fn short(record: &Record) -> [u8; 8] {
    syncline_protocol::dialects::maps::hash_of(record).short()
}

fn keys(response: &SyncResponse) -> Vec<&str> {
    response.ops.iter().map(|op| op.key.as_str()).collect()
}

#[test]
fn digests_tell_who_lacks_what() {
    let mut space = Space::default();
    let same = put("same", at(0, "A"), "1");
    let ours = put("ours", at(5, "A"), "1");
    let theirs = put("theirs", at(5, "A"), "1");
    let twin = put("twin", at(0, "A"), "1");
    let (only, gone) = (put("only", at(0, "A"), "1"), remove("gone", at(0, "A")));
    space.write([&same, &ours, &theirs, &twin, &only, &gone].map(Clone::clone));
    let older = put("ours", at(4, "A"), "1");
    let newer = put("theirs", at(6, "A"), "1");
    let have = vec![
        digest(&same, &short(&same)),
        digest(&older, &short(&older)),
        digest(&newer, &short(&newer)),
        digest(&twin, b"otherone"),
        digest(&put("mine", at(0, "B"), "1"), b"whatever"),
    ];
    let mut found = space.response(SyncRequest { have: have.clone(), ..buckets(&[]) });
    found.ops.sort_by(|a, b| a.key.cmp(&b.key));
    found.want_keys.sort();
    assert_eq!(keys(&found), ["gone", "only", "ours", "twin"]);
    assert_eq!(found.want_keys, ["mine", "theirs", "twin"]);
    assert!(found.missing_keys.is_empty() && found.keys.is_empty());
    // Of a record whose hash is not said only the timestamp counts.
    let silent = vec![digest(&twin, b"")];
    let found = space.response(SyncRequest { have: silent, ..buckets(&[]) });
    assert!(!keys(&found).contains(&"twin") && found.want_keys.is_empty());
    // Only what lies below the paths is looked at.
    let path = Path::of("ours").to_key();
    let path = format!("{:02x}", path[0]);
    let found = space.response(SyncRequest { have, ..buckets(&[&path, &path]) });
    assert_eq!((keys(&found), found.want_keys.len()), (vec!["ours"], 0));
}

#[test]
fn leaves_tell_it_in_eight_bytes_each() {
    let mut space = Space::default();
    let records: Vec<_> = (0..10).map(|n| put(&n.to_string(), at(0, "A"), "1")).collect();
    space.write(records.clone());
    let mut have_leaves: Vec<u8> = records[..7].iter().flat_map(short).collect();
    have_leaves.extend_from_slice(b"unknown1");
    have_leaves.extend_from_slice(b"unknown2");
    let found = space.response(SyncRequest { have_leaves: have_leaves.into(), ..buckets(&[]) });
    let mut got = keys(&found);
    got.sort_unstable();
    assert_eq!(got, ["7", "8", "9"]);
    assert_eq!(&*found.want_leaves, b"unknown1unknown2");
    assert!(found.want_keys.is_empty());
}

#[test]
fn who_says_nothing_gets_digests() {
    let mut space = Space::default();
    let records = [put("a", at(0, "A"), "1"), remove("b", at(0, "A"))];
    space.write(records.clone());
    let mut found = space.response(buckets(&[""]));
    found.keys.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(found.keys, records.each_ref().map(|record| digest(record, &short(record))));
    assert!(found.ops.is_empty() && found.want_keys.is_empty());
}

#[test]
fn buckets_of_too_much_are_refused_and_long_answers_go_on() {
    let mut space = Space::limited(|limits| limits.page_ops_max = 100);
    for part in 0..9 {
        space.write((0..1000).map(|n| put(&format!("{part}/{n}"), at(0, "A"), "1")));
    }
    assert_eq!(space.refused(buckets(&[])), i32::from(ErrorCode::TooLarge));
    assert_eq!(space.response(buckets(&["0", "7", "f"])).status(), Status::Ok);
    // Who lacks nearly all gets it in several answers.
    let mut peer = Peer::default();
    peer.merge(put("0/1", at(0, "A"), "1"));
    let mut rounds = 0;
    loop {
        rounds += 1;
        let have_leaves: Vec<u8> = peer.records.values().flat_map(short).collect();
        let response =
            space.response(SyncRequest { have_leaves: have_leaves.into(), ..buckets(&[]) });
        assert!(response.ops.len() <= 400);
        peer.take(&response);
        if response.status() == Status::Ok {
            break;
        }
        assert_eq!(response.status(), Status::Partial);
        assert!(response.want_leaves.is_empty());
    }
    assert_eq!((rounds, peer.root()), (9000_usize.div_ceil(400), space.position().1));
}

#[test]
fn one_key_of_many_is_found_on_few_paths() {
    let mut space = Space::default();
    let mut peer = Peer::default();
    for part in 0..20 {
        let records: Vec<_> =
            (0..1000).map(|n| put(&format!("{part}/{n}"), at(0, "A"), "1")).collect();
        records.iter().for_each(|record| peer.merge(record.clone()));
        space.write(records);
    }
    space.set(put("7/77", at(1, "A"), "2"));
    peer.reconcile_by_buckets(&mut space, How::Asking, 1);
    assert_eq!(peer.ops, 1);
    assert!(peer.paths <= 4, "{}", peer.paths);
    assert!(peer.digests <= 64, "{}", peer.digests);
    assert_eq!(peer.root(), space.position().1);
}

#[test]
fn a_key_that_the_server_lost_comes_back() {
    for how in [How::Digests, How::Leaves, How::Asking] {
        let mut space = Space::default();
        let mut peer = Peer::default();
        space.set(put("kept", at(0, "A"), "1"));
        peer.merge(put("kept", at(0, "A"), "1"));
        peer.merge(put("lost", at(0, "A"), "1"));
        peer.reconcile_by_buckets(&mut space, how, 1);
        assert_eq!(space.kept("lost"), Some(put("lost", at(0, "A"), "1")));
        assert_eq!(peer.root(), space.position().1);
    }
}

#[test]
fn a_prefix_has_trees_of_its_own_until_the_map_is_too_large() {
    let mut space = Space::default();
    space.write((0..300).map(|n| put(&format!("a/{n}"), at(0, "A"), "1")));
    space.write((0..300).map(|n| put(&format!("b/{n}"), at(0, "A"), "1")));
    let mut alone = Space::default();
    alone.write((0..300).map(|n| put(&format!("b/{n}"), at(0, "A"), "1")));
    let of = |kind| SyncRequest { key_prefix: "b/".into(), depth: 3, ..request(kind) };
    let (found, expected) = (space.response(of(Type::MerkleHashReq)), alone.response(merkle(&[])));
    assert_eq!((found.root_hash, found.count), (expected.root_hash, 300));
    assert_eq!(found.buckets, expected.buckets);
    assert_eq!(space.response(of(Type::BucketKeys)).keys.len(), 300);
    // As many trees as are kept, and one more.
    for n in 0..9 {
        let ask = SyncRequest { key_prefix: format!("a/{n}"), ..merkle(&[]) };
        let expected = (0..300).filter(|it: &i32| it.to_string().starts_with(&n.to_string()));
        assert_eq!(space.response(ask).count, expected.count() as u64);
    }
    assert_eq!(space.response(of(Type::MerkleHashReq)).count, 300);
    let before = space.room_bytes();
    for part in 0..16 {
        space.write((0..1000).map(|n| put(&format!("c/{part}/{n}"), at(0, "A"), "1")));
    }
    for kind in [Type::MerkleHashReq, Type::BucketKeys, Type::Range] {
        assert_eq!(space.refused(of(kind)), i32::from(ErrorCode::Unsupported));
    }
    assert!(space.room_bytes() > before);
    let pulled = space.response(of(Type::PullSince));
    assert_eq!((pulled.status(), pulled.root_hash.len()), (Status::Ok, 0), "no proof, but changes");
}

#[test]
fn a_range_finds_what_differs_and_brings_it_along() {
    let mut space = Space::default();
    let mut peer = Peer::default();
    for part in 0..5 {
        let records: Vec<_> =
            (0..1000).map(|n| put(&format!("{part}/{n}"), at(0, "A"), "1")).collect();
        records.iter().for_each(|record| peer.merge(record.clone()));
        space.write(records);
    }
    for n in 0..10 {
        space.set(put(&format!("1/{n}"), at(1, "A"), "server"));
        peer.merge(put(&format!("2/{n}"), at(1, "B"), "peer"));
        peer.records.remove(&*format!("3/{n}"));
    }
    peer.reconcile_by_ranges(&mut space);
    assert_eq!(peer.root(), space.position().1);
    // Those that lose here are sent too: by leaves alone it cannot be told.
    assert_eq!(peer.ops, 30);
    assert_eq!(&*space.kept("2/3").unwrap().value, b"peer");
    let equal = SyncRequest {
        range_message: syncline_protocol::dialects::maps::range::Initiator::start(
            &peer.index(),
            60_000,
        )
        .1
        .into(),
        ..request(Type::Range)
    };
    let found = space.response(equal);
    assert_eq!((&*found.range_message, found.ops.len()), (&b"\x61"[..], 0));
    assert_eq!((found.map_name.as_str(), found.r#type()), (MAP, Type::Range));
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let record = (0..60_u32, 0..6_i64, select(vec!["A", "B"]), 0..3_u8, any::<bool>());
    let record = record.prop_map(|(key, ms, node, value, is_put)| {
        let (key, hlc) = (format!("key {key}"), at(ms, node));
        if is_put { put(&key, hlc, &value.to_string()) } else { remove(&key, hlc) }
    });
    vec(record, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(40)))]

    /// Whatever both have, and however they compare, both end with what wins.
    #[test]
    fn both_sides_end_equal(
        (ours, theirs, common) in (records(), records(), records()),
        how in select(vec![Some(How::Digests), Some(How::Leaves), Some(How::Asking), None]),
        levels in 1..4_u32,
    ) {
        let (mut space, mut peer, mut all) = (Space::default(), Peer::default(), Peer::default());
        for record in common.iter().chain(&theirs) {
            peer.merge(record.clone());
        }
        space.write(common.iter().chain(&ours).cloned());
        for record in common.into_iter().chain(ours).chain(theirs) {
            all.merge(record);
        }
        match how {
            Some(how) => peer.reconcile_by_buckets(&mut space, how, levels),
            None => drop(peer.reconcile_by_ranges(&mut space)),
        }
        prop_assert_eq!(&peer.records, &all.records);
        let (_, root, count) = space.position();
        prop_assert_eq!((root, count), (fingerprint(&all.index().root()), all.records.len() as u64));
    }
}

/// How many cases a property is tried with; `SYNCLINE_MAPS_CASES` asks for more.
pub(crate) fn cases(few: u32) -> u32 {
    std::env::var("SYNCLINE_MAPS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}
