//! Checkpoints: what goes, what stays, and how each client finds its way to the new key.

use syncline_protocol::dialects::oplog::{Answer, Request};

use crate::double::{Dataset, clocks, key_of, op, pushed, stale};

/// A dataset with `count` operations that nobody holds, and its key.
fn with_ops(count: u64) -> (Dataset, String) {
    let (mut dataset, key) = Dataset::begun();
    let ops: Vec<String> = (1..=count).map(|clock| op("a", clock)).collect();
    dataset.push("maker", &key, &ops);
    (dataset, key)
}

/// A checkpoint that drops all it stands for; the new key.
fn checkpoint(dataset: &mut Dataset, key: &str, server_seq: u64) -> String {
    let answer = dataset.checkpoint("maker", key, server_seq, &format!("up to {server_seq}"));
    assert!(answer.is_news());
    let Answer::Checkpointed { generation, .. } = answer else { panic!("{answer:?}") };
    assert_ne!(*generation, *key);
    generation.to_string()
}

#[test]
fn a_snapshot_stands_for_what_is_dropped() {
    let (mut dataset, key) = with_ops(9);
    let new = checkpoint(&mut dataset, &key, 6);
    for _ in 0..2 {
        assert_eq!(dataset.memory.log.len(), 3);
        let Answer::Bootstrap { generation, snapshot, server_seq: 9, records } =
            dataset.bootstrap()
        else {
            panic!()
        };
        assert_eq!((&*generation, &snapshot[..]), (&*new, &b"\"up to 6\""[..]));
        assert_eq!(records.count(), 3);
        // Whoever has applied the snapshot begins at 0.
        assert_eq!(clocks(&dataset.pulled(&new, 0)), [(7, 7), (8, 8), (9, 9)]);
        assert_eq!(clocks(&dataset.pulled(&new, 8)), [(9, 9)]);
        dataset.restart();
    }
    assert_eq!(pushed(dataset.push("maker", &new, &[op("a", 3), op("a", 10)])), (10, 1));
}

#[test]
fn who_is_up_to_date_goes_on_with_the_new_key() {
    let (mut dataset, key) = with_ops(9);
    let new = checkpoint(&mut dataset, &key, 6);
    for (since, first) in [(6, 7), (8, 9)] {
        let answer = dataset.pull("b", &key, since);
        let Answer::Pulled { generation, server_seq: 9, records } = answer else { panic!() };
        assert_eq!(*generation, *new);
        assert_eq!(records.after + 1, first);
    }
}

#[test]
fn who_lacks_what_was_dropped_begins_anew() {
    let (mut dataset, key) = with_ops(9);
    let new = checkpoint(&mut dataset, &key, 6);
    for since in [0, 1, 5] {
        assert_eq!(stale(dataset.pull("b", &key, since)), (new.clone(), "\"up to 6\"".into()));
    }
    // Under the new key that is no client that keeps to the protocol.
    assert_eq!(stale(dataset.pull("b", &new, 5)).0, new);
}

#[test]
fn a_push_under_the_old_key_is_stored_and_moves_nobody() {
    let (mut dataset, key) = with_ops(9);
    checkpoint(&mut dataset, &key, 6);
    let answer = dataset.push("b", &key, &[op("b", 1), op("a", 2)]);
    assert_eq!(key_of(&answer), key, "its client may still lack what was dropped");
    assert_eq!(pushed(answer), (10, 1));
}

#[test]
fn a_client_in_need_keeps_operations_behind_the_snapshot() {
    let (mut dataset, key) = with_ops(9);
    dataset.pull("b", &key, 2);
    let new = checkpoint(&mut dataset, &key, 6);
    assert_eq!(dataset.memory.log.len(), 7);
    // The one in need goes on where it is, new ones with the snapshot.
    let answer = dataset.pull("b", &key, 2);
    let Answer::Pulled { generation, records, .. } = answer else { panic!("{answer:?}") };
    assert_eq!((&*generation, records.after, records.last), (&*new, 2, 9));
    assert_eq!(clocks(&dataset.pulled(&new, 0)), [(7, 7), (8, 8), (9, 9)]);
}

