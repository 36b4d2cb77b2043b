//! Hashes of maps, held against a tree that is made a second time by the formulas.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;
use syncline_protocol::dialects::maps::proto::{
    ErrorCode, KeyDigest, OperationMessage, SyncRequest, SyncResponse, envelope::Payload,
    sync_response::Status,
};
use syncline_tests::{
    maps::{
        Client, buckets, claims, everything, exchange, get, merkle, now_ms, payload, pull, push,
        put, remove, tree,
    },
    server::TestServer,
    workspace::token,
};

use crate::{at, each, each_with};

const ROOT_EMPTY: &str = "7f9c9e31ac8256ca2f258583df262dbc";

/// Writes all of them, as many at once as may be.
pub(crate) fn fill(client: &mut Client, ops: &[OperationMessage]) {
    for chunk in ops.chunks(1000) {
        assert_eq!(client.acked(payload(push(chunk.to_vec()))).applied as usize, chunk.len());
    }
}

/// Operations on so many keys.
pub(crate) fn many(map: &str, count: usize) -> Vec<OperationMessage> {
    let now = now_ms();
    let op = |n| put(map, &format!("key {n}"), b"v", &format!("{now}:{n}:ann-node"));
    (0..count).map(op).collect()
}

#[test]
fn check_17_the_tree_is_that_of_the_vectors() {
    each(|server| {
        let mut ann = Client::open(server.address());
        let pass = token(&claims("ann", &everything()));
        assert_eq!(ann.authenticate(&pass, 1, "client-A").status, 1);
        let empty = ann.sync(SyncRequest { depth: 3, ..merkle("todos", &[]) });
        assert_eq!(tree::hex(&empty.root_hash), ROOT_EMPTY);
        assert_eq!((empty.status(), empty.count, empty.buckets.len()), (Status::Ok, 0, 0));
        let first = put("todos", "todo:1", b"\x81\xa1t\x01", "1700000000000:0:client-A");
        ann.write(first.clone());
        let one = ann.sync(SyncRequest { depth: 3, ..merkle("todos", &[]) });
        assert_eq!(tree::hex(&one.root_hash), "ee94d8699d943ee151c264d5c6b45209");
        // Two more whose paths begin with 6.
        let beyond =
            (2..).map(|n| format!("todo:{n}")).filter(|key| tree::path(key).starts_with('6'));
        let two: Vec<_> =
            beyond.take(2).map(|key| put("todos", &key, b"", "5:0:client-A")).collect();
        fill(&mut ann, &two);
        let three = ann.sync(SyncRequest { depth: 3, ..merkle("todos", &[]) });
        let seen: Vec<_> = three.buckets.iter().map(|b| (b.path.as_str(), b.count)).collect();
        assert_eq!((seen, three.count), (vec![("6", 2), ("9", 1)], 3));
        assert_eq!(three.buckets[0].hash, tree::fingerprint(&two));
        assert_eq!(three.buckets[1].hash, one.root_hash, "a bucket's hash does not know its depth");
        assert_eq!(three.root_hash, tree::fingerprint(two.iter().chain([&first])));
        assert_eq!(three.map_name, "todos");
        assert_eq!(three.r#type, merkle("", &[]).r#type);
    });
}

#[test]
fn check_18_a_tree_knows_neither_order_nor_depth_nor_history() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let now = now_ms();
        let op = |map: &str, n: u64| match n % 5 {
            0 => remove(map, &n.to_string(), &format!("{now}:{n}:ann-node")),
            _ => OperationMessage {
                ttl_ms: (n % 3) << 40,
                ..put(map, &n.to_string(), &n.to_le_bytes(), &format!("{now}:{n}:ann-node"))
            },
        };
        let ops: Vec<_> = (0..300).map(|n| op("up", n)).collect();
        fill(&mut ann, &ops);
        // The other way round, over values and removals that are overcome.
        let before = (0..300)
            .map(|n| put("down", &n.to_string(), b"before", &format!("{}:0:ann-node", now - 2)))
            .collect::<Vec<_>>();
        let between = (0..150)
            .map(|n| remove("down", &n.to_string(), &format!("{}:0:ann-node", now - 1)))
            .collect::<Vec<_>>();
        let down: Vec<_> = (0..300).rev().map(|n| op("down", n)).collect();
        for part in [before, between, down] {
            fill(&mut ann, &part);
        }
        let [up, down] = ["up", "down"].map(|map| ann.sync(pull(map, b"")));
        assert_eq!(up.root_hash, down.root_hash);
        assert_eq!(up.root_hash, tree::fingerprint(&ops));
        for (paths, depth, levels) in [
            (&[][..], 1, 1),
            (&[], 8, 1),
            (&[], 3, 2),
            (&["3", "a"], 8, 3),
            (&["3a", "7", "f"], 2, 3),
        ] {
            let ask = SyncRequest { depth, levels, ..merkle("up", paths) };
            let below = if paths.is_empty() { &[""][..] } else { paths };
            let deepest =
                |path: &&str| (path.len() + levels as usize).min(depth as usize).max(path.len());
            let mut expected = BTreeSet::new();
            for path in below {
                let full = ops.iter().map(|op| tree::path(&op.key)).filter(|p| p.starts_with(path));
                expected.extend(full.map(|p| p[..deepest(path)].to_owned()));
            }
            let told = ann.sync(ask).buckets;
            let paths: Vec<_> = told.iter().map(|bucket| bucket.path.clone()).collect();
            assert_eq!(paths, expected.into_iter().collect::<Vec<_>>());
            for told in told {
                assert_eq!((told.hash.to_vec(), told.count), tree::bucket(&ops, &told.path));
            }
        }
    });
}

