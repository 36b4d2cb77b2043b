//! Compaction and snapshots while others read and write: a segment goes and its slot is given to another
//! one, and an image is taken of what moves.

use std::sync::{Arc, Mutex};

use super::{
    engine::{Batch, Seq},
    world::{World, together},
};
use crate::images::{self, Files};

/// Compacts, and begins segments until every slot that came free is another's.
fn compact(world: &World) {
    let slots = world.store.stats().history_segments;
    world.store.compact().expect("nothing fails");
    for n in 0..slots {
        world.append_durably(&[n as u8; 2600]).expect("nothing fails");
    }
}

/// A key whose frame moves is found with its value; one that was never there is not.
fn get_key(world: &World) {
    let map = world.store.find_map("map").expect("no log").expect("the map is there");
    for _ in 0..2 {
        let value = map.get(b"stays").expect("a sound frame");
        assert_eq!(value.as_deref(), Some(&b"stays"[..]), "the key that stays");
    }
    assert!(map.get(b"never").expect("a sound frame").is_none());
}

/// A record whose frame moves is found.
fn get_record(world: &World) {
    for _ in 0..3 {
        let record = world.log.get(Seq(1)).expect("a sound frame");
        assert_eq!(record.as_deref(), Some(&b"stays"[..]), "the record that stays");
    }
}

/// One thread compacts and gives the slots away again; others look for a key and a record that move.
pub(crate) fn slots_given_again(files: &Files) {
    let world = World::open(files, |options| options.reserve_bytes = 0);
    together(vec![world.part(compact), world.part(get_key), world.part(get_record)]);
    let stats = world.store.stats();
    assert!(stats.cold_segments > 0 && stats.segments_removed > 0, "nothing was moved: {stats:?}");
}

/// One thread takes snapshots while others commit to a log and a map; whatever is acknowledged is there
/// after a power cut, with a snapshot.
pub(crate) fn snapshot_while_committing(files: &Files) {
    let world = World::open(files, |_| {});
    let acknowledged = Arc::new(Mutex::new(0));
    let of_writer = Arc::clone(&acknowledged);
    let append = move |world: &World| {
        for n in 1..=3 {
            world.append_durably(&[n; 1400]).expect("nothing fails");
            *of_writer.lock().expect("nobody panics") = n;
        }
    };
    let put = |world: &World| {
        let map = world.store.find_map("map").expect("no log").expect("the map is there");
        for n in 0..3 {
            let mut batch = Batch::new();
            batch.put(&map, b"stays", &[n]);
            batch.put(&map, &[b'k', n], &[n]);
            batch.remove(&map, format!("goes {}", ["a", "b", "c"][usize::from(n)]).as_bytes());
            world.store.commit(batch).expect("committed").wait().expect("durable");
        }
    };
    let snapshot = move |world: &World| {
        world.store.snapshot().expect("nothing fails");
        let before = usize::from(*acknowledged.lock().expect("nobody panics"));
        let kept = images::records(world.disk.files_on_device());
        let is_right = kept.iter().zip(1..).all(|(record, n)| record[..] == [n; 1400]);
        assert!(is_right && kept.len() >= before, "{} of {before} are left", kept.len());
    };
    together(vec![world.part(append), world.part(put), world.part(snapshot)]);
    let files = world.disk.files_on_device();
    assert!(files.keys().any(|name| name.ends_with(".snap")), "{:?}", files.keys());
    let mut expected: Vec<_> = (0..3).map(|n| (vec![b'k', n], vec![n])).collect();
    expected.extend([(b"goes d".to_vec(), b"goes d".to_vec()), (b"stays".to_vec(), vec![2])]);
    expected.sort();
    assert_eq!(images::entries(files.clone()), expected);
    assert_eq!(images::records(files).len(), 3);
}
