//! Power cuts and kills at every step of the disk: what is found again is what was there after one of
//! the changes, and nothing that was synced is gone.

use std::{collections::BTreeMap, sync::Arc};

use syncline_engine::{Options, Store as Engine, storage::sim::SimDisk};
use syncline_protocol::dialects::peer::store::{Change, MemoryStore, Space, Store, StoreFailed};

use crate::peer::EngineStore;

type Contents = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

fn open(disk: &SimDisk) -> Result<EngineStore, StoreFailed> {
    let mut options = Options::default();
    options.segment_bytes = 64 << 10;
    options.reserve_bytes = 0;
    let engine = Engine::open_on(Arc::new(disk.clone()), options);
    EngineStore::open(&engine.map_err(|error| StoreFailed(error.to_string()))?, "room")
}

fn contents(store: &impl Store) -> Contents {
    let mut all = Contents::new();
    for space in Space::ALL {
        let mut add = |key: &[u8], value: &[u8]| {
            assert!(all.insert((space, key.to_vec()), value.to_vec()).is_none(), "a key twice");
        };
        store.each(space, &mut add).unwrap();
    }
    for ((space, key), value) in &all {
        assert_eq!(store.get(*space, key).unwrap().as_deref(), Some(&value[..]));
    }
    all
}

/// Changes that touch several spaces at once, overwrite and remove.
fn changes() -> Vec<Vec<Change>> {
    let change = |space, key: &str, value: Option<&str>| Change {
        space,
        key: key.as_bytes().to_vec(),
        value: value.map(|value| value.as_bytes().to_vec()),
    };
    vec![
        vec![change(Space::Keys, "seed", Some("secret"))],
        vec![change(Space::Rows, "a", Some("1")), change(Space::Frontier, "n", Some("1"))],
        vec![change(Space::Rows, "a", Some("2")), change(Space::Rows, "b", Some("1"))],
        vec![],
        vec![change(Space::Rows, "b", None), change(Space::Marks, "", Some(""))],
        vec![change(Space::Invites, "i", Some("1")), change(Space::Rows, "missing", None)],
        vec![change(Space::Pins, "a", Some("1")), change(Space::Pins, "a", None)],
        vec![change(Space::Rows, "b", Some("3")), change(Space::Frontier, "n", Some("2"))],
    ]
}

/// The contents after each change, as plain memory has them.
fn states() -> Vec<Contents> {
    let mut memory = MemoryStore::default();
    let mut states = vec![contents(&memory)];
    for change in changes() {
        memory.apply(change).unwrap();
        states.push(contents(&memory));
    }
    states
}

/// Makes all changes until the disk fails; says the last that was synced.
fn run(disk: &SimDisk, sync_each: usize) -> usize {
    let mut synced = 0;
    let Ok(mut store) = open(disk) else { return synced };
    for (index, change) in changes().into_iter().enumerate() {
        if store.apply(change).is_err() {
            break;
        }
        if (index + 1) % sync_each == 0 {
            match store.sync() {
                Ok(()) => synced = index + 1,
                Err(_) => break,
            }
        }
    }
    synced
}

fn cut_at_every_step(sync_each: usize, image: impl Fn(&SimDisk, u64) -> SimDisk) {
    let states = states();
    let whole = SimDisk::new(1);
    assert!(run(&whole, sync_each) + sync_each > changes().len(), "every change works");
    assert!(whole.steps() > 8);
    for step in 0..whole.steps() {
        let disk = SimDisk::new(step);
        disk.stop_after(step);
        let synced = run(&disk, sync_each);
        let found = contents(&open(&image(&disk, step)).unwrap());
        let at = states.iter().rposition(|state| *state == found);
        assert!(at.is_some_and(|at| at >= synced), "step {step}: {found:?}");
    }
}

#[test]
fn a_power_cut_at_every_step_leaves_whole_changes() {
    for sync_each in [1, 3] {
        cut_at_every_step(sync_each, SimDisk::after_power_cut);
    }
}

#[test]
fn a_kill_at_every_step_leaves_whole_changes() {
    cut_at_every_step(2, |disk, _| disk.after_kill());
}

#[test]
fn rooms_of_one_store_do_not_meet() {
    let disk = SimDisk::new(1);
    let engine = Engine::open_on(Arc::new(disk), Options::default()).unwrap();
    let mut one = EngineStore::open(&engine, "one").unwrap();
    let two = EngineStore::open(&engine, "two").unwrap();
    changes().into_iter().for_each(|change| one.apply(change).unwrap());
    assert_eq!(Some(&contents(&one)), states().last());
    assert!(contents(&two).is_empty());
    assert!(one.watermark().unsynced().is_some());
    one.sync().unwrap();
    assert_eq!(one.watermark().unsynced(), None);
}
