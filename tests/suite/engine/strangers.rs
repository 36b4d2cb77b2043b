//! Files that are missing, foreign, doubled or from the future; frames where none belong.

use syncline_engine::{Error, storage::sim::SimDisk};

use crate::world::{
    dice::Dice,
    driver::{Driver, open},
    history::History,
    judge::{Files, Verdict, judge},
    model::Change,
};

fn append(payload: Vec<u8>) -> [Change; 1] {
    [Change::Append { log: 0, payload }]
}

/// A closed store of some segments.
fn store(seed: u64) -> (Files, History) {
    let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
    let mut dice = Dice::new(seed);
    for _ in 0..30 {
        driver.commit(&append(dice.bytes(400))).expect("committed");
        driver.wait().expect("durable");
    }
    let Driver { disk, store, history, .. } = driver;
    store.close().expect("closes");
    (disk.files(), history)
}

#[test]
fn a_missing_segment_is_refused() {
    let (files, history) = store(1);
    assert!(files.len() > 3);
    for name in files.keys().rev().skip(1) {
        let mut files = files.clone();
        files.remove(name);
        assert_eq!(judge(files, &history), Ok(Verdict::Refused), "without {name}");
    }
}

#[test]
fn a_segment_of_another_store_is_refused() {
    let ((files, history), (others, _)) = (store(1), store(2));
    for (name, bytes) in &others {
        let Some(own) = files.get(name) else { continue };
        if own.iter().all(|byte| *byte == 0) {
            continue;
        }
        let mut files = files.clone();
        files.insert(name.clone(), bytes.clone());
        assert_eq!(judge(files, &history), Ok(Verdict::Refused), "{name} of another store");
    }
}

#[test]
fn a_segment_under_another_name_is_refused() {
    let (files, history) = store(1);
    let names: Vec<_> = files.keys().collect();
    let mut swapped = files.clone();
    swapped.insert(names[0].clone(), files[names[1]].clone());
    swapped.insert(names[1].clone(), files[names[0]].clone());
    assert_eq!(judge(swapped, &history), Ok(Verdict::Refused), "swapped");
    let mut doubled = files.clone();
    doubled.insert(names[1].clone(), files[names[0]].clone());
    assert_eq!(judge(doubled, &history), Ok(Verdict::Refused), "doubled");
}

/// One empty file may be what the making of a store left; several were a store (E24).
#[test]
fn a_store_of_zeros_is_never_replaced_by_an_empty_one() {
    let (mut files, history) = store(1);
    files.values_mut().for_each(|bytes| bytes.fill(0));
    assert_eq!(judge(files, &history), Ok(Verdict::Refused));
}

#[test]
fn unknown_files_are_left_alone() {
    let (mut files, history) = store(1);
    for name in ["notes.txt", "1.seg", "x.snap", "0000000000000001.seg~", ".hidden"] {
        files.insert(name.to_owned(), b"mine".to_vec());
    }
    let disk = SimDisk::with_files(1, files);
    let driver = Driver::start(disk).expect("opens");
    assert!(driver.history.now() == history.now());
    let after = driver.reopen().expect("reopens").disk.files();
    assert_eq!(after.values().filter(|bytes| bytes[..] == b"mine"[..]).count(), 5);
}

/// A store of a newer version is refused with its number and not touched (E33).
#[test]
fn a_newer_version_is_refused_untouched() {
    let (files, _) = store(1);
    for name in files.keys().filter(|name| files[*name].iter().any(|byte| *byte != 0)) {
        let mut files = files.clone();
        let bytes = files.get_mut(name).expect("is there");
        // The version stands at 8, the header's CRC-32 in its last four of 64 bytes.
        bytes[8..12].copy_from_slice(&77_u32.to_le_bytes());
        let crc = crc32(&bytes[..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        let disk = SimDisk::with_files(1, files.clone());
        let error = open(&disk).expect_err("from the future");
        assert!(matches!(error, Error::Unsupported { version: 77 }), "{name}: {error}");
        assert!(disk.files() == files, "not one byte is written");
    }
}

/// A payload that holds a frame as it would be at that very place is still a payload (E43).
#[test]
fn a_frame_inside_a_payload_never_comes_to_life() {
    let mut first = Driver::start(SimDisk::new(5)).expect("opens");
    first.commit(&append(b"common".to_vec())).expect("committed");
    first.sync().expect("durable");
    let start = first.disk.clone();
    let (fork, before) = (start.after_kill(), start.files());
    // One future of the store has a small record and then a secret one.
    first.commit(&append(vec![b'a'; 100])).expect("committed");
    first.wait().expect("durable");
    first.commit(&append(b"never sent in the other future".to_vec())).expect("committed");
    first.wait().expect("durable");
    let (name, frames) = first
        .disk
        .files()
        .into_iter()
        .find(|(name, bytes)| before.get(name) != Some(bytes))
        .expect("something was written");
    // The other one has a client that sends those bytes, so that each lies where it lay; how far a
    // payload is from the end of what was there before is found by trying.
    for shift in (0..=128).step_by(8) {
        let mut driver = Driver::start(fork.after_kill()).expect("opens");
        let from = used(&driver.disk.files()[&name]);
        let payload = frames[(from + shift).min(frames.len())..].iter().copied().take(1500);
        driver.commit(&append(payload.collect())).expect("committed");
        driver.wait().expect("durable");
        let files = driver.disk.files();
        for torn in from..(from + 128).min(used(&files[&name])) {
            let mut files = files.clone();
            files.get_mut(&name).expect("is there")[torn] ^= 0x55;
            judge(files, &driver.history).expect("no wrong answer");
        }
    }
}

/// Length of a file's used part: frames begin at multiples of eight.
fn used(bytes: &[u8]) -> usize {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    used.next_multiple_of(8)
}

/// CRC-32 as everybody has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}
