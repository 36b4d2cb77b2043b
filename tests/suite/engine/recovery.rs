//! Opening when the disk fails under it, or when what it reads is damaged where it need not look.

use syncline_engine::{
    Batch,
    storage::sim::{Call, Fault, SimDisk},
};

use crate::world::{
    dice::{Dice, in_parallel},
    driver::{Driver, open, random_batch},
    model::Change,
};

/// A store whose last batches were written and not synced, when the power was cut.
fn torn(seed: u64) -> (SimDisk, Driver) {
    let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
    let mut dice = Dice::new(seed);
    for n in 0..12 {
        let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
        driver.commit(&batch).expect("committed");
        if n == 6 {
            driver.wait().expect("durable");
        }
    }
    (driver.disk.after_power_cut(seed), driver)
}

/// A sync of the opening fails, and the page cache shows what the device does not have. The next opening
/// does all of it again: no power cut brings back what was cut.
#[test]
fn an_opening_whose_sync_failed_is_made_again() {
    in_parallel(600, |seed| {
        let (image, driver) = torn(seed);
        for after in 0..4 {
            let disk = image.after_kill();
            disk.fail(Fault { call: Call::Sync, after, times: 1, errno: Fault::EIO });
            if Driver::start(disk.clone()).is_ok() {
                continue;
            }
            let mut again = Driver::start(disk.after_kill()).expect("opens");
            driver.history.check(again.history.now()).expect("what was acknowledged");
            let change = Change::Append { log: 0, payload: vec![7; 40] };
            again.commit(&[change]).expect("goes on");
            again.wait().expect("durable");
            for cut in 0..6 {
                let last = Driver::start(again.disk.after_power_cut(seed << 8 | cut));
                let last = last.unwrap_or_else(|error| panic!("{seed} {after} {cut}: {error}"));
                again.history.check(last.history.now()).expect("nothing comes back");
            }
        }
    });
}

/// A map grows out of its one table while it is replayed, and one of its frames is damaged: the other
/// keys are there.
#[test]
fn a_damaged_frame_does_not_keep_a_large_map_from_opening() {
    let disk = SimDisk::new(1);
    let store = open(&disk).expect("opens");
    let map = store.map("large").expect("a map");
    let key = |n: u32| n.to_be_bytes();
    for first in (0..4000).step_by(20) {
        let mut batch = Batch::new();
        for n in first..first + 20 {
            batch.put(&map, &key(n), b"some value that is there");
        }
        store.commit(batch).expect("committed");
    }
    drop(map);
    store.close().expect("closes");
    let mut files = disk.files();
    let bytes = files.values_mut().next().expect("a segment");
    let at = bytes.windows(4).position(|four| four == b"some").expect("a value");
    bytes[at] ^= 1;
    let store = open(&SimDisk::with_files(1, files)).expect("opens");
    let map = store.find_map("large").expect("finds").expect("is there");
    assert_eq!(map.len(), 4000);
    let failed = (0..4000).filter(|n| map.get(&key(*n)).is_err()).count();
    assert_eq!(failed, 1);
    for n in 4000..4100_u32 {
        let mut batch = Batch::new();
        batch.put(&map, &key(n), b"new");
        store.commit(batch).expect("goes on");
    }
    assert_eq!(map.get(&key(4050)).expect("reads").as_deref(), Some(&b"new"[..]));
}
