//! Damaged directories: torn tails are cut, damage to what was durable is told, nothing is invented.

use std::{fs, path::Path};

use syncline_engine::{Batch, Error, Log, Options, Seq, Store};

const FIRST: &str = "0000000000000001.seg";

fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 4 << 10;
    options
}

fn open(path: &Path) -> Result<Store, Error> {
    Store::open(path, options())
}

fn append(store: &Store, log: &Log, payload: &[u8]) {
    let mut batch = Batch::new();
    batch.append(log, payload);
    store.commit(batch).unwrap();
}

fn payloads(log: &Log) -> Result<Vec<Vec<u8>>, Error> {
    log.read(..).map(|record| record.map(|record| record.payload.to_vec())).collect()
}

/// What a killed process leaves: the files as they are, with the store still open.
fn image(from: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// Where the last frame ends.
fn used(bytes: &[u8]) -> usize {
    (bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1).next_multiple_of(8)
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let log = store.log("log").unwrap();
    append(&store, &log, b"kept");
    store.sync().unwrap();
    let durable = used(&fs::read(dir.path().join(FIRST)).unwrap());
    let mut batch = Batch::new();
    batch.append(&log, b"torn one");
    batch.append(&log, b"torn two");
    store.commit(batch).unwrap();
    store.sync().unwrap();
    let bytes = fs::read(dir.path().join(FIRST)).unwrap();
    let end = used(&bytes);
    for at in durable..end {
        for garbage in [0, 0xaa] {
            let copy = image(dir.path());
            let mut torn = bytes.clone();
            torn[at..(at + 512).min(bytes.len())].fill(garbage);
            torn[at..end].fill(garbage);
            fs::write(copy.path().join(FIRST), &torn).unwrap();
            let store = open(copy.path()).unwrap();
            let log = store.log("log").unwrap();
            assert_eq!(payloads(&log).unwrap(), [b"kept"], "at {at}");
            append(&store, &log, b"next");
            store.close().unwrap();
            let store = open(copy.path()).unwrap();
            assert_eq!(store.report().bytes_cut, 0);
            let log = store.log("log").unwrap();
            assert_eq!(payloads(&log).unwrap(), [b"kept", b"next"], "at {at}");
        }
    }
}

#[test]
fn nothing_stale_comes_back_after_a_cut() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let log = store.log("log").unwrap();
    append(&store, &log, b"kept");
    store.sync().unwrap();
    let durable = used(&fs::read(dir.path().join(FIRST)).unwrap());
    let image_of_flush = |fill: &[&[u8]]| {
        for payload in fill {
            append(&store, &log, payload);
        }
        store.sync().unwrap();
        image(dir.path())
    };
    // Three batches of one flush; the first is lost, the others are there.
    let copy = image_of_flush(&[b"11111111", b"22222222", b"33333333"]);
    let mut bytes = fs::read(copy.path().join(FIRST)).unwrap();
    let first = bytes.windows(8).position(|window| window == b"11111111").unwrap();
    assert!(first > durable);
    bytes[first] ^= 1;
    fs::write(copy.path().join(FIRST), &bytes).unwrap();
    let store = open(copy.path()).unwrap();
    let cut = store.report().bytes_cut;
    assert!(cut > 0);
    let log = store.log("log").unwrap();
    append(&store, &log, b"xxxxxxxx");
    store.sync().unwrap();
    drop((store, log));
    let log = open(copy.path()).unwrap().log("log").unwrap();
    assert_eq!(payloads(&log).unwrap(), [&b"kept"[..], b"xxxxxxxx"]);
}

