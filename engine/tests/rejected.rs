//! What a store refuses: the caller learns why, and nothing has happened.

use syncline_engine::{Batch, Error, Options, Position, Seq, Store};

#[test]
fn what_cannot_be_is_rejected_and_nothing_happens() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut options = Options::default();
    options.record_bytes_max = 100;
    let store = Store::open(dir.path(), options).unwrap();
    let foreign = Store::open(other.path(), Options::default()).unwrap().log("log").unwrap();
    let (log, map) = (store.log("log").unwrap(), store.map("map").unwrap());
    let gone = store.log("gone").unwrap();
    let before = store.appended();
    let rejected = |fill: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::new();
        batch.append(&log, b"fine");
        fill(&mut batch);
        assert!(matches!(store.commit(batch), Err(Error::Rejected(_))));
    };
    rejected(&|batch| batch.append(&log, &[0; 101]));
    rejected(&|batch| batch.put(&map, &[0; 50], &[0; 51]));
    rejected(&|batch| batch.put(&map, &vec![0; 70_000], b""));
    rejected(&|batch| batch.append(&foreign, b""));
    rejected(&|batch| batch.drop_log(&log));
    // Recovery refuses a record of a collection that is gone: one must never be written.
    let after_drop: [&dyn Fn(&mut Batch); 5] = [
        &|batch| batch.append(&gone, b""),
        &|batch| batch.trim(&gone, Seq(1)),
        &|batch| batch.drop_log(&gone),
        &|batch| {
            batch.put(&map, b"k", b"v");
            batch.append(&gone, b"");
        },
        &|batch| {
            batch.drop_map(&map);
            batch.remove(&map, b"k");
        },
    ];
    for then in after_drop {
        rejected(&|batch| {
            batch.drop_log(&gone);
            then(batch);
        });
    }
    assert!(matches!(store.map("log"), Err(Error::Rejected(_))));
    assert!(matches!(store.log(""), Err(Error::Rejected(_))));
    assert!(matches!(store.log(&"x".repeat(1025)), Err(Error::Rejected(_))));
    assert!(store.find_log("nothing").unwrap().is_none());
    assert!(matches!(store.wait(Position(before.0 + 1)), Err(Error::Rejected(_))));
    assert_eq!(store.appended(), before);
    assert!(store.commit(Batch::new()).unwrap().seqs().is_empty());
    store.log(&"x".repeat(1024)).unwrap();
}
