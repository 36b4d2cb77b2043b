//! What becomes of operations: which win, what is told, what a limit does.

use prost::Message as _;
use syncline_protocol::{
    dialect::Collections as _,
    dialects::maps::{
        Command, Path, Record, Window, Write, batch,
        proto::{
            Envelope, ErrorCode, OperationBatch, OperationMessage, envelope::Payload,
            op_result::Outcome,
        },
        wire,
    },
};

use crate::double::{MAP, Space, at, hlc, living, put, remove};

#[test]
fn the_same_operation_twice_is_a_duplicate_and_changes_nothing() {
    let mut space = Space::default();
    let record = put("a", at(0, "A"), "1");
    assert_eq!(space.set(record.clone()), Outcome::Applied);
    let (before, memory) = (space.position(), space.memory.clone());
    assert_eq!(space.set(record.clone()), Outcome::Duplicate);
    assert_eq!(space.position(), before);
    assert_eq!(space.memory, memory);
    assert_eq!(space.changes.len(), 1);
    assert_eq!(space.kept("a"), Some(record));
}

#[test]
fn an_older_operation_is_stale_and_told_what_is_there() {
    let mut space = Space::default();
    space.set(put("a", at(1, "A"), "new"));
    let result = space.result(put("a", at(0, "B"), "old"));
    assert_eq!(result.outcome(), Outcome::Stale);
    assert_eq!(result.current_timestamp, at(1, "A").to_string());
    assert_eq!(&*space.kept("a").unwrap().value, b"new");
    assert_eq!(space.changes.len(), 1);
}

#[test]
fn two_records_end_alike_in_both_orders() {
    let long = "x".repeat(300);
    let pairs: [(Record, Record); 9] = [
        (put("k", hlc("100:0:A"), "x"), put("k", hlc("101:0:A"), "y")),
        (put("k", hlc("100:0:A"), "x"), put("k", hlc("100:0:B"), "y")),
        (put("k", hlc("100:9:A"), "x"), put("k", hlc("100:10:A"), "y")),
        (put("k", hlc("9:0:A"), "x"), put("k", hlc("10:0:A"), "y")),
        (put("k", hlc("100:0:a"), "x"), remove("k", hlc("100:0:a"))),
        (put("k", hlc("100:0:A"), "x"), put("k", hlc("100:0:A"), "y")),
        (put("k", hlc("100:0:A"), "x"), put("k", hlc("100:0:A"), &long)),
        (put("k", hlc("100:0:A"), ""), put("k", hlc("100:0:A"), "\0")),
        (put("k", hlc("100:0:B"), "y"), put("k", hlc("100:0:a"), "x")),
    ];
    for (loser, winner) in pairs {
        let mut ends = [[&loser, &winner], [&winner, &loser]].map(|order| {
            let mut space = Space::default();
            let outcomes = order.map(|record| space.set(record.clone()));
            assert_eq!(space.kept("k"), Some(winner.clone()));
            (outcomes, space.position())
        });
        assert_eq!(ends[0].0, [Outcome::Applied, Outcome::Applied]);
        assert_eq!(ends[1].0, [Outcome::Applied, Outcome::Stale]);
        // The numbers differ, the state does not.
        ends.iter_mut().for_each(|(_, position)| position.0 = Default::default());
        assert_eq!(ends[0].1, ends[1].1);
    }
}

#[test]
fn the_longer_life_wins_between_otherwise_equal_ones() {
    let mut space = Space::default();
    assert_eq!(space.set(living("k", at(0, "A"), "x", 5000)), Outcome::Applied);
    assert_eq!(space.set(living("k", at(0, "A"), "x", 4000)), Outcome::Stale);
    assert_eq!(space.set(living("k", at(0, "A"), "x", 6000)), Outcome::Applied);
}

#[test]
fn a_removal_stays_against_older_values_and_gives_way_to_newer_ones() {
    let mut space = Space::default();
    assert_eq!(space.set(remove("new", at(0, "A"))), Outcome::Applied);
    assert_eq!(space.kept("new"), Some(remove("new", at(0, "A"))));
    assert_eq!(space.set(put("new", at(-1, "B"), "x")), Outcome::Stale);
    assert_eq!(space.set(put("new", at(1, "B"), "x")), Outcome::Applied);
    assert_eq!(&*space.kept("new").unwrap().value, b"x");
}

#[test]
fn operations_of_a_batch_follow_each_other_and_answer_under_their_index() {
    let mut space = Space::default();
    space.set(put("there", at(5, "A"), "x"));
    let records = [
        (3, put("a", at(0, "A"), "1")),
        (5, put("a", at(2, "A"), "2")),
        (6, put("there", at(1, "A"), "late")),
        (8, put("a", at(1, "A"), "3")),
        (9, put("a", at(2, "A"), "2")),
        (11, remove("a", at(3, "A"))),
    ];
    let write = Command::Write(Write { origin: 1, ops: records.into() });
    let syncline_protocol::dialects::maps::Answer::Written(written) = space.ask(write) else {
        panic!("written");
    };
    let results: Vec<_> = written.results.iter().map(|it| (it.index, it.outcome())).collect();
    assert_eq!(results, [(6, Outcome::Stale), (8, Outcome::Stale), (9, Outcome::Duplicate)]);
    assert_eq!((written.applied, written.durable), (3, true));
    assert_eq!(space.kept("a"), Some(remove("a", at(3, "A"))));
}

