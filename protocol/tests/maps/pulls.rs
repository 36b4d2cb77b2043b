//! What changed after a cursor: pages, resets, feeds, and the records of some keys.

use syncline_protocol::dialects::maps::{
    Change, Cursor, Feed, Record,
    proto::{
        ErrorCode, SyncRequest, SyncResponse, op_result::Outcome, sync_request::Type,
        sync_response::Status,
    },
};

use crate::double::{DAY, MAP, NOW, Space, at, living, put, remove, request};

fn pull(cursor: &[u8]) -> SyncRequest {
    SyncRequest { cursor: cursor.to_vec().into(), ..request(Type::PullSince) }
}

fn keys(response: &SyncResponse) -> Vec<&str> {
    response.ops.iter().map(|op| op.key.as_str()).collect()
}

fn get(keys: &[&str]) -> SyncRequest {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    SyncRequest { keys, ..request(Type::Get) }
}

/// Pulls to the end, and says each page.
fn pull_all(space: &mut Space, cursor: &[u8], mut ask: SyncRequest) -> Vec<SyncResponse> {
    ask.cursor = cursor.to_vec().into();
    let mut pages = Vec::new();
    loop {
        let page = space.response(ask.clone());
        assert_eq!(page.status(), Status::Ok);
        ask.cursor = page.cursor.clone();
        let more = page.more;
        pages.push(page);
        assert!(pages.len() < 1000, "pages come to an end");
        if !more {
            return pages;
        }
    }
}

