//! Verify finds every damage, at its place, and nothing where nothing is wrong.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use syncline_engine::{
    Error, Seq,
    offline::{Damage, Flaw, Lost, VerifyReport, verify_on, verify_with},
    storage::sim::SimDisk,
};

use crate::world::{
    dice::{Dice, for_seeds, in_parallel},
    driver::{Driver, open, random_batch},
    judge::Files,
    model::{Change, LOGS, MAPS},
};

/// A closed store of several segments, each batch made durable for itself; the first ones have
/// footers.
pub(crate) fn sound(seed: u64, batches: u8) -> Files {
    let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
    let mut dice = Dice::new(seed);
    for n in 0..batches {
        let length = 60 + dice.below(240);
        let changes = [
            Change::Append { log: usize::from(n % 2), payload: dice.bytes(length) },
            Change::Put { map: 0, key: vec![b'k', n % 8], value: dice.bytes(30) },
        ];
        driver.commit(&changes).expect("committed");
        driver.wait().expect("durable");
    }
    let Driver { disk, store, .. } = driver;
    store.close().expect("closes");
    disk.files()
}

fn verify(files: &Files) -> VerifyReport {
    let disk = SimDisk::with_files(1, files.clone());
    let report = verify_on(Arc::new(disk.clone())).expect("verifies");
    assert!(disk.steps() == 0, "nothing is written");
    report
}

fn with(files: &Files, name: &str, damage: impl FnOnce(&mut Vec<u8>)) -> VerifyReport {
    let mut files = files.clone();
    damage(files.get_mut(name).expect("is there"));
    verify(&files)
}

/// Length of a file's used part.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)
}

/// Whether a damage lies over a byte of a file.
fn covers(damage: &Damage, name: &str, at: usize) -> bool {
    let at = at as u64;
    damage.file == name && damage.offset <= at && at < damage.offset + damage.bytes
}

#[test]
fn every_bit_that_flips_is_found_at_its_place() {
    let files = sound(3, 30);
    assert!(files.len() > 2 && verify(&files).is_sound(), "several segments");
    let end = last_flush(&files);
    let flaws = Mutex::new(BTreeSet::new());
    for (name, bytes) in &files {
        in_parallel(bytes.len() as u64 * 8, |bit| {
            let (at, mask) = (bit as usize / 8, 1 << (bit % 8));
            let report = with(&files, name, |bytes| bytes[at] ^= mask);
            if (name, at) >= (&end.0, end.1) {
                // Nothing is behind the last flush, so nothing vouches for it.
                let torn = report.torn.as_ref().expect("told");
                assert!(report.is_sound() && torn.file == *name, "{name} bit {bit}: {report:?}");
                assert!(torn.offset <= at as u64, "{name} bit {bit}: {report:?}");
                return;
            }
            let [damage] = &report.damages[..] else { panic!("{name} bit {bit}: {report:?}") };
            assert!(covers(damage, name, at), "{name} bit {bit}: {damage}");
            assert_eq!(report.torn, None, "{name} bit {bit}");
            flaws.lock().expect("no panic").insert(format!("{:?}", damage.flaw));
        });
    }
    let flaws = flaws.into_inner().expect("no panic");
    for flaw in ["Header", "Frame", "Footer", "NotZero"] {
        assert!(flaws.contains(flaw), "{flaw} is not among {flaws:?}");
    }
}

/// Where the last flush of a closed store begins, its mark and that of the end: the file, and the
/// place.
fn last_flush(files: &Files) -> (String, usize) {
    let (name, bytes) = files.iter().rfind(|(_, bytes)| used(bytes) > 0).expect("a segment");
    (name.clone(), used(bytes).next_multiple_of(8) - 64)
}

/// A damaged frame whose footer is damaged too, or that never had one: the frames behind it are
/// found all the same.
#[test]
fn it_goes_on_behind_a_damage_without_a_footer() {
    let files = sound(3, 30);
    let records = verify(&files).records;
    let end = last_flush(&files);
    for (name, bytes) in &files {
        in_parallel(used(bytes) as u64, |at| {
            let at = at as usize;
            if at < 64 || (name, at) >= (&end.0, end.1) {
                return;
            }
            let report = with(&files, name, |bytes| {
                bytes[at] ^= 0x10;
                // The trailer of the footer.
                let end = bytes.len();
                if used(bytes) == end {
                    bytes[end - 1] ^= 1;
                }
            });
            let found = report.damages.iter().any(|damage| covers(damage, name, at));
            assert!(found, "{name} at {at}: {report:?}");
            // One frame; where its own length is what is damaged, those up to the next mark.
            let most =
                if report.damages.iter().any(|damage| damage.flaw == Flaw::Frames) { 4 } else { 1 };
            assert!(report.records + most >= records, "{name} at {at}: {report:?} of {records}");
        });
    }
}

