//! Snapshots: a store opened with one is the store, whatever of its history or snapshots is gone.

use std::collections::BTreeSet;

use syncline_engine::storage::sim::SimDisk;

use crate::world::{
    dice::{Dice, for_seeds, in_parallel},
    driver::{Driver, open, random_batch},
    history::History,
    judge::{Files, Verdict, judge},
    model::Change,
};

fn names(files: &Files, suffix: &str) -> Vec<String> {
    files.keys().filter(|name| name.ends_with(suffix)).cloned().collect()
}

/// Snapshots, the oldest first.
fn snapshots(files: &Files) -> Vec<String> {
    names(files, ".snap")
}

fn start(files: &Files) -> Driver {
    Driver::start(SimDisk::with_files(9, files.clone())).expect("opens")
}

/// A store with two snapshots and records before, between and behind them, killed; and its history.
fn killed() -> (Files, History) {
    let mut driver = Driver::start(SimDisk::new(5)).expect("opens");
    let mut dice = Dice::new(5);
    for round in 0..3 {
        for _ in 0..12 {
            let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("committed");
        }
        if round < 2 {
            driver.store.snapshot().expect("a snapshot");
        }
    }
    driver.sync().expect("durable");
    (driver.disk.files(), driver.history)
}

/// A store whose older segments hold nothing of use, so that they may be removed by hand.
fn trimmed() -> (Files, History) {
    let mut driver = Driver::start(SimDisk::new(6)).expect("opens");
    for n in 0..60_u8 {
        let changes = [
            Change::Append { log: usize::from(n % 2), payload: vec![n; 200] },
            Change::Put { map: 0, key: vec![b'k', n % 8], value: vec![n; 40] },
            Change::Put { map: 1, key: vec![b'k', n % 4], value: vec![n; 40] },
        ];
        driver.commit(&changes).expect("committed");
    }
    driver
        .commit(&[Change::Trim { log: 0, before: 31 }, Change::DropLog { log: 1 }])
        .expect("trims");
    driver.commit(&[Change::DropMap { map: 1 }]).expect("drops");
    for n in 0..8_u8 {
        let put = Change::Put { map: 0, key: vec![b'k', n], value: vec![n] };
        driver.commit(&[put, Change::Append { log: 0, payload: vec![n; 700] }]).expect("committed");
    }
    driver.store.snapshot().expect("a snapshot");
    driver.commit(&[Change::Append { log: 2, payload: b"between".to_vec() }]).expect("committed");
    driver.store.snapshot().expect("a snapshot");
    driver.commit(&[Change::Append { log: 0, payload: b"behind".to_vec() }]).expect("committed");
    driver.sync().expect("durable");
    (driver.disk.files(), driver.history)
}

/// Removes what no snapshot needs: the segments before all that the newest records are in.
fn without_history(files: &Files) -> (Files, Vec<String>) {
    let segments = names(files, ".seg");
    let first = segments.iter().position(|name| contains(&files[name], &[0; 700]));
    let gone = segments[..first.expect("the first record kept")].to_vec();
    assert!(gone.len() > 3, "several segments are dead");
    let mut files = files.clone();
    files.retain(|name, _| !gone.contains(name));
    (files, gone)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    // A record of zeros stands behind its head, in the space that is not: before the last that is used.
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    bytes[..used].windows(part.len()).any(|window| window == part)
}

#[test]
fn random_operations_with_snapshots_agree_with_the_model() {
    for_seeds(1_500, |seed| {
        let mut dice = Dice::new(seed);
        let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
        for _ in 0..10 + dice.below(40) {
            driver = random_step(driver, &mut dice);
        }
        driver.store.snapshot().expect("a snapshot");
        driver.note_durable();
        driver.check();
        let driver = driver.reopen().expect("reopens");
        assert!(driver.store.report().snapshot.is_some());
        driver.check();
    });
}