#[test]
fn whoever_follows_hears_of_winners_in_their_order() {
    let mut space = Space::default();
    space.write([put("a", at(0, "A"), "1"), put("a", at(-1, "A"), "0"), put("b", at(0, "A"), "2")]);
    space.write([remove("a", at(1, "A"))]);
    let told: Vec<_> = space
        .changes
        .iter()
        .map(|change| {
            let op = OperationMessage::decode(change.op()).unwrap();
            assert_eq!((op.map_name.as_str(), change.origin), (MAP, 7));
            assert_eq!(change.key(), op.key.as_bytes());
            (change.cursor.seq, op)
        })
        .collect();
    let op = |record: &Record| record.to_op(MAP);
    assert_eq!(
        told,
        [
            (1, op(&put("a", at(0, "A"), "1"))),
            (2, op(&put("b", at(0, "A"), "2"))),
            (3, op(&remove("a", at(1, "A")))),
        ]
    );
    let position = space.position().0;
    assert_eq!(space.changes[2].cursor, position);
    assert!(position.generation != 0 && position.base == 0);

    let window = Window::gather(MAP, space.changes.clone()).unwrap();
    let seqs = |changes: &[_]| {
        changes.iter().map(|it: &syncline_protocol::dialects::maps::Change| it.cursor.seq).collect()
    };
    let kept: Vec<u64> = seqs(&window.changes);
    assert_eq!(kept, [2, 3], "of each key the last");
    let message = wire::encode_batch(&window.shared, b"before");
    let Some(Payload::Batch(whole)) = Envelope::decode(message).unwrap().payload else {
        panic!("no batch")
    };
    assert_eq!(whole.ops, [op(&put("b", at(0, "A"), "2")), op(&remove("a", at(1, "A")))]);
    assert_eq!(whole.cursor, position.to_bytes(MAP));
    assert_eq!(&*whole.prev_cursor, b"before");
    let part = OperationBatch::decode(&*batch(&window.changes[1..], b"c")).unwrap();
    assert_eq!((part.ops.len(), &*part.cursor), (1, &b"c"[..]));
}

#[test]
fn nothing_follows_from_nothing() {
    assert_eq!(Window::gather(MAP, Vec::new()), None);
    let mut space = Space::default();
    let written = space.write([]);
    assert_eq!((written.applied, written.results.len()), (0, 0));
    let (cursor, _, count) = space.position();
    assert_eq!((cursor, count), (Default::default(), 0), "nothing is begun by asking");
    assert_eq!(space.memory, Default::default());
}

#[test]
fn an_answer_may_come_before_the_device_and_says_so() {
    let mut space = Space::hasty();
    let written = space.write([put("a", at(0, "A"), "1")]);
    assert!(!written.durable && space.early);
    space.position();
    assert!(!space.early, "only writes are answered early");
    let mut space = Space::default();
    assert!(space.write([put("a", at(0, "A"), "1")]).durable && !space.early);
}

#[test]
fn a_full_map_takes_changes_and_no_new_keys() {
    let mut space = Space::limited(|limits| limits.map_keys_max = 2);
    let written = space.write(["a", "b", "c"].map(|key| put(key, at(0, "A"), "1")));
    assert_eq!(written.applied, 2);
    assert_eq!(written.results[0].code(), ErrorCode::TooLarge);
    assert_eq!(written.results[0].index, 2);
    assert_eq!(space.set(remove("a", at(1, "A"))), Outcome::Applied);
    assert_eq!(space.set(put("c", at(1, "A"), "1")), Outcome::Rejected);
}

#[test]
fn a_key_whose_path_another_one_has_is_not_written_over() {
    let mut space = Space::default();
    space.set(put("a", at(0, "A"), "1"));
    // As if both had one path.
    let (a, b) = (Path::of("a").to_key(), Path::of("b").to_key());
    space.set(put("b", at(0, "A"), "1"));
    let stored = space.memory.get(0, &b).unwrap().unwrap();
    space.memory.put(0, &a, &stored);
    let result = space.result(put("a", at(9, "A"), "2"));
    assert_eq!((result.outcome(), result.code()), (Outcome::Rejected, ErrorCode::Internal));
    assert_eq!(space.memory.get(0, &a).unwrap().unwrap(), stored);
}

#[test]
fn what_cannot_be_read_stops_a_write_before_it_changes_anything() {
    let mut space = Space::default();
    space.write([put("a", at(0, "A"), "1"), put("b", at(0, "A"), "1")]);
    space.memory.put(0, &Path::of("b").to_key(), b"\x09 from the future");
    let (before, told) = (space.memory.clone(), space.changes.len());
    let ops = vec![(0, put("a", at(1, "A"), "2")), (1, put("b", at(1, "A"), "2"))];
    assert!(space.try_ask(Command::Write(Write { origin: 1, ops })).is_err());
    assert_eq!(space.memory, before);
    assert_eq!(space.changes.len(), told);
}

#[test]
fn a_map_is_another_one_when_it_begins_again() {
    let mut first = Space::default();
    let mut second = Space::default();
    second.now += 1;
    for space in [&mut first, &mut second] {
        space.set(put("a", at(0, "A"), "1"));
    }
    let generations = [&mut first, &mut second].map(|space| space.position().0.generation);
    assert_ne!(generations[0], generations[1]);
    first.restart(true);
    assert_eq!(first.position().0.generation, generations[0]);
}

#[test]
fn a_value_alone_changes_the_root() {
    let roots = ["1", "2"].map(|value| {
        let mut space = Space::default();
        space.set(put("a", at(0, "A"), value));
        space.position().1
    });
    assert_ne!(roots[0], roots[1]);
}

#[test]
fn a_timestamp_from_long_ago_is_as_good_as_any_while_nothing_is_forgotten() {
    let mut space = Space::default();
    assert_eq!(space.set(put("a", hlc("1:0:A"), "1")), Outcome::Applied);
    assert_eq!(space.set(remove("b", hlc("0:0:A"))), Outcome::Applied);
    assert_eq!(space.position().2, 2);
}