#[test]
fn every_cut_of_a_file_is_found() {
    let files = sound(3, 30);
    let (end, records) = (last_flush(&files), verify(&files).records);
    for (name, bytes) in &files {
        in_parallel(bytes.len() as u64, |length| {
            let length = length as usize;
            let report = with(&files, name, |bytes| bytes.truncate(length));
            let first = report.damages.first();
            if *name > end.0 || *name == end.0 && length >= used(bytes) {
                // Only space that was made ready went.
                assert!(report.is_sound(), "{name} to {length}: {report:?}");
            } else if *name == end.0 {
                // The end takes along what would have vouched for what is before it.
                let told = first.is_none_or(|damage| damage.file == *name);
                assert!(told, "{name} to {length}: {report:?}");
            } else {
                // A segment may lack a footer: a cut that takes just that leaves a sound one.
                let told = first.is_some_and(|damage| damage.file == *name);
                assert!(told || report.records == records, "{name} to {length}: {report:?}");
            }
        });
    }
}

/// A power cut may take a part of a footer. Once the store was opened that is gone, and does not look
/// like damage for ever after.
#[test]
fn what_a_power_cut_left_of_a_footer_is_no_damage() {
    let files = sound(3, 30);
    let name = files.keys().next().expect("a segment");
    let mut torn = files.clone();
    let bytes = torn.get_mut(name).expect("is there");
    let end = bytes.len();
    bytes[end - 20..].fill(0);
    let disk = SimDisk::with_files(1, torn);
    open(&disk).expect("opens").close().expect("closes");
    let report = verify(&disk.files());
    assert!(report.is_sound() && report.records == verify(&files).records, "{report:?}");
}

#[test]
fn nothing_is_found_in_a_sound_store_after_any_workload() {
    for_seeds(400, |seed| {
        let mut dice = Dice::new(seed);
        let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
        for _ in 0..10 + dice.below(40) {
            match dice.below(40) {
                0 => driver = driver.reopen().expect("reopens"),
                1 => {
                    let disk = driver.disk.after_kill();
                    check_sound(&disk, seed);
                    driver = driver.recover(disk);
                }
                2 => {
                    let disk = driver.disk.after_power_cut(dice.roll());
                    check_sound(&disk, seed);
                    driver = driver.recover(disk);
                }
                3..=8 => driver.wait().expect("durable"),
                9 => drop(check_sound(&driver.disk, seed)),
                _ => {
                    let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
                    driver.commit(&batch).expect("committed");
                }
            }
        }
        check_sound(&driver.disk, seed);
        let Driver { disk, store, .. } = driver;
        store.close().expect("closes");
        assert_eq!(check_sound(&disk, seed).torn, None);
    });
}

fn check_sound(disk: &SimDisk, seed: u64) -> VerifyReport {
    let report = verify_on(Arc::new(disk.after_kill())).expect("verifies");
    assert!(report.is_sound(), "seed {seed}: {report:?}");
    report
}

#[test]
fn what_a_damage_took_is_told_by_name_and_number() {
    let files = sound(3, 30);
    let (name, bytes) = files.iter().nth(1).expect("a second segment");
    // What is counted are words of frames.
    let mut lost = (0, 0);
    for at in (64..used(bytes)).step_by(8) {
        let report = with(&files, name, |bytes| bytes[at] ^= 1);
        let [damage] = &report.damages[..] else { panic!("{at}: {report:?}") };
        match &damage.lost[..] {
            [Lost::Records { log, first, last }] => {
                assert!(LOGS[..2].contains(&log.as_str()) && first == last && *first > Seq(1));
                lost.0 += 1;
            }
            [Lost::Value { map }] => {
                assert_eq!(map, MAPS[0]);
                lost.1 += 1;
            }
            // A mark, the footer, zeros, a value that was replaced.
            [] => {}
            other => panic!("{at}: {other:?}"),
        }
        assert!(damage.to_string().starts_with(&**name), "{damage}");
    }
    // Each key has a new value in every eighth batch, and most of those here were replaced.
    assert!(lost.0 > 200 && (1..50).contains(&lost.1), "{lost:?}");
}