#[test]
fn check_19_a_value_alone_makes_another_root() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let timestamp = at(0, "ann-node");
        let roots = [("a", 0), ("b", 0), ("b", 1 << 40)].map(|(value, ttl_ms)| {
            let op = OperationMessage { ttl_ms, ..put("m", "k", value.as_bytes(), &timestamp) };
            assert_eq!(ann.write(op.clone()).applied, 1);
            let root = ann.sync(merkle("m", &[])).root_hash;
            assert_eq!(root, tree::fingerprint([&op]));
            root
        });
        assert!(roots[0] != roots[1] && roots[1] != roots[2]);
    });
}

/// What it took to find what differs below some paths: paths asked for and digests sent.
fn drill_down(
    client: &mut Client,
    mine: &[OperationMessage],
    depth: u32,
) -> (usize, usize, SyncResponse) {
    let (mut paths, mut asked) = (vec![String::new()], 0);
    loop {
        let request = SyncRequest { paths: paths.clone(), depth, levels: 2, ..merkle("m", &[]) };
        let theirs = client.sync(request).buckets;
        asked += paths.len();
        let length = (paths[0].len() + 2).min(depth as usize);
        let mine_here = mine.iter().map(|op| tree::path(&op.key)[..length].to_owned());
        let mine_here: BTreeSet<_> =
            mine_here.filter(|p| paths.iter().any(|q| p.starts_with(q.as_str()))).collect();
        let differ = |path: &String| {
            let (hash, count) = tree::bucket(mine, path);
            theirs.iter().find(|b| b.path == *path).map_or(count > 0, |b| b.hash != hash)
        };
        let both: BTreeSet<_> = theirs.iter().map(|b| b.path.clone()).chain(mine_here).collect();
        paths = both.into_iter().filter(differ).collect();
        let few = |path: &String| tree::bucket(mine, path).1 <= 64;
        if length == depth as usize || paths.iter().all(few) {
            break;
        }
    }
    let within =
        |op: &&OperationMessage| paths.iter().any(|p| tree::path(&op.key).starts_with(p.as_str()));
    let digest = |op: &OperationMessage| KeyDigest {
        key: op.key.clone(),
        timestamp: op.timestamp.clone(),
        hash: Bytes::copy_from_slice(&tree::leaf(op)[..8]),
    };
    let have: Vec<_> = mine.iter().filter(within).map(digest).collect();
    let digests = have.len();
    let answer = client.sync(SyncRequest { paths, have, ..buckets("m", &[]) });
    (asked, digests, answer)
}

#[test]
fn check_20_one_key_of_very_many_is_found_on_few_paths() {
    let server = syncline_tests::workspace::server(|_| ());
    let mut ann = Client::join(&server, "ann");
    // With 100,000 the same takes minutes without optimisation; that is tried on the room and the client.
    let mut mine = many("m", 2_000);
    fill(&mut ann, &mine);
    let newer = put("m", "key 1500", b"newer", &at(1_000, "ann-node"));
    assert_eq!(ann.write(newer.clone()).applied, 1);
    let (paths, digests, found) = drill_down(&mut ann, &mine, 8);
    assert!(paths <= 4 && digests <= 64, "{paths} paths, {digests} digests");
    assert_eq!(
        (&found.ops[..], &found.want_keys[..]),
        (&[newer.clone()][..], &[][..]),
        "exactly one"
    );
    mine[1500] = newer;
    assert_eq!(found.root_hash, tree::fingerprint(&mine));
}