#[test]
fn a_map_that_is_not_there_is_empty_and_begins_for_those_who_asked() {
    let mut space = Space::default();
    let nothing = space.response(pull(b""));
    assert_eq!((nothing.status(), nothing.count, nothing.more), (Status::Ok, 0, false));
    assert_eq!(nothing.gc_watermark, "0:0:-");
    assert_eq!((nothing.r#type(), nothing.map_name.as_str()), (Type::PullSince, MAP));
    assert_eq!(nothing.root_hash.len(), 16);
    space.set(put("a", at(0, "A"), "1"));
    let later = space.response(pull(&nothing.cursor));
    assert_eq!((later.status(), keys(&later)), (Status::Ok, vec!["a"]));
}

#[test]
fn pages_hold_every_change_once_ascending_and_the_last_proves_it() {
    let mut space = Space::default();
    space.write((0..25).map(|n| put(&format!("k{n:02}"), at(0, "A"), "old")));
    space.write((0..25).step_by(2).map(|n| put(&format!("k{n:02}"), at(1, "A"), "new")));
    let ask = SyncRequest { max_items: 7, ..request(Type::PullSince) };
    let pages = pull_all(&mut space, b"", ask);
    let sizes: Vec<_> = pages.iter().map(|page| page.ops.len()).collect();
    assert_eq!(sizes, [7, 7, 7, 4]);
    let found: Vec<_> = pages.iter().flat_map(keys).map(str::to_owned).collect();
    let odd = (1..25).step_by(2);
    let even = (0..25).step_by(2);
    assert_eq!(found, odd.chain(even).map(|n| format!("k{n:02}")).collect::<Vec<_>>());
    let (position, root, count) = space.position();
    let (last, others) = pages.split_last().unwrap();
    assert_eq!((&*last.root_hash, last.count), (&root[..], count));
    assert_eq!(last.cursor, position.to_bytes(MAP));
    assert!(others.iter().all(|page| page.root_hash.is_empty() && !page.cursor.is_empty()));
    let end = space.response(pull(&last.cursor));
    assert_eq!((end.ops.len(), &end.cursor, end.more), (0, &last.cursor, false));
}

#[test]
fn what_is_written_between_pages_comes_behind_them() {
    let mut space = Space::default();
    space.write((0..10).map(|n| put(&format!("k{n}"), at(0, "A"), "old")));
    let mut ask = SyncRequest { max_items: 4, ..pull(b"") };
    let mut seen = Vec::new();
    for round in 0.. {
        let page = space.response(ask.clone());
        seen.extend(page.ops.iter().map(|op| (op.key.clone(), op.timestamp.clone())));
        ask.cursor = page.cursor.clone();
        if !page.more {
            break;
        }
        if round < 3 {
            space.set(put("k0", at(round + 1, "A"), "new"));
            space.set(put(&format!("n{round}"), at(round, "A"), "new"));
        }
    }
    let last = |key: &str| seen.iter().rfind(|(found, _)| found == key).unwrap().1.clone();
    assert_eq!(last("k0"), space.kept("k0").unwrap().hlc.to_string());
    for key in ["k1", "k9", "n0", "n1", "n2"] {
        assert_eq!(seen.iter().filter(|(found, _)| found == key).count(), 1, "{key}");
    }
}

#[test]
fn a_page_is_bounded_in_bytes_and_holds_one_operation_at_least() {
    let mut space = Space::limited(|limits| limits.page_bytes_max = 3000);
    let long = "x".repeat(1000);
    space.write((0..6).map(|n| put(&format!("k{n}"), at(0, "A"), &long)));
    space.set(put("large", at(0, "A"), &"y".repeat(10_000)));
    let sizes = |pages: Vec<SyncResponse>| -> Vec<usize> {
        pages.iter().map(|page| page.ops.len()).collect()
    };
    let pages = pull_all(&mut space, b"", request(Type::PullSince));
    assert_eq!(sizes(pages), [2, 2, 2, 1]);
    let ask = SyncRequest { max_bytes: 1, ..request(Type::PullSince) };
    assert_eq!(sizes(pull_all(&mut space, b"", ask)), [1; 7]);
    // A client may ask for less than a page, never for more.
    let ask = SyncRequest { max_bytes: u32::MAX, max_items: u32::MAX, ..request(Type::PullSince) };
    assert_eq!(sizes(pull_all(&mut space, b"", ask)), [2, 2, 2, 1]);
}

#[test]
fn only_keys_that_begin_so_are_told_and_proved() {
    let mut space = Space::limited(|limits| limits.page_ops_max = 10);
    space.write((0..40).map(|n| put(&format!("a/{n}"), at(0, "A"), "1")));
    space.write((0..3).map(|n| put(&format!("b/{n}"), at(0, "A"), "1")));
    let ask = SyncRequest { key_prefix: "b/".into(), ..request(Type::PullSince) };
    let pages = pull_all(&mut space, b"", ask.clone());
    let found: Vec<_> = pages.iter().flat_map(keys).collect();
    assert_eq!(found, ["b/0", "b/1", "b/2"]);
    let last = pages.last().unwrap();
    let mut alone = Space::default();
    alone.write((0..3).map(|n| put(&format!("b/{n}"), at(0, "A"), "1")));
    assert_eq!((&*last.root_hash, last.count), (&alone.position().1[..], 3));
    // The tree of the prefix follows what is written.
    for (record, count) in [
        (put("b/3", at(0, "A"), "1"), 4),
        (put("a/3", at(1, "A"), "2"), 4),
        (remove("b/0", at(1, "A")), 4),
    ] {
        space.set(record.clone());
        if record.key.starts_with('b') {
            alone.set(record);
        }
        let end = pull_all(&mut space, &last.cursor, ask.clone());
        let end = end.last().unwrap();
        assert_eq!((&*end.root_hash, end.count), (&alone.position().1[..], count));
    }
}

#[test]
fn many_other_keys_make_pages_without_operations_and_no_long_one() {
    let mut space = Space::default();
    for part in 0..5 {
        space.write((0..1000).map(|n| put(&format!("a/{part}/{n}"), at(0, "A"), "1")));
    }
    space.set(put("b", at(0, "A"), "1"));
    let ask = SyncRequest { key_prefix: "b".into(), ..request(Type::PullSince) };
    let pages = pull_all(&mut space, b"", ask);
    let sizes: Vec<_> = pages.iter().map(|page| page.ops.len()).collect();
    assert_eq!(sizes, [0, 1], "4,096 records are looked at for a page");
    let fed = space.feed(feed(Cursor::default(), "b", 10));
    assert!(fed.more && fed.changes.is_empty());
    let fed = space.feed(feed(fed.position, "b", 10));
    assert_eq!((fed.more, fed.changes.len()), (false, 1));
}

#[test]
fn cursors_that_mean_nothing_here_are_refused_or_ask_for_a_fresh_start() {
    let mut space = Space::default();
    space.set(put("a", at(0, "A"), "1"));
    let cursor = space.position().0;
    let status = |space: &mut Space, bytes: &[u8]| {
        let response = space.response(pull(bytes));
        assert!(response.ops.is_empty());
        (response.status(), response.cursor.is_empty())
    };
    let of = |cursor: Cursor, map: &str| cursor.to_bytes(map);
    let reset = (Status::ResetRequired, true);
    assert_eq!(status(&mut space, &of(cursor, "other")), reset);
    let foreign = Cursor { generation: cursor.generation ^ 1, ..cursor };
    assert_eq!(status(&mut space, &of(foreign, MAP)), reset);
    assert_eq!(status(&mut space, &of(Cursor { seq: 9, ..Cursor::default() }, MAP)), reset);
    assert_eq!(space.refused(pull(b"nonsense")), i32::from(ErrorCode::CursorInvalid));
    let mut damaged = of(cursor, MAP);
    damaged[3] ^= 1;
    assert_eq!(space.refused(pull(&damaged)), i32::from(ErrorCode::CursorInvalid));
    // From the future, as when a backup was put back: the root tells whether it was.
    let ahead = Cursor { seq: cursor.seq + 100, ..cursor };
    assert_eq!(status(&mut space, &of(ahead, MAP)), (Status::Ok, false));
    let lost = Space::default().response(pull(&of(cursor, MAP)));
    assert_eq!(lost.status(), Status::ResetRequired, "the map was lost and began again");
}

fn feed(after: Cursor, key_prefix: &str, ops_max: usize) -> Feed {
    Feed { after, key_prefix: key_prefix.into(), ops_max, bytes_max: usize::MAX }
}

#[test]
fn a_feed_tells_what_live_changes_told() {
    let mut space = Space::default();
    space.write((0..10).map(|n| put(&format!("k{n}"), at(0, "A"), "1")));
    space.write([remove("k0", at(1, "A")), put("k3", at(1, "A"), "2")]);
    let live: Vec<Change> = {
        let mut last = space.changes.clone();
        last.retain(|change| change.cursor.seq != 1 && change.cursor.seq != 4);
        last
    };
    let (mut told, mut at) = (Vec::new(), Cursor::default());
    loop {
        let fed = space.feed(feed(at, "", 3));
        assert!(!fed.reset && fed.changes.len() <= 3);
        at = fed.position;
        told.extend(fed.changes);
        if !fed.more {
            break;
        }
    }
    assert_eq!(at, space.position().0);
    let plain = |changes: &[Change]| -> Vec<_> {
        changes.iter().map(|change| (change.cursor, change.op())).collect()
    };
    assert_eq!(plain(&told), plain(&live));
    assert!(told.iter().all(|change| change.origin == 0));
    let elsewhere = Cursor { generation: 5, seq: 1, base: 0 };
    let fed = space.feed(feed(elsewhere, "", 3));
    assert!(fed.reset && fed.changes.is_empty() && !fed.more);
    assert_eq!(fed.position, space.position().0);
}

#[test]
fn a_get_finds_values_and_removals_and_says_what_is_not_there() {
    let mut space = Space::default();
    let records = [put("a", at(0, "A"), "1"), remove("b", at(0, "A"))];
    space.write(records.clone());
    let found = space.response(get(&["a", "b", "c"]));
    assert_eq!(found.ops, records.map(|record| record.to_op(MAP)));
    assert_eq!((found.status(), found.missing_keys), (Status::Ok, vec!["c".to_owned()]));
    assert!(space.response(get(&[])).ops.is_empty());
}

#[test]
fn what_lived_its_time_is_read_as_its_tombstone_and_swept_to_it() {
    let mut space = Space::default();
    let record = living("a", at(0, "A"), "1", 1000);
    space.set(record.clone());
    space.now = NOW + 1000;
    assert_eq!(space.response(get(&["a"])).ops, [record.to_op(MAP)], "at its end it lives");
    assert_eq!(space.sweep(), 0);
    space.now += 1;
    let tombstone = remove("a", at(1000, "A"));
    let before = space.position();
    assert_eq!(space.response(get(&["a"])).ops, [tombstone.to_op(MAP)]);
    assert_eq!(space.position(), before, "the tree has what is stored");
    assert_eq!(space.sweep(), 1);
    assert_eq!(space.kept("a"), Some(tombstone.clone()));
    assert_eq!(space.changes.last().unwrap().op(), {
        use prost::Message as _;
        tombstone.to_op(MAP).encode_to_vec()
    });
    let after = space.position();
    assert!(after.1 != before.1 && after.0.seq == before.0.seq + 1);
    assert_eq!(space.sweep(), 0);
}

#[test]
fn a_life_that_is_over_counts_as_ended_whether_it_was_swept_or_not() {
    for sweeps in [true, false] {
        let mut space = Space::default();
        space.set(living("a", at(0, "A"), "1", 1000));
        space.now = NOW + 5000;
        if sweeps {
            space.sweep();
        }
        assert_eq!(space.set(put("a", at(500, "B"), "2")), Outcome::Stale);
        assert_eq!(space.set(put("a", at(1500, "B"), "3")), Outcome::Applied);
        assert_eq!(space.sweep(), 0);
        assert_eq!(&*space.kept("a").unwrap().value, b"3");
    }
}

#[test]
fn a_sweep_ends_a_bounded_number_of_lives() {
    let mut space = Space::default();
    for part in 0..5 {
        let records = (0..1000).map(|n| living(&format!("{part}/{n}"), at(0, "A"), "1", 10));
        space.write(records);
    }
    space.now += DAY;
    assert_eq!(space.sweep(), 3, "2,048 each time");
    assert_eq!(space.changes.len(), 10_000);
    assert_eq!(space.position().2, 5000);
}

#[test]
fn pages_of_a_get_follow_each_other_and_end_somewhere() {
    let mut space = Space::limited(|limits| limits.page_ops_max = 5);
    let records: Vec<Record> = (0..30).map(|n| put(&format!("k{n}"), at(0, "A"), "1")).collect();
    space.write(records.clone());
    let mut keys: Vec<String> = (0..30).map(|n| format!("k{n}")).collect();
    let pages = space.sync(SyncRequest { keys: keys.clone(), ..request(Type::Get) });
    assert_eq!(
        pages.iter().map(syncline_protocol::dialects::maps::Page::ops_len).collect::<Vec<_>>(),
        [5; 4]
    );
    let statuses: Vec<_> = pages.iter().map(|page| page.rest.status()).collect();
    assert_eq!(statuses, [Status::Ok, Status::Ok, Status::Ok, Status::Partial]);
    // Whoever asks again for what was not answered gets it all.
    let mut found = 20;
    keys.drain(..20);
    let rest = space.response(SyncRequest { keys, ..request(Type::Get) });
    found += rest.ops.len();
    assert_eq!((found, rest.status()), (30, Status::Ok));
    let many = (0..4097).map(|n| n.to_string()).collect();
    let code = space.refused(SyncRequest { keys: many, ..request(Type::Get) });
    assert_eq!(code, i32::from(ErrorCode::TooLarge));
}
