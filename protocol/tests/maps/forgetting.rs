//! Tombstones that are old enough are forgotten: what that means for trees, cursors and late operations.

use syncline_protocol::{
    dialect::{Collections as _, Room as _, UnixMillis},
    dialects::maps::{
        Cursor, Hlc, Record, fingerprint, hash_of,
        proto::{
            ErrorCode, KeyDigest, SyncRequest, SyncResponse, op_result::Outcome,
            sync_request::Type, sync_response::Status,
        },
    },
};

use crate::{
    double::{DAY, MAP, NOW, Space, at, living, put, remove, request},
    peer::{How, Peer},
};

/// How many days tombstones are kept.
const RETENTION: u64 = 30;

fn pull(space: &mut Space, cursor: Cursor) -> SyncResponse {
    let cursor = cursor.to_bytes(MAP).into();
    space.response(SyncRequest { cursor, ..request(Type::PullSince) })
}

fn watermark(space: &mut Space) -> Hlc {
    space.response(request(Type::MerkleHashReq)).gc_watermark.parse().unwrap()
}

#[test]
fn a_tombstone_is_kept_for_its_time_and_then_gone() {
    let mut space = Space::default();
    space.write([put("a", at(0, "A"), "1"), put("b", at(0, "A"), "1")]);
    space.set(remove("a", at(1, "A")));
    let (before, count) = (space.position(), 2);
    space.now = NOW + 1 + RETENTION * DAY;
    assert_eq!(space.sweep(), 0, "to the last millisecond");
    assert_eq!(space.position(), before);
    space.now += 1;
    assert_eq!(space.sweep(), 1);
    assert_eq!(space.kept("a"), None);
    let after = space.position();
    assert_eq!((after.0, after.2), (before.0, count - 1), "it was no change");
    assert_eq!(watermark(&mut space), at(2, "-"));
    assert_eq!(space.changes.len(), 3);
    assert_eq!(space.sweep(), 0);
}

#[test]
fn the_watermark_stays_where_nothing_is_forgotten() {
    let mut space = Space::default();
    space.set(put("a", at(0, "A"), "1"));
    space.now += 100 * DAY;
    space.sweep();
    assert_eq!(watermark(&mut space).to_string(), "0:0:-");
    assert_eq!(space.set(put("new", at(0, "A"), "1")), Outcome::Applied);
}

/// A map with one tombstone that is forgotten and something that lives.
fn forgetful() -> (Space, Cursor, Cursor) {
    let mut space = Space::default();
    space.write([put("a", at(0, "A"), "1"), put("b", at(0, "A"), "1")]);
    let before = space.position().0;
    space.set(remove("a", at(1, "A")));
    let after = space.position().0;
    space.set(put("c", at(2, "A"), "1"));
    space.now += 31 * DAY;
    space.sweep();
    (space, before, after)
}

#[test]
fn who_was_there_before_starts_afresh_and_who_saw_it_goes_on() {
    let (mut space, before, after) = forgetful();
    for prepared in [None, Some(true), Some(false)] {
        if let Some(prepared) = prepared {
            space.restart(prepared);
        }
        let reset = pull(&mut space, before);
        assert_eq!((reset.status(), reset.ops.len()), (Status::ResetRequired, 0));
        let on = pull(&mut space, after);
        assert_eq!((on.status(), on.ops.len()), (Status::Ok, 1));
        let whole = space.response(request(Type::PullSince));
        assert_eq!((whole.status(), whole.ops.len(), whole.count), (Status::Ok, 2, 2));
    }
}

