//! Two replicas that differ: what it takes to make them equal, against the real coordinator.

use syncline_protocol::dialects::maps::{
    Entry, Index, Leaf, Path, Prefix, Settings, fingerprint, memory::Delays, proto::Bucket,
};

use super::{
    super::buckets::{Ask, Buckets, Manner},
    world::World,
    *,
};

const RECORDS: usize = 1200;

/// A coordinator with records, and a device that has the same.
fn equal(offers: &'static [&'static str]) -> World {
    let mut world = World::new(1, Settings::default(), Delays::default());
    world.offers = offers;
    let mut replica = Memory::new("phone", &[MAP]);
    for number in 0..RECORDS {
        replica.write(MAP, &format!("key {number}"), Some("value"), WALL);
    }
    world.join(replica, Rules::default());
    assert!(world.run_until(600_000, |world| world.is_settled(&[MAP])));
    world
}

/// What the device asks after it has connected again, until it is proved equal.
fn asked(world: &mut World) -> Vec<(Type, SyncRequest)> {
    world.cut(0, 0);
    assert!(world.run_until(1000, |world| world.devices[0].machine.is_online()));
    world.heard.clear();
    world.bytes = [0; 2];
    assert!(world.run_until(600_000, |world| world.is_settled(&[MAP])));
    let requests = world.heard.drain(..).filter_map(|payload| match payload {
        Payload::SyncReq(request) => Some((Type::try_from(request.r#type).unwrap(), request)),
        Payload::Op(op) => Some((Type::Push, SyncRequest { ops: vec![op], ..Default::default() })),
        _ => None,
    });
    requests.collect()
}

fn types(asked: &[(Type, SyncRequest)]) -> Vec<Type> {
    asked.iter().map(|(kind, _)| *kind).collect()
}

const ALL: &[&str] = &["cursor", "negentropy1"];
const BUCKETS: &[&str] = &["cursor"];
const TREE: &[&str] = &[];

#[test]
fn nothing_differs() {
    for (offers, request) in
        [(ALL, Type::PullSince), (BUCKETS, Type::PullSince), (TREE, Type::MerkleHashReq)]
    {
        let mut world = equal(offers);
        assert_eq!(types(&asked(&mut world)), [request], "one round trip");
        let [up, down] = world.bytes;
        assert!(up + down < 200, "{up} bytes up, {down} down");
    }
}

/// Lets the two differ in every way, and compares what is asked. Whatever is offered, they become
/// equal, and no further than to the winners.
fn repaired(offers: &'static [&'static str]) -> Vec<(Type, SyncRequest)> {
    let mut world = equal(offers);
    let replica = &mut world.devices[0].replica;
    // Lost here; lost there; older here; newer here.
    replica.lose(MAP, "key 5");
    let mut ours = replica.get(MAP, "key 6").unwrap().clone();
    ours.key = "only here".into();
    replica.plant(MAP, ours.clone());
    replica.lose(MAP, "key 7");
    ours.key = "key 7".into();
    ours.hlc.millis -= 1;
    replica.plant(MAP, ours.clone());
    ours.key = "key 8".into();
    ours.hlc.millis += 2;
    ours.value = "newer".into();
    replica.plant(MAP, ours);
    let asked = asked(&mut world);
    let values = world.devices[0].replica.values(MAP);
    assert_eq!(values.len(), RECORDS + 1);
    assert_eq!(
        (&*values["key 5"], &*values["key 7"], &*values["key 8"]),
        ("value", "value", "newer")
    );
    // What the server has is what another device reads.
    world.join(Memory::new("tablet", &[MAP]), Rules::default());
    assert!(world.run_until(600_000, |world| world.is_settled(&[MAP])));
    assert_eq!(world.devices[1].replica.values(MAP), values);
    asked
}

#[test]
fn ranges_tell_where_they_differ_both_ways() {
    let asked = repaired(ALL);
    let types = types(&asked);
    let ranges = types.iter().filter(|kind| **kind == Type::Range).count();
    assert!((1..=4).contains(&ranges), "{types:?}");
    assert_eq!(types.last(), Some(&Type::PullSince), "and the roots prove it");
    assert!(!types.contains(&Type::MerkleHashReq), "{types:?}");
    let pushed: usize = asked.iter().map(|(_, request)| request.ops.len()).sum();
    assert_eq!(pushed, 2, "exactly what the server lacks, or has older");
}

#[test]
fn buckets_tell_where_they_differ_both_ways() {
    let asked = repaired(BUCKETS);
    let kinds = types(&asked);
    use Type::{BucketKeys, MerkleHashReq, PullSince, Push};
    assert_eq!(kinds, [PullSince, MerkleHashReq, BucketKeys, Push, PullSince]);
    assert!(asked[2].1.paths.len() <= 4);
    assert!(asked[2].1.have_leaves.len() <= 64 * 8 * 4);
    let pushed: usize = asked[3].1.ops.len();
    assert!((2..=3).contains(&pushed), "what was older may go, too: {pushed}");
}

#[test]
fn a_server_without_cursors_is_repaired_as_well() {
    let asked = repaired(TREE);
    let kinds = types(&asked);
    assert!(!kinds.contains(&Type::PullSince), "{kinds:?}");
    assert_eq!(kinds.first(), Some(&Type::MerkleHashReq));
    assert!(kinds.contains(&Type::BucketKeys));
}

#[test]
fn a_map_that_is_empty_here_or_there_is_repaired() {
    for offers in [ALL, BUCKETS, TREE] {
        let mut world = equal(offers);
        for number in 0..RECORDS {
            world.devices[0].replica.lose(MAP, &format!("key {number}"));
        }
        asked(&mut world);
        assert_eq!(world.devices[0].replica.values(MAP).len(), RECORDS);
    }
}

/// The counted records of a bucket, as a server lists them.
fn bucket(index: &Index, prefix: &Prefix) -> Bucket {
    let totals = index.totals(prefix);
    let hash = Bytes::copy_from_slice(&fingerprint(&totals));
    Bucket { path: prefix.to_string(), hash, count: totals.count }
}

#[test]
fn one_of_a_hundred_thousand_costs_few_paths_and_few_leaves() {
    let entry = |number: u64| {
        let mut leaf = [0; 32];
        leaf[..8].copy_from_slice(&number.to_be_bytes());
        leaf[8..16].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let path = Path(u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64);
        Entry { path, leaf: Leaf(leaf), seq: 0, counted: true }
    };
    let theirs = Index::from_entries((1..=100_000).map(entry).collect());
    let mut ours = theirs.clone();
    ours.remove(entry(77_777).path);
    let manner = Manner { levels_max: 2, records_max: 64, rounds_max: 16, compact: true };
    let mut walk = Buckets::new(manner, 100_000);
    let (mut rounds, mut paths_touched, mut digests) = (0, 0, 0);
    loop {
        rounds += 1;
        match walk.ask(&ours) {
            Ask::Tree { mut paths, levels, .. } => {
                paths_touched += paths.len();
                if paths.is_empty() {
                    paths.push(Prefix::ROOT);
                }
                let below = paths.iter().flat_map(|path| theirs.children(path, levels));
                let came = below.map(|(prefix, _)| bucket(&theirs, &prefix)).collect();
                walk.buckets(came).unwrap();
                walk.compare(&ours).unwrap();
            }
            Ask::Leaves { paths, leaves } => {
                paths_touched += paths.len();
                digests += leaves.len() / 8;
                assert!(paths.iter().any(|prefix| prefix.contains(entry(77_777).path)));
            }
            Ask::Nothing => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(paths_touched <= 4 && digests <= 64, "{paths_touched} paths, {digests} digests");
    assert_eq!(rounds, 4, "three questions");
}