#[test]
fn every_key_since_the_reset_finds_its_way() {
    let (mut dataset, first) = with_ops(9);
    let second = checkpoint(&mut dataset, &first, 3);
    let third = checkpoint(&mut dataset, &second, 6);
    dataset.restart();
    // Applied the snapshot up to 3, or was up to date then, and lacks what the next one dropped.
    assert_eq!(stale(dataset.pull("b", &second, 0)).0, third);
    assert_eq!(stale(dataset.pull("b", &second, 4)).0, third);
    for old in [&first, &second] {
        assert_eq!(key_of(&dataset.pull("b", old, 7)), third);
        assert_eq!(dataset.reset(old, ""), Answer::GenerationExists);
    }
    dataset.reset("another", "s");
    for old in [&first, &second, &third] {
        assert_eq!(stale(dataset.pull("b", old, 9)).0, "another");
        assert_eq!(stale(dataset.push("b", old, &[op("b", 1)])).0, "another");
    }
}

#[test]
fn under_an_older_key_0_is_where_its_snapshot_ends() {
    let (mut dataset, first) = with_ops(9);
    dataset.pull("b", &first, 2);
    let second = checkpoint(&mut dataset, &first, 4);
    dataset.push("maker", &second, &[op("c", 1)]);
    let third = checkpoint(&mut dataset, &second, 8);
    let pulled = |dataset: &mut Dataset, key: &str| {
        let Answer::Pulled { records, generation, .. } = dataset.pull("c", key, 0) else {
            panic!()
        };
        assert_eq!(*generation, *third);
        (records.after, records.last)
    };
    assert_eq!(pulled(&mut dataset, &second), (4, 10));
    assert_eq!(pulled(&mut dataset, &third), (8, 10));
    assert_eq!(stale(dataset.pull("c", &first, 0)).0, third, "1 and 2 are gone");
}

#[test]
fn a_checkpoint_that_brings_nothing_changes_nothing() {
    let (mut dataset, key) = with_ops(9);
    let new = checkpoint(&mut dataset, &key, 6);
    for covered in [0, 5, 6] {
        let before = dataset.memory.clone();
        let answer = dataset.checkpoint("maker", &new, covered, "older");
        let body = format!(r#"{{"serverSeq":9,"datasetGenerationKey":"{new}"}}"#);
        assert_eq!(dataset.shown(answer.into_reply()), (200, body));
        assert_eq!(dataset.memory, before);
    }
    let before = dataset.memory.clone();
    let answer = dataset.checkpoint("maker", &new, 10, "beyond");
    let body = r#"{"error":"serverSeq is above that of the last operation"}"#.to_owned();
    assert_eq!(dataset.shown(answer.into_reply()), (400, body));
    assert_eq!(dataset.memory, before);
}

#[test]
fn only_who_has_the_active_key_makes_a_checkpoint() {
    let (mut dataset, key) = with_ops(9);
    let new = checkpoint(&mut dataset, &key, 3);
    for other in [&*key, "unknown"] {
        assert_eq!(stale(dataset.checkpoint("maker", other, 9, "s")).0, new);
    }
    assert_eq!(dataset.memory.log.len(), 6);
}

#[test]
fn a_rotation_ends_the_older_keys_too() {
    let (mut dataset, first) = with_ops(9);
    let second = checkpoint(&mut dataset, &first, 3);
    let third = key_of(&dataset.answer(Request::Rotate));
    for old in [&first, &second] {
        assert_eq!(stale(dataset.pull("b", old, 9)), (third.clone(), "\"up to 3\"".into()));
    }
    assert_eq!(dataset.pulled(&third, 0).len(), 6);
}
