//! The index of a map while it grows, is split, and loses keys, under those who read it.

use super::{
    engine::{Batch, Map},
    world::{World, together},
};
use crate::images::Files;

/// Keys that are there from the beginning; the first one stays.
pub(crate) const KEYS: &[&str] = &["stays", "goes a", "goes b", "goes c", "goes d"];

/// Puts enough keys for the index to grow and to be split, replaces one, removes others.
fn write(world: &World, map: &Map) {
    let mut puts = Batch::new();
    for key in ["new a", "new b", "new c", "stays"] {
        puts.put(map, key.as_bytes(), b"new");
    }
    let mut removes = Batch::new();
    for key in &KEYS[1..3] {
        removes.remove(map, key.as_bytes());
    }
    let mut more = Batch::new();
    for key in ["new d", "new e", "new f", "new g", "stays"] {
        more.put(map, key.as_bytes(), b"newer");
    }
    let mut last = Batch::new();
    last.put(map, b"new h", b"last");
    last.remove(map, b"new a");
    for batch in [puts, more, removes, last] {
        world.store.commit(batch).expect("committed");
    }
}

fn is_value_of_stays(value: Option<&[u8]>) -> bool {
    [&b"stays"[..], b"new", b"newer"].map(Some).contains(&value)
}

/// A key that stays is found with one of its values, the newer ones later.
pub(crate) fn get(map: &Map) {
    let mut before = 0;
    for _ in 0..2 {
        let value = map.get(b"stays").expect("a sound frame");
        let age = [&b"stays"[..], b"new", b"newer"]
            .iter()
            .position(|known| Some(*known) == value.as_deref())
            .unwrap_or_else(|| panic!("the key that stays has {value:?}"));
        assert!(age >= before, "an older value after a newer one");
        before = age;
    }
    for key in ["goes d", "goes c"] {
        assert_eq!(
            map.get(key.as_bytes()).expect("a sound frame").as_deref(),
            Some(key.as_bytes())
        );
    }
    assert!(map.get(b"never").expect("a sound frame").is_none());
}

/// A scan has each key that stays exactly once, and no key twice.
pub(crate) fn scan(map: &Map) {
    let mut seen = Vec::new();
    for entry in map {
        let (key, value) = entry.expect("a sound frame");
        assert!(key != "stays" || is_value_of_stays(Some(&value)), "{value:?}");
        seen.push(key);
    }
    for key in ["stays", "goes c", "goes d"] {
        assert_eq!(seen.iter().filter(|seen| *seen == key).count(), 1, "{key} in {seen:?}");
    }
}

pub(crate) fn read_while_written(files: &Files, read: fn(&Map)) {
    let world = World::open(files, |_| {});
    let map = world.store.find_map("map").expect("no log").expect("the map is there");
    let part = || {
        let map = map.clone();
        world.part(move |_| read(&map))
    };
    let of_writer = map.clone();
    together(vec![world.part(move |world| write(world, &of_writer)), part(), part()]);
    let mut keys: Vec<_> = map.iter().map(|entry| entry.expect("a sound frame").0).collect();
    keys.sort();
    let expected = ["goes c", "goes d", "new b", "new c", "new d", "new e", "new f", "new g"];
    assert_eq!(keys, [&expected[..], &["new h", "stays"]].concat());
    assert_eq!(map.len(), 10);
}
