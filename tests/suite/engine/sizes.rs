//! Records of every size from nothing to more than can be, and how much memory an opening takes.

use std::{fs::OpenOptions, os::unix::fs::FileExt, path::Path, sync::Arc};

use rustix::process::Resource;
use syncline_engine::{Batch, Error, Options, Seq, Store, storage::sim::SimDisk};

use crate::world::alone;

const RECORD_BYTES_MAX: usize = 100_000;

fn options() -> Options {
    let mut options = Options::default();
    // Smaller than the largest record.
    options.segment_bytes = 16 << 10;
    options.record_bytes_max = RECORD_BYTES_MAX;
    options
}

/// The largest record is kept though it is larger than a segment; one byte more is refused before
/// anything is written, and so are lengths that a 32-bit number holds just so, or not (E31).
#[test]
fn a_record_of_the_largest_size_is_kept_and_one_byte_more_refused() {
    let disk = SimDisk::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), options()).expect("opens");
    let (log, map) = (store.log("log").expect("creates"), store.map("map").expect("creates"));
    let largest: Vec<u8> = (0..RECORD_BYTES_MAX).map(|n| n as u8).collect();
    let mut batch = Batch::new();
    batch.append(&log, &largest);
    batch.put(&map, &largest[..65_535], &largest[65_535..]);
    store.commit(batch).expect("fits").wait().expect("durable");
    let (before, steps) = (store.appended(), disk.steps());
    // Zeros that nobody touches take no memory.
    let zeros = vec![0; (4 << 30) + 16];
    let bytes_max = 256 << 20;
    for bytes in [RECORD_BYTES_MAX + 1, bytes_max, (4 << 30) - 1, 4 << 30, (4 << 30) + 16] {
        let mut batch = Batch::new();
        batch.append(&log, &zeros[..bytes]);
        assert!(matches!(store.commit(batch), Err(Error::Rejected(_))), "{bytes} bytes");
        let mut batch = Batch::new();
        batch.put(&map, b"", &zeros[..bytes]);
        assert!(matches!(store.commit(batch), Err(Error::Rejected(_))), "{bytes} bytes");
        let mut batch = Batch::new();
        batch.append_parts(&log, &[&zeros[..bytes / 2], &zeros[..bytes - bytes / 2]]);
        assert!(matches!(store.commit(batch), Err(Error::Rejected(_))), "{bytes} bytes");
    }
    for bytes in [65_536, bytes_max] {
        let mut batch = Batch::new();
        batch.put(&map, &zeros[..bytes], b"");
        assert!(matches!(store.commit(batch), Err(Error::Rejected(_))), "a key of {bytes}");
    }
    assert_eq!((store.appended(), disk.steps()), (before, steps), "nothing was written");
    for disk in [disk.after_kill(), disk.after_power_cut(1)] {
        let store = Store::open_on(Arc::new(disk), options()).expect("opens");
        let log = store.log("log").expect("finds");
        assert_eq!(log.get(Seq(1)).expect("reads").expect("is there"), largest);
        let map = store.map("map").expect("finds");
        let value = map.get(&largest[..65_535]).expect("reads").expect("is there");
        assert_eq!(value, largest[65_535..]);
    }
}

/// Nothing is something: empty payloads, keys, values and batches, and names of any bytes, come back
/// byte for byte (E32).
#[test]
fn nothing_comes_back_as_nothing() {
    let disk = SimDisk::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), options()).expect("opens");
    let names = ["\0", "a\0", "a\0b", " ", "\u{feff}", "\u{10ffff}", "a/../b", &"n".repeat(1020)];
    let keys: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"\xff", b"\xc3\x28", b"\xed\xa0\x80"];
    for name in names {
        let log = store.log(&format!("log {name}")).expect("creates");
        let mut batch = Batch::new();
        batch.append(&log, b"");
        batch.append_parts(&log, &[]);
        batch.append_parts(&log, &[b"", b"x", b""]);
        store.commit(batch).expect("commits");
    }
    let map = store.map("map").expect("creates");
    for key in keys {
        let mut batch = Batch::new();
        batch.put(&map, key, b"");
        store.commit(batch).expect("commits");
    }
    let before = store.appended();
    let nothing = store.commit(Batch::new()).expect("nothing is no mistake");
    assert!(nothing.seqs().is_empty() && nothing.position() == before);
    nothing.wait().expect("durable with all before it");
    assert_eq!(store.durable(), before);
    drop((map, store));
    let store = Store::open_on(Arc::new(disk.after_power_cut(1)), options()).expect("opens");
    for name in names {
        let name = format!("log {name}");
        let Some(log) = store.find_log(&name).expect("finds") else { panic!("{name:?} is gone") };
        let found: Vec<_> = log.read(..).map(|record| record.expect("reads").payload).collect();
        assert_eq!(found, [&b""[..], b"", b"x"]);
    }
    let map = store.find_map("map").expect("finds").expect("is there");
    assert_eq!(map.len(), keys.len() as u64);
    for key in keys {
        assert_eq!(map.get(key).expect("reads").as_deref(), Some(&b""[..]), "{key:?}");
    }
}

/// What an opening takes of memory depends on the number of records and not on their size: a store
/// many times larger than what the process may have is opened, with tables and without (E38).
#[test]
fn an_opening_takes_no_memory_for_payloads() {
    const STORE_BYTES: usize = 192 << 20;
    const MEMORY_BYTES: u64 = 48 << 20;
    const PAYLOAD_BYTES: usize = 1 << 20;
    let fill = |dir: &Path| {
        let mut options = Options::default();
        (options.segment_bytes, options.tail_bytes_max) = (16 << 20, 1 << 20);
        let store = Store::open(dir, options).expect("opens");
        let log = store.log("log").expect("creates");
        for n in 0..STORE_BYTES / PAYLOAD_BYTES {
            let mut batch = Batch::new();
            batch.append(&log, &vec![n as u8; PAYLOAD_BYTES]);
            store.commit(batch).expect("commits");
        }
        store.sync().expect("durable");
    };
    alone::ends_well("sizes::an_opening_takes_no_memory_for_payloads", |dir| {
        fill(dir);
        alone::limit(Resource::Data, Some(MEMORY_BYTES));
        for has_tables in [true, false] {
            if !has_tables {
                spoil_tables(dir);
            }
            let store = Store::open(dir, Options::default()).expect("opens");
            let log = store.log("log").expect("finds");
            assert_eq!(log.len(), (STORE_BYTES / PAYLOAD_BYTES) as u64);
            for (record, n) in log.read(..).zip(0..) {
                assert_eq!(record.expect("reads").payload[PAYLOAD_BYTES / 2], n);
            }
        }
    });
}

/// Damages the last bytes of every file, where sealed segments have their tables.
fn spoil_tables(dir: &Path) {
    for name in std::fs::read_dir(dir).expect("is there").map_while(Result::ok) {
        let file = OpenOptions::new().write(true).open(name.path()).expect("is there");
        let bytes = file.metadata().expect("is there").len();
        if let Some(at) = bytes.checked_sub(8) {
            file.write_all_at(&[0; 8], at).expect("is written");
        }
    }
}