fn random_step(mut driver: Driver, dice: &mut Dice) -> Driver {
    match dice.below(24) {
        0 => return driver.reopen().expect("reopens"),
        1 => {
            let disk = driver.disk.after_kill();
            return driver.recover(disk);
        }
        2 | 3 => {
            let disk = driver.disk.after_power_cut(dice.roll());
            return driver.recover(disk);
        }
        4..=7 => driver.store.snapshot().expect("a snapshot"),
        8..=10 => driver.wait().expect("durable"),
        _ => {
            let batch = random_batch(dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("committed");
        }
    }
    driver.note_durable();
    driver
}

/// What was appended before a snapshot is durable with it, though nobody waited.
#[test]
fn a_snapshot_makes_what_it_tells_of_durable() {
    for seed in 0..50 {
        let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
        driver.commit(&[Change::Append { log: 0, payload: vec![1; 90] }]).expect("committed");
        driver.store.snapshot().expect("a snapshot");
        let cut = Driver::start(driver.disk.after_power_cut(seed)).expect("opens");
        assert!(cut.history.now() == driver.history.now());
        assert_eq!((cut.store.report().snapshot, cut.store.report().records), (Some(1), 0));
    }
}

#[test]
fn only_what_came_after_is_replayed_and_two_snapshots_are_kept() {
    let mut driver = Driver::start(SimDisk::new(1)).expect("opens");
    for n in 1..=5 {
        for _ in 0..20 {
            driver.commit(&[Change::Append { log: 0, payload: vec![n; 50] }]).expect("committed");
        }
        driver.store.snapshot().expect("a snapshot");
        driver.commit(&[Change::Append { log: 0, payload: vec![n; 50] }]).expect("committed");
        let kept = snapshots(&driver.disk.files());
        assert_eq!(kept.len() as u8, n.min(2), "{kept:?}");
        driver = driver.reopen().expect("reopens");
        let report = driver.store.report();
        assert_eq!((report.snapshot, report.records), (Some(n.into()), 1));
    }
}

#[test]
fn history_that_no_snapshot_needs_may_be_gone() {
    let (files, history) = trimmed();
    let (short, gone) = without_history(&files);
    let driver = start(&short);
    assert!(history.now() == driver.history.now());
    driver.check();
    // Deleted segments come back, as they were or as zeros, which are removed again (E12).
    for zeros in [false, true] {
        let mut back = short.clone();
        for name in &gone {
            let bytes = &files[name];
            back.insert(name.clone(), if zeros { vec![0; bytes.len()] } else { bytes.clone() });
            let disk = SimDisk::with_files(1, back.clone());
            let driver = Driver::start(disk.clone()).expect("opens");
            assert!(history.now() == driver.history.now(), "{name}");
            driver.check();
            let left: BTreeSet<String> = disk.files().into_keys().collect();
            assert!(!zeros || gone.iter().all(|name| !left.contains(name)));
        }
    }
}

/// A cold segment that no snapshot lists, and a snapshot that was never finished, are nobody's.
#[test]
fn leftovers_are_removed_and_other_files_are_left_alone() {
    let (mut files, history) = killed();
    let tmp = "0000000000000003.snap.tmp";
    let whole = files[&snapshots(&files)[1]].clone();
    for (name, bytes) in
        [("8000000000000001.seg", vec![7; 100]), (tmp, whole), ("mine.tmp", vec![])]
    {
        files.insert(name.into(), bytes);
    }
    let disk = SimDisk::with_files(1, files);
    let driver = Driver::start(disk.clone()).expect("opens");
    assert!(history.now() == driver.history.now());
    let left = disk.files();
    assert!(!left.contains_key("8000000000000001.seg") && !left.contains_key(tmp));
    assert!(left.contains_key("mine.tmp"));
    driver.store.snapshot().expect("takes the name of the unfinished one");
    assert_eq!(snapshots(&disk.files()).len(), 2);
}

/// A snapshot is whole or is not used: each bit flipped, in the newest, with all of history and
/// without what both can do without.
#[test]
fn every_bit_of_a_snapshot_may_flip() {
    for (files, history) in [killed(), {
        let (files, history) = trimmed();
        (without_history(&files).0, history)
    }] {
        let newest = snapshots(&files)[1].clone();
        in_parallel(files[&newest].len() as u64 * 8, |bit| {
            let mut files = files.clone();
            files.get_mut(&newest).expect("there")[bit as usize / 8] ^= 1 << (bit % 8);
            let driver = start(&files);
            assert!(history.now() == driver.history.now(), "bit {bit}");
            let report = driver.store.report();
            assert_eq!((report.snapshot, report.snapshots_unusable), (Some(1), 1), "bit {bit}");
        });
    }
}

#[test]
fn a_snapshot_may_be_cut_anywhere_or_be_of_any_bytes() {
    let (files, history) = killed();
    let newest = snapshots(&files)[1].clone();
    in_parallel(files[&newest].len() as u64, |length| {
        let bytes = &files[&newest];
        let length = length as usize;
        let garbage = Dice::new(length as u64).bytes(bytes.len() - length);
        let zeros = vec![0; bytes.len() - length];
        for tail in [&[][..], &zeros, &garbage] {
            let mut files = files.clone();
            files.insert(newest.clone(), [&bytes[..length], tail].concat());
            let driver = start(&files);
            let is_same = tail == &bytes[length..];
            assert!(history.now() == driver.history.now(), "{length}");
            assert_eq!(driver.store.report().snapshot, Some(if is_same { 2 } else { 1 }));
        }
    });
}

/// Both are damaged: all of history tells the same; without it nothing is made up.
#[test]
fn without_a_snapshot_all_of_history_is_needed() {
    let (files, history) = killed();
    let damaged = |files: &Files| {
        let mut files = files.clone();
        for name in snapshots(&files) {
            let bytes = files.get_mut(&name).expect("there");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        files
    };
    let driver = start(&damaged(&files));
    assert!(history.now() == driver.history.now());
    assert_eq!(
        (driver.store.report().snapshot, driver.store.report().snapshots_unusable),
        (None, 2)
    );
    let (files, history) = trimmed();
    let short = damaged(&without_history(&files).0);
    assert_eq!(judge(short.clone(), &history), Ok(Verdict::Refused));
    let disk = SimDisk::with_files(1, short.clone());
    assert!(open(&disk).is_err());
    assert_eq!(disk.files(), short, "nothing is changed by a refusal");
}

/// A segment that a snapshot lists is missing, another one, or too short.
#[test]
fn what_a_snapshot_needs_must_be_there() {
    let (files, history) = trimmed();
    let (files, _) = without_history(&files);
    let segments = names(&files, ".seg");
    for name in &segments[..segments.len() - 1] {
        let mut missing = files.clone();
        missing.remove(name);
        let verdict = judge(missing, &history);
        let is_spare = files[name].iter().all(|byte| *byte == 0);
        assert!(verdict == Ok(Verdict::Refused) || is_spare, "{name}: {verdict:?}");
        let mut short = files.clone();
        short.get_mut(name).expect("there").truncate(100);
        assert_eq!(judge(short, &history), Ok(Verdict::Refused), "{name} cut");
        let mut header = files.clone();
        header.get_mut(name).expect("there")[20] ^= 4;
        assert_eq!(judge(header, &history), Ok(Verdict::Refused), "{name}'s header");
    }
}

/// A snapshot that is stale is replayed over; one that is ahead of the segments, or of another store, is
/// refused (E42).
#[test]
fn a_snapshot_must_fit_the_segments() {
    let mut driver = Driver::start(SimDisk::new(2)).expect("opens");
    let append = |n: u8| [Change::Append { log: 0, payload: vec![n; 300] }];
    for n in 0..20 {
        driver.commit(&append(n)).expect("committed");
    }
    driver.sync().expect("durable");
    let (early, before) = (driver.disk.files(), driver.history.clone());
    driver.store.snapshot().expect("a snapshot");
    let stale = driver.disk.files();
    for n in 0..20 {
        driver.commit(&append(n)).expect("committed");
    }
    driver.store.snapshot().expect("a snapshot");
    let late = driver.disk.files();
    let (first, second) = (&snapshots(&late)[0], &snapshots(&late)[1]);
    let with = |files: &Files, name: &String, bytes: &[u8]| {
        let mut files = files.clone();
        files.insert(name.clone(), bytes.to_vec());
        files
    };
    let mut old_only = late.clone();
    old_only.remove(second);
    assert_eq!(judge(old_only, &driver.history), Ok(Verdict::Intact));
    assert_eq!(
        judge(with(&early, first, &stale[first]), &before),
        Ok(Verdict::Intact),
        "as of then"
    );
    assert_eq!(judge(with(&early, second, &late[second]), &before), Ok(Verdict::Refused), "ahead");
    let other = killed().0;
    let foreign = &other[&snapshots(&other)[0]];
    assert_eq!(judge(with(&late, first, foreign), &driver.history), Ok(Verdict::Refused));
    assert_eq!(judge(with(&late, second, foreign), &driver.history), Ok(Verdict::Refused));
    let copy = late[first].clone();
    assert_eq!(judge(with(&late, second, &copy), &driver.history), Ok(Verdict::Intact), "misnamed");
}

/// A snapshot of a newer version is refused and not touched.
#[test]
fn a_newer_snapshot_is_refused() {
    let (mut files, _) = killed();
    let newest = snapshots(&files)[1].clone();
    let header = files.get_mut(&newest).expect("there");
    header[8] = 9;
    let crc = crc32(&header[..60]);
    header[60..64].copy_from_slice(&crc.to_le_bytes());
    let disk = SimDisk::with_files(1, files.clone());
    let error = open(&disk).expect_err("refused");
    assert!(matches!(error, syncline_engine::Error::Unsupported { version: 9 }), "{error}");
    assert_eq!(disk.files(), files);
}

/// CRC-32/ISO-HDLC, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
