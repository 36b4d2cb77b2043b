//! What a dataset may hold, and that a refusal changes nothing.

use syncline_protocol::{
    dialect::Refused,
    dialects::oplog::{Limits, Request},
};

use crate::double::{Dataset, checkpoint, key_of, op, push, pushed, reset};

fn dataset(limits: Limits) -> (Dataset, String) {
    let mut dataset = Dataset::new(limits);
    let key = key_of(&dataset.bootstrap());
    (dataset, key)
}

/// Asks, and holds that a refusal changed nothing.
fn refused(dataset: &mut Dataset, request: Request) -> Refused {
    let before = dataset.memory.clone();
    let why = dataset.ask(request).expect_err("over a limit");
    assert_eq!(dataset.memory, before);
    why
}

#[test]
fn a_batch_that_does_not_fit_is_refused_whole() {
    let (mut dataset, key) = dataset(Limits { dataset_ops_max: 3, ..Limits::default() });
    dataset.push("a", &key, &[op("a", 1), op("a", 2)]);
    let two = [op("a", 3), op("a", 4)];
    assert_eq!(refused(&mut dataset, push("a", &key, &two)), Refused::RoomRecords);
    // What is stored already takes no room.
    assert_eq!(pushed(dataset.push("a", &key, &[op("a", 1), op("a", 2), op("a", 3)])), (3, 1));
    assert_eq!(pushed(dataset.push("a", &key, &[op("a", 3)])), (3, 0));
    assert_eq!(refused(&mut dataset, push("a", &key, &[op("a", 4)])), Refused::RoomRecords);
    // A new generation has room again.
    dataset.reset("new", "");
    assert_eq!(pushed(dataset.push("a", "new", &two)), (2, 2));
}

#[test]
fn bytes_of_operations_and_of_the_snapshot_count_together() {
    let (mut dataset, key) = dataset(Limits { dataset_bytes_max: 1_000, ..Limits::default() });
    let large = "s".repeat(999);
    assert_eq!(refused(&mut dataset, reset("new", &large)), Refused::RoomBytes);
    dataset.push("a", &key, &[op("a", 1), op("a", 2)]);
    dataset.reset("new", &large[..900]);
    assert_eq!(refused(&mut dataset, push("a", "new", &[op("a", 1)])), Refused::RoomBytes);
    dataset.reset("newer", "");
    let mut clock = 0;
    while dataset.ask(push("a", "newer", &[op("a", clock + 1)])).is_ok() {
        clock += 1;
    }
    let stored: usize = dataset.memory.log.iter().map(Vec::len).sum();
    assert!((800..=1_000).contains(&stored), "{stored}");
    let request = checkpoint("a", "newer", clock, &large[..300]);
    assert_eq!(refused(&mut dataset, request), Refused::RoomBytes);
}

#[test]
fn keys_are_remembered_up_to_their_number() {
    let (mut dataset, key) = dataset(Limits { generations_max: 2, ..Limits::default() });
    dataset.push("a", &key, &[op("a", 1)]);
    let answer = dataset.checkpoint("a", &key, 1, "s");
    dataset.push("a", &key_of(&answer), &[op("a", 2)]);
    dataset.reset("third", "");
    assert_eq!(refused(&mut dataset, reset("fourth", "")), Refused::RoomRecords);
    assert_eq!(refused(&mut dataset, Request::Rotate), Refused::RoomRecords);
    dataset.restart();
    dataset.push("a", "third", &[op("a", 3)]);
    let request = checkpoint("a", "third", 1, "s");
    assert_eq!(refused(&mut dataset, request), Refused::RoomRecords);
    // Everything else goes on.
    assert_eq!(pushed(dataset.push("a", "third", &[op("a", 4)])), (2, 1));
}