#[test]
fn a_snapshot_goes_on_over_what_was_forgotten_before_it_and_not_over_what_is_after() {
    let mut space = Space::default();
    space.write((0..10).map(|n| put(&format!("k{n}"), at(0, "A"), "1")));
    space.write([remove("k3", at(1, "A")), remove("k4", at(DAY as i64 * 5, "A"))]);
    space.now += 31 * DAY;
    space.sweep();
    let page = |space: &mut Space, cursor: &[u8]| {
        let cursor = cursor.to_vec().into();
        space.response(SyncRequest { cursor, max_items: 3, ..request(Type::PullSince) })
    };
    let first = page(&mut space, b"");
    let cursor = Cursor::parse(MAP, &first.cursor).unwrap();
    assert_eq!((cursor.seq, cursor.base), (3, 11), "below what is forgotten, and says so");
    let second = page(&mut space, &first.cursor);
    assert_eq!((second.status(), second.ops.len(), second.more), (Status::Ok, 3, true));
    // Now something goes that the first page may have brought.
    space.now += 6 * DAY;
    space.sweep();
    assert_eq!(space.kept("k4"), None);
    assert_eq!(page(&mut space, &second.cursor).status(), Status::ResetRequired);
    let last = space.response(request(Type::PullSince));
    assert_eq!(last.ops.len(), 8);
    assert_eq!(Cursor::parse(MAP, &last.cursor).unwrap(), space.position().0);
}

#[test]
fn an_old_operation_on_a_key_that_is_not_there_is_refused() {
    let (mut space, ..) = forgetful();
    for record in [put("a", at(0, "B"), "back"), remove("never", at(0, "B"))] {
        let result = space.result(record.clone());
        assert_eq!((result.outcome(), result.code()), (Outcome::Rejected, ErrorCode::BeyondGc));
        assert_eq!(space.kept(&record.key), None);
    }
    assert_eq!(space.set(put("a", at(2, "B"), "back")), Outcome::Applied);
    // What is there is compared as ever.
    assert_eq!(space.set(put("b", at(0, "B"), "2")), Outcome::Applied);
    assert_eq!(space.set(put("c", at(0, "B"), "2")), Outcome::Stale);
}

#[test]
fn a_late_removal_leaves_the_tree_and_is_told_as_long_as_any_other() {
    let (mut space, ..) = forgetful();
    let live = space.position();
    // Somebody removed it long ago, and comes only now.
    let late = remove("b", Hlc { counter: 1, ..at(0, "A") });
    assert_eq!(space.set(late.clone()), Outcome::Applied);
    let (cursor, _, count) = space.position();
    assert_eq!((cursor.seq, count), (live.0.seq + 1, 1), "told, and not in the tree");
    for prepared in [None, Some(true), Some(false)] {
        if let Some(prepared) = prepared {
            space.restart(prepared);
        }
        space.now += 10 * DAY - 1;
        space.sweep();
        assert_eq!(space.kept("b").as_ref(), Some(&late));
        assert_eq!(space.position(), (cursor, space.position().1, 1));
        let pulled = pull(&mut space, live.0);
        assert_eq!((pulled.status(), pulled.ops.len()), (Status::Ok, 1));
    }
    space.now += 4;
    space.sweep();
    assert_eq!(space.kept("b"), None);
    assert_eq!(pull(&mut space, live.0).status(), Status::ResetRequired);
    assert_eq!(space.memory.maps[&1].len(), 1, "nothing is left but the map's own");
}

#[test]
fn a_removal_that_is_somewhat_late_leaves_with_its_age_and_goes_later() {
    let mut space = Space::default();
    space.write(["a", "b"].map(|key| put(key, at(0, "A"), "1")));
    space.now += 5 * DAY;
    space.write([remove("a", at(1, "A")), remove("b", at(5 * DAY as i64, "A"))]);
    assert_eq!(space.memory.maps[&1].len(), 2, "one is late");
    space.now = NOW + 30 * DAY + 2;
    space.restart(true);
    space.sweep();
    assert_eq!((space.position().2, watermark(&mut space)), (1, at(2, "-")));
    assert_eq!(space.kept("a"), Some(remove("a", at(1, "A"))));
    space.now = NOW + 35 * DAY + 1;
    space.sweep();
    assert_eq!((space.kept("a"), space.kept("b")), (None, None));
    assert_eq!(space.memory.maps[&1].len(), 1);
}