#[test]
fn check_21_what_a_server_lost_is_wanted_back() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mut mine = many("m", 100);
        fill(&mut ann, &mine);
        let lost = put("m", "only mine", b"v", &at(0, "ann-node"));
        let newer = put("m", "key 7", b"mine is newer", &at(1_000, "ann-node"));
        mine[7] = newer;
        mine.push(lost);
        let (.., found) = drill_down(&mut ann, &mine, 3);
        let wanted: BTreeSet<_> = found.want_keys.iter().map(String::as_str).collect();
        assert_eq!((wanted, found.ops.len()), (BTreeSet::from(["key 7", "only mine"]), 0));
        let again: Vec<_> =
            mine.iter().filter(|op| found.want_keys.contains(&op.key)).cloned().collect();
        fill(&mut ann, &again);
        assert_eq!(ann.sync(merkle("m", &[])).root_hash, tree::fingerprint(&mine));
        // In eight bytes a key, and with the whole map at once.
        let mut leaves = Vec::new();
        let theirs = put("m", "key 9", b"theirs", &at(2_000, "ann-node"));
        ann.write(theirs.clone());
        mine.iter().for_each(|op| leaves.extend(&tree::leaf(op)[..8]));
        leaves.extend([9; 8]);
        let told = ann.sync(SyncRequest { have_leaves: leaves.into(), ..buckets("m", &[""]) });
        let old = &tree::leaf(&mine[9])[..8];
        assert_eq!(told.ops, [theirs]);
        let wanted: BTreeSet<_> = told.want_leaves.chunks(8).collect();
        assert_eq!(wanted, BTreeSet::from([old, &[9; 8][..]]));
        // With nothing said: digests of all.
        let digests = ann.sync(buckets("m", &["0", "1"])).keys;
        for told in &digests {
            let op = found_op(&mut ann, &told.key);
            assert_eq!((&told.timestamp, &told.hash[..]), (&op.timestamp, &tree::leaf(&op)[..8]));
        }
        let expected = mine.iter().filter(|op| tree::path(&op.key).as_str() < "2").count();
        assert_eq!(digests.len(), expected);
    });
}

fn found_op(client: &mut Client, key: &str) -> OperationMessage {
    client.sync(get("m", &[key])).ops.pop().expect("it is there")
}

#[test]
fn equal_timestamps_of_other_content_are_sent_and_wanted() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let timestamp = at(0, "ann-node");
        let theirs = put("m", "k", b"a", &timestamp);
        ann.write(theirs.clone());
        let mine = put("m", "k", b"b", &timestamp);
        let hash = Bytes::copy_from_slice(&tree::leaf(&mine)[..8]);
        let have = vec![KeyDigest { key: "k".into(), timestamp, hash }];
        let told = ann.sync(SyncRequest { have, ..buckets("m", &[""]) });
        assert_eq!((&told.ops[..], &told.want_keys[..]), (&[theirs][..], &["k".to_owned()][..]));
    });
}

#[test]
fn check_22_equal_roots_are_said_in_one_short_answer() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let mine = many("m", 500);
        fill(&mut ann, &mine);
        let root_hash = tree::fingerprint(&mine).into();
        let same = ann.sync(SyncRequest { root_hash, depth: 3, ..merkle("m", &[]) });
        assert_eq!((same.status(), same.buckets.len()), (Status::InSync, 0));
        assert!(same.encoded_len() < 200, "{same:?}");
        let other = ann.sync(SyncRequest { root_hash: vec![7; 16].into(), ..merkle("m", &[]) });
        assert_eq!((other.status(), other.buckets.len()), (Status::Ok, 16));
    });
}

#[test]
fn check_23_the_directory_has_readable_maps_alone() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let maps = ["todos-a", "todos-b", "secret", "write-only"];
        let ops = maps.map(|map| put(map, map, b"v", &at(0, "ann-node")));
        fill(&mut ann, &ops);
        let perms = serde_json::json!([
            { "map": "todos*", "ops": ["READ"] }, { "map": "write-only", "ops": ["PUT"] },
            { "map": "todos-never-written", "ops": ["READ"] }
        ]);
        let mut bob = Client::join_with(server.address(), "bob", &perms);
        let told = bob.sync(merkle("", &[]));
        let seen: Vec<_> = told.buckets.iter().map(|b| (b.path.as_str(), b.count)).collect();
        assert_eq!(seen, [("todos-a", 1), ("todos-b", 1)]);
        for (told, op) in told.buckets.iter().zip(&ops) {
            assert_eq!(told.hash, tree::fingerprint([op]));
        }
        let nobody = Client::join_with(server.address(), "cid", &serde_json::json!([]))
            .sync(merkle("", &[]));
        assert_eq!((nobody.status(), nobody.buckets.len()), (Status::Ok, 0));
        let all = ann.sync(merkle("", &[]));
        assert_eq!(all.buckets.len(), 4);
    });
}