#[test]
fn every_flipped_bit_of_a_closed_store_is_told_or_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let log = store.log("log").unwrap();
    for n in 0..60_u8 {
        append(&store, &log, &[n; 100]);
    }
    let whole = payloads(&log).unwrap();
    store.close().unwrap();
    drop(log);
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| name != "LOCK");
    names.sort();
    let mut told = [0, 0];
    for (nth, name) in names.iter().enumerate() {
        let bytes = fs::read(dir.path().join(name)).unwrap();
        for bit in (0..bytes.len() * 8).step_by(211) {
            let copy = image(dir.path());
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(copy.path().join(name), &bad).unwrap();
            let outcome = open(copy.path()).and_then(|store| payloads(&store.log("log")?));
            match outcome {
                Ok(found) => {
                    // The very last mark has nothing behind it that could vouch for it.
                    assert!(found == whole, "segment {nth}, bit {bit}: {} records", found.len());
                }
                Err(error) => {
                    assert!(error.is_corruption(), "segment {nth}, bit {bit}: {error}");
                    told[nth.min(1)] += 1;
                }
            }
        }
    }
    assert!(told[0] > 50 && told[1] > 50, "{told:?}");
}

/// A trim counts what it lets go by the records' heads: a damaged one may leave too much counted, but
/// the count never runs away.
#[test]
fn trimming_a_damaged_record_leaves_a_count_that_can_be() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let log = store.log("log").unwrap();
    for n in 0..60_u8 {
        append(&store, &log, &[n; 100]);
    }
    store.close().unwrap();
    drop(log);
    let mut bytes = fs::read(dir.path().join(FIRST)).unwrap();
    let payload = bytes.windows(100).position(|window| window == [5; 100]).unwrap();
    // The head, of 24 bytes, begins with the length: a mebibyte more.
    bytes[payload - 24 + 2] ^= 0x10;
    fs::write(dir.path().join(FIRST), &bytes).unwrap();
    let store = open(dir.path()).unwrap();
    let log = store.log("log").unwrap();
    assert_eq!(log.bytes(), 6000);
    let mut batch = Batch::new();
    batch.trim(&log, Seq(60));
    store.commit(batch).unwrap();
    assert!((100..=6000).contains(&log.bytes()), "{} bytes of one record", log.bytes());
}

#[test]
fn missing_foreign_and_unknown_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let log = store.log("log").unwrap();
    (0..200_u8).for_each(|n| append(&store, &log, &[n; 100]));
    store.close().unwrap();
    drop(log);
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    let second = "0000000000000002.seg";

    let copy = image(dir.path());
    fs::remove_file(copy.path().join(second)).unwrap();
    assert!(matches!(open(copy.path()), Err(Error::Corrupt { segment: 2, .. })));

    let copy = image(dir.path());
    fs::remove_file(copy.path().join(FIRST)).unwrap();
    assert!(matches!(open(copy.path()), Err(Error::Corrupt { segment: 1, .. })));

    let copy = image(dir.path());
    fs::copy(copy.path().join(FIRST), copy.path().join(second)).unwrap();
    assert!(matches!(open(copy.path()), Err(Error::Corrupt { segment: 2, .. })));

    let (copy, other) = (image(dir.path()), tempfile::tempdir().unwrap());
    drop(open(other.path()).unwrap());
    fs::copy(other.path().join(FIRST), copy.path().join(FIRST)).unwrap();
    assert!(open(copy.path()).unwrap_err().is_corruption());

    let copy = image(dir.path());
    let mut bytes = fs::read(copy.path().join(FIRST)).unwrap();
    bytes[8] = 3;
    let crc = crc32fast::hash(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    fs::write(copy.path().join(FIRST), &bytes).unwrap();
    assert!(matches!(open(copy.path()), Err(Error::Unsupported { version: 3 })));
    assert_eq!(fs::read(copy.path().join(FIRST)).unwrap(), bytes);

    let copy = image(dir.path());
    fs::write(copy.path().join(FIRST), vec![0; 4096]).unwrap();
    assert!(open(copy.path()).unwrap_err().is_corruption());

    let store = open(dir.path()).unwrap();
    assert_eq!(store.log("log").unwrap().next_seq(), Seq(201));
    assert_eq!(fs::read(dir.path().join("notes.txt")).unwrap(), b"mine");
}

#[test]
fn a_path_that_is_no_directory_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(open(&file), Err(Error::Io(_))));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}