#[test]
fn a_late_removal_that_is_overcome_is_late_no_more() {
    let mut space = Space::default();
    space.now += 5 * DAY;
    space.set(remove("a", at(0, "A")));
    assert_eq!(space.memory.maps[&1].len(), 2);
    space.set(put("a", at(1, "A"), "1"));
    assert_eq!(space.memory.maps[&1].len(), 1);
    space.now += 40 * DAY;
    assert_eq!(space.sweep(), 0);
    assert_eq!(&*space.kept("a").unwrap().value, b"1");
}

#[test]
fn both_sides_stay_equal_when_only_one_forgets() {
    let mut space = Space::default();
    let records: Vec<Record> = (0..20)
        .map(|n| put(&n.to_string(), at(0, "A"), "1"))
        .chain((0..5).map(|n| remove(&n.to_string(), at(1 + n, "A"))))
        .collect();
    let mut peer = Peer::default();
    records.iter().for_each(|record| peer.merge(record.clone()));
    space.write(records);
    assert_eq!(peer.root(), space.position().1);
    space.now += 30 * DAY + 4;
    space.sweep();
    assert_eq!(space.kept("2"), None);
    assert_eq!(space.kept("3"), Some(remove("3", at(4, "A"))));
    assert_ne!(peer.root(), space.position().1);
    peer.take(&space.response(request(Type::MerkleHashReq)));
    assert_eq!(peer.root(), space.position().1, "the watermark is enough");
    assert_eq!(peer.records.len(), 20);
}

#[test]
fn a_key_that_was_removed_and_forgotten_does_not_come_back() {
    for how in [How::Digests, How::Leaves, How::Asking] {
        let (mut space, ..) = forgetful();
        let mut peer = Peer::default();
        for key in ["a", "b"] {
            peer.merge(put(key, at(0, "A"), "1"));
        }
        peer.reconcile_by_buckets(&mut space, how, 1);
        assert!(!peer.records.contains_key("a"));
        assert_eq!(peer.root(), space.position().1);
    }
    let (mut space, ..) = forgetful();
    let have = vec![KeyDigest {
        key: "a".into(),
        timestamp: at(0, "A").to_string(),
        hash: hash_of(&put("a", at(0, "A"), "1")).short().to_vec().into(),
    }];
    let found = space.response(SyncRequest { have, ..request(Type::BucketKeys) });
    assert_eq!((found.missing_keys, found.want_keys), (vec!["a".to_owned()], Vec::new()));
}

#[test]
fn a_record_that_a_removal_outside_the_tree_ended_goes_also_by_leaves() {
    let (mut space, ..) = forgetful();
    space.set(remove("b", Hlc { counter: 1, ..at(0, "A") }));
    for how in [How::Digests, How::Leaves] {
        let mut peer = Peer::default();
        peer.merge(put("b", at(0, "A"), "1"));
        peer.reconcile_by_buckets(&mut space, how, 1);
        assert_eq!(peer.root(), space.position().1);
        assert!(peer.counted().all(|record| &*record.key != "b"));
    }
}

#[test]
fn everyone_makes_the_same_tombstone_of_a_life_that_ended() {
    let record = living("a", at(0, "A"), "1", 1000);
    let roots = [1001, 5 * DAY].map(|later| {
        let mut space = Space::default();
        space.set(record.clone());
        space.now += later;
        space.sweep();
        space.position().1
    });
    let mut mine = Peer::default();
    mine.merge(record.tombstone_of_expiry().unwrap());
    assert_eq!(roots, [fingerprint(&mine.index().root()); 2]);
}

#[test]
fn a_life_that_ended_long_ago_makes_a_late_tombstone() {
    let mut space = Space::default();
    space.set(living("a", at(0, "A"), "1", 1000));
    let before = space.position().0;
    // Nobody looked for months.
    space.now += 90 * DAY;
    assert!(space.sweep() > 0);
    assert_eq!(space.kept("a"), Some(remove("a", at(1000, "A"))));
    assert_eq!(pull(&mut space, before).ops.len(), 1, "it is told before it is forgotten");
    space.now += 30 * DAY + 1;
    space.sweep();
    assert_eq!(space.kept("a"), None);
}

