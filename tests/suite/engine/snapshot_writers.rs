//! Snapshots while writers go on: what is opened with one is what they did.

use syncline_engine::{Batch, Options, Seq, Store, storage::sim::SimDisk};

/// Writers append, trim, put, remove, create and drop while snapshots are taken; then the machine
/// is killed, and what is opened with the last snapshot is what they did.
#[test]
fn a_snapshot_under_writers_is_what_they_wrote() {
    const WRITERS: u64 = 3;
    const ROUNDS: u64 = 2500;
    let disk = SimDisk::new(1);
    let mut options = Options::default();
    options.segment_bytes = 64 << 10;
    let store = Store::open_on(std::sync::Arc::new(disk.clone()), options.clone()).expect("opens");
    let write = |writer: u64| {
        let (log, map) = (format!("log {writer}"), format!("map {writer}"));
        let (log, map) = (store.log(&log).expect("a log"), store.map(&map).expect("a map"));
        for n in 1..=ROUNDS {
            let mut batch = Batch::new();
            batch.append(&log, &n.to_le_bytes());
            batch.put(&map, &n.to_le_bytes(), &[7; 20]);
            if n > 100 && n % 2 == 0 {
                batch.remove(&map, &(n - 100).to_le_bytes());
            }
            if n % 500 == 0 {
                batch.trim(&log, Seq(n - 250));
            }
            store.commit(batch).expect("committed");
            if n % 50 == 0 {
                let short = store.log(&format!("short {writer} {}", n % 100)).expect("a log");
                let mut batch = Batch::new();
                batch.drop_log(&short);
                store.commit(batch).expect("dropped");
            }
        }
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        let mut taken = 0;
        while taken < 5 || !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            store.snapshot().expect("a snapshot");
            taken += 1;
        }
    });
    store.sync().expect("durable");
    let image = disk.after_kill();
    drop(store);
    let store = Store::open_on(std::sync::Arc::new(image), options).expect("opens");
    assert!(store.report().snapshot.expect("one is used") >= 5);
    assert_eq!(store.collections().len() as u64, 2 * WRITERS);
    for writer in 0..WRITERS {
        let log = store.find_log(&format!("log {writer}")).expect("finds").expect("a log");
        assert_eq!((log.first_seq(), log.next_seq()), (Seq(ROUNDS - 250), Seq(ROUNDS + 1)));
        for record in log.read(..) {
            let record = record.expect("reads");
            assert_eq!(record.payload[..], record.seq.0.to_le_bytes());
        }
        assert_eq!(log.bytes(), 8 * log.len());
        let map = store.find_map(&format!("map {writer}")).expect("finds").expect("a map");
        for n in 1..=ROUNDS {
            let is_there = n % 2 == 1 || n + 100 > ROUNDS;
            assert_eq!(map.get(&n.to_le_bytes()).expect("reads").is_some(), is_there, "key {n}");
        }
        assert_eq!(
            map.len(),
            (1..=ROUNDS).filter(|n| n % 2 == 1 || n + 100 > ROUNDS).count() as u64
        );
    }
}