#[test]
fn missing_and_foreign_segments_are_found() {
    let (files, others) = (sound(3, 30), sound(4, 30));
    let names: Vec<String> = files.keys().cloned().collect();
    let flaws = |files: &Files| {
        let report = verify(files);
        report.damages.into_iter().map(|damage| (damage.file, damage.flaw)).collect::<Vec<_>>()
    };
    for name in &names[..2] {
        let mut less = files.clone();
        less.remove(name);
        assert_eq!(flaws(&less), [(name.clone(), Flaw::Missing)]);
        let mut foreign = files.clone();
        foreign.insert(name.clone(), others[name].clone());
        let found = flaws(&foreign);
        let [(file, Flaw::OtherStore { .. })] = &found[..] else { panic!("{found:?}") };
        assert_eq!(file, name);
    }
    let mut swapped = files.clone();
    swapped.insert(names[0].clone(), files[&names[1]].clone());
    swapped.insert(names[1].clone(), files[&names[0]].clone());
    let expected = [
        (names[0].clone(), Flaw::OtherSegment { id: 2 }),
        (names[1].clone(), Flaw::OtherSegment { id: 1 }),
    ];
    assert_eq!(flaws(&swapped), expected);
    for empty in [Files::new(), Files::from([("notes.txt".to_owned(), vec![1])])] {
        let error = verify_on(Arc::new(SimDisk::with_files(1, empty))).expect_err("no store");
        assert!(matches!(error, Error::Rejected(_)), "{error}");
    }
}

/// A disk that fails to give some bytes back is told with its error, and the rest is looked at.
#[test]
fn what_the_disk_does_not_give_back_is_found() {
    let files = sound(3, 30);
    let name = files.keys().nth(1).expect("a second segment");
    let disk = SimDisk::with_files(1, files.clone());
    disk.make_unreadable(name, 500..600).expect("is there");
    let report = verify_on(Arc::new(disk)).expect("verifies");
    let is_told =
        |damage: &Damage| damage.file == *name && matches!(damage.flaw, Flaw::Unreadable { .. });
    assert!(report.damages.iter().any(is_told), "{report:?}");
    assert!(report.damages.iter().all(|damage| damage.file == *name), "{report:?}");
}

/// A writer commits, flushes and begins segments meanwhile: nothing of that is a damage.
#[test]
fn a_store_that_is_written_to_is_sound() {
    let disk = SimDisk::new(9);
    let store = open(&disk).expect("opens");
    let log = store.log("doc").expect("created");
    store.sync().expect("durable");
    let (done, committed) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice::new(9);
            while !done.load(Ordering::Relaxed) {
                let mut batch = syncline_engine::Batch::new();
                let length = dice.below(900);
                batch.append(&log, &dice.bytes(length));
                let commit = store.commit(batch).expect("committed");
                if dice.one_in(3) {
                    commit.wait().expect("durable");
                }
                committed.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (mut reports, mut before) = (0, 0);
        while reports < 60 || committed.load(Ordering::Relaxed) < 400 {
            let report = verify_on(Arc::new(disk.clone())).expect("verifies");
            assert!(report.is_sound(), "{report:?}");
            assert!(report.records >= before, "{} records after {before}", report.records);
            (reports, before) = (reports + 1, report.records);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn progress_comes_to_its_end() {
    let files = sound(3, 30);
    let bytes: u64 = files.values().map(|bytes| bytes.len() as u64).sum();
    let told = Mutex::new(Vec::new());
    let progress = |done: u64, total: u64| told.lock().expect("no panic").push((done, total));
    let disk = Arc::new(SimDisk::with_files(1, files));
    let report = verify_with(disk, &progress).expect("verifies");
    let told = told.into_inner().expect("no panic");
    assert!(told.iter().all(|(done, total)| done <= total && *total <= bytes), "{told:?}");
    assert_eq!(told.iter().map(|(done, _)| done).max(), told.first().map(|(_, total)| total));
    assert_eq!(report.bytes, bytes);
}