#[test]
fn many_tombstones_are_forgotten_in_several_sweeps_and_trees_fit_each_time() {
    let mut space = Space::default();
    let mut peer = Peer::default();
    for part in 0..6_i64 {
        let stone = |n: i64| remove(&format!("{part}/{n}"), at(part * 1000 + n, "A"));
        let records: Vec<_> = (0..1000).map(stone).collect();
        records.iter().for_each(|record| peer.merge(record.clone()));
        space.write(records);
    }
    space.now += 31 * DAY;
    let mut sweeps = 0;
    while let Some(command) = space.room.due(UnixMillis(space.now)) {
        space.ask(command);
        sweeps += 1;
        peer.take(&space.response(request(Type::MerkleHashReq)));
        assert_eq!(peer.root(), space.position().1);
    }
    assert_eq!(sweeps, 3);
    assert_eq!((space.position().2, space.memory.maps[&0].len()), (0, 0));
}

#[test]
fn tombstones_of_one_millisecond_leave_the_tree_together_and_the_store_bit_by_bit() {
    let mut space = Space::default();
    let mut peer = Peer::default();
    for part in 0..7_u32 {
        let stone = |n: u32| remove(&format!("{part}/{n}"), at(0, "A"));
        let records: Vec<_> = (0..1000).map(stone).collect();
        records.iter().for_each(|record| peer.merge(record.clone()));
        space.write(records);
    }
    space.now += 31 * DAY;
    let mut kept = 7000;
    while let Some(command) = space.room.due(UnixMillis(space.now)) {
        space.ask(command);
        let left = space.memory.maps[&0].len();
        assert!((1..=4096).contains(&(kept - left)), "{left} of {kept}");
        kept = left;
        assert_eq!(space.position().2, 0);
        peer.take(&space.response(request(Type::MerkleHashReq)));
        assert_eq!(peer.root(), space.position().1);
        space.restart(kept % 2 == 0);
        space.position();
    }
    assert_eq!(kept, 0);
}

#[test]
fn a_snapshot_goes_on_while_tombstones_are_forgotten_every_second() {
    let mut space = Space::default();
    space.write((0..100).map(|n| put(&format!("k{n}"), at(0, "A"), "1")));
    for n in 0..100 {
        space.now = NOW + 1000 * n;
        space.set(remove(&format!("gone{n}"), at(1000 * n as i64, "A")));
    }
    let live = space.position().0.seq;
    space.now = NOW + 30 * DAY;
    let (mut cursor, mut resets, mut pulled) = (Vec::new(), 0, 0);
    loop {
        space.now += 1000;
        space.sweep();
        let request =
            SyncRequest { cursor: cursor.clone().into(), max_items: 5, ..request(Type::PullSince) };
        let page = space.response(request);
        if page.status() == Status::ResetRequired {
            (cursor, resets, pulled) = (Vec::new(), resets + 1, 0);
            assert!(resets < 3, "it must come to an end");
            continue;
        }
        pulled += page.ops.len();
        cursor = page.cursor.to_vec();
        if !page.more {
            break;
        }
    }
    assert!(pulled >= 100 && space.position().0.seq == live);
    assert!(space.memory.maps[&0].len() > 100, "it took less time than there was to forget");
}

#[test]
fn a_damaged_record_does_not_stop_a_sweep() {
    let mut space = Space::default();
    space.write(["a", "b"].map(|key| living(key, at(0, "A"), "1", 10)));
    let path = syncline_protocol::dialects::maps::Path::of("a").to_key();
    space.memory.put(0, &path, b"damaged");
    space.now += 1000;
    assert_eq!(space.sweep(), 1);
    assert_eq!(space.kept("b"), Some(remove("b", at(10, "A"))));
}