#[test]
fn check_24_a_get_finds_values_and_removals_and_says_what_is_missing() {
    each(|server| {
        let mut ann = Client::join(server, "ann");
        let (kept, gone) =
            (put("m", "kept", b"v", &at(0, "ann-node")), remove("m", "gone", &at(1, "ann-node")));
        fill(&mut ann, &[kept.clone(), gone.clone()]);
        let told = ann.sync(get("m", &["kept", "never", "gone"]));
        assert_eq!((told.ops, told.missing_keys), (vec![kept, gone], vec!["never".to_owned()]));
        assert_eq!((told.count, told.more), (2, false));
        assert_eq!(told.gc_watermark.split(':').next(), Some("0"), "{}", told.gc_watermark);
    });
}

/// What is done to a request.
type Change = dyn Fn(&mut SyncRequest);

#[test]
fn what_a_tree_cannot_be_asked_is_refused_and_the_connection_stays() {
    each_with(
        |config| config.maps.requests_per_second_max = 10_000,
        |server| {
            let mut ann = Client::join(server, "ann");
            fill(&mut ann, &many("m", 50));
            let with = |change: &Change| {
                let mut request = merkle("m", &[]);
                change(&mut request);
                payload(request)
            };
            let bad: [(&Change, ErrorCode); 11] = [
                (&|r| r.depth = 1_000_000_000, ErrorCode::BadRequest),
                (&|r| r.depth = 9, ErrorCode::BadRequest),
                (&|r| r.levels = 4, ErrorCode::BadRequest),
                (&|r| r.paths = vec!["g".into()], ErrorCode::BadRequest),
                (&|r| r.paths = vec!["A".into()], ErrorCode::BadRequest),
                (&|r| r.paths = vec!["0".repeat(65)], ErrorCode::BadRequest),
                (&|r| r.paths = vec!["0".into(); 4097], ErrorCode::TooLarge),
                (&|r| r.root_hash = vec![0; 15].into(), ErrorCode::BadRequest),
                (&|r| r.r#type = 0, ErrorCode::BadRequest),
                (&|r| r.r#type = 99, ErrorCode::Unsupported),
                (&|r| r.keys = vec!["k".into(); (1 << 16) + 1], ErrorCode::TooLarge),
            ];
            for (n, (change, code)) in bad.into_iter().enumerate() {
                let error = ann.refused(with(change));
                assert_eq!((error.code(), error.fatal), (code, false), "{n}: {error:?}");
                assert!(!error.message.is_empty());
            }
            // Keys that are not there, all buckets again and again: answers, as short as for others.
            let keys: Vec<_> = (0..2000).map(|n| format!("not there {n}")).collect();
            let keys: Vec<_> = keys.iter().map(String::as_str).collect();
            let mut missing = Vec::new();
            for page in ann.sync_all(get("m", &keys)) {
                missing.extend(page.missing_keys);
            }
            assert_eq!(missing, keys);
            let all: Vec<_> = (0..4096).map(|n| format!("{n:03x}")).collect();
            let all: Vec<_> = all.iter().map(String::as_str).collect();
            for _ in 0..5 {
                let pages = ann.sync_all(merkle("m", &all));
                assert_eq!(pages.iter().map(|page| page.buckets.len()).sum::<usize>(), 50);
            }
        },
    );
}

#[test]
fn a_post_is_asked_like_a_socket() {
    let server: TestServer = syncline_tests::workspace::server(|_| ());
    let mut ann = Client::join(&server, "ann");
    let mine = many("m", 100);
    fill(&mut ann, &mine);
    let pass = token(&claims("ann", &everything()));
    let requests = [
        get("m", &["key 1", "never"]),
        pull("m", b""),
        merkle("m", &[]),
        merkle("m", &["3"]),
        merkle("", &[]),
        buckets("m", &["3", "4"]),
        SyncRequest { depth: 9, ..merkle("m", &[]) },
    ];
    let plain = |payload: Payload| match payload {
        // The time goes on between two answers.
        Payload::SyncResp(mut response) => {
            response.server_time.clear();
            Payload::SyncResp(response)
        }
        other => other,
    };
    for request in requests {
        let over_http = exchange(server.address(), &pass, payload(request.clone()));
        assert_eq!(plain(over_http), plain(ann.ask(payload(request))));
    }
}
