//! What is whole of a damaged store is copied, and nothing else; what is not is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use syncline_engine::{
    Error, Seq, Store,
    offline::{Lost, SalvageReport, salvage, salvage_on, verify_on},
    storage::sim::{Call, Fault, SimDisk},
};

use crate::{
    verify::sound,
    world::{
        dice::{Dice, for_seeds, in_parallel},
        driver::{Driver, open, options, random_batch},
        judge::Files,
        model::{Change, LOGS, LogModel, MAPS, MapModel, Model},
        observe::{observe, observe_map},
    },
};

/// Every log of a store, by name: its records by number.
type Logs = BTreeMap<String, BTreeMap<u64, Vec<u8>>>;

/// What came of a salvage, read from the new store after a power cut.
struct Salvaged {
    report: SalvageReport,
    logs: Logs,
    maps: BTreeMap<String, MapModel>,
    nexts: BTreeMap<String, u64>,
}

fn salvaged(files: &Files) -> Salvaged {
    let (from, to) = (SimDisk::with_files(1, files.clone()), SimDisk::new(2));
    let report = salvage_on(Arc::new(from.clone()), Arc::new(to.clone()), options());
    let report = report.expect("salvages");
    assert!(from.steps() == 0, "the old store is not touched");
    let to = to.after_power_cut(3);
    let verified = verify_on(Arc::new(to.after_kill())).expect("verifies");
    assert!(verified.is_sound() && verified.torn.is_none(), "{verified:?}");
    let store = open(&to).expect("the new store opens");
    let (mut logs, mut maps, mut nexts) = (Logs::new(), BTreeMap::new(), BTreeMap::new());
    for (kind, name) in store.collections() {
        if kind == syncline_engine::Kind::Map {
            let map = store.find_map(&name).expect("finds").expect("is there");
            maps.insert(name, observe_map(&map).expect("reads"));
            continue;
        }
        let log = store.find_log(&name).expect("finds").expect("is there");
        let records =
            log.read(..).map(|record| record.map(|one| (one.seq.0, one.payload.to_vec())));
        logs.insert(name.clone(), records.collect::<Result<_, Error>>().expect("reads"));
        nexts.insert(name, log.next_seq().0);
    }
    Salvaged { report, logs, maps, nexts }
}

/// Holds what was salvaged against what the old store held before the damage; returns how many records
/// and values are missing. Where frames are lost that no table tells of, a key may show an older value.
fn check(salvaged: &Salvaged, model: &Model) -> Result<usize, String> {
    let Salvaged { report, logs, maps, .. } = salvaged;
    let has_unknown = report.damages.iter().any(|damage| damage.lost.contains(&Lost::Unknown));
    // Damage to the end takes along what would have vouched for it.
    let is_vague = has_unknown || report.torn.is_some();
    let mut missing = 0;
    for (name, log) in LOGS.iter().zip(&model.logs) {
        let parts = report.parts.iter().filter(|part| part.log == *name).map(|part| &part.name);
        let own = (*name).to_owned();
        let mut found: BTreeMap<u64, &Vec<u8>> = BTreeMap::new();
        for name in parts.chain([&own]) {
            found.extend(logs.get(name).into_iter().flatten().map(|(seq, bytes)| (*seq, bytes)));
        }
        let Some(log) = log else {
            if found.is_empty() { continue } else { return Err(format!("{name} is back")) }
        };
        let expected: BTreeMap<u64, &Vec<u8>> = (log.first..).zip(&log.records).collect();
        for (seq, payload) in &found {
            if expected.get(seq) != Some(payload) && !(is_vague && *seq < log.first) {
                return Err(format!("record {seq} of {name} is not what it was"));
            }
        }
        let gone: BTreeSet<u64> =
            expected.keys().filter(|seq| !found.contains_key(seq)).copied().collect();
        let told: BTreeSet<u64> = report.left.iter().flat_map(|lost| told(lost, name)).collect();
        let untold = gone.iter().any(|seq| !told.contains(seq));
        if untold && !is_vague {
            return Err(format!("of {name} {gone:?} are gone and {told:?} are told"));
        }
        missing += gone.len();
    }
    for (name, map) in MAPS.iter().zip(&model.maps) {
        let empty = MapModel::new();
        let (expected, found) = (map.as_ref().unwrap_or(&empty), maps.get(*name).unwrap_or(&empty));
        if is_vague {
            continue;
        }
        if found.iter().any(|(key, value)| expected.get(key) != Some(value)) {
            return Err(format!("{name} has what it never had"));
        }
        missing += expected.len() - found.len();
    }
    Ok(missing)
}

/// The sequence numbers of a log that a loss is about.
fn told(lost: &Lost, name: &str) -> Vec<u64> {
    match lost {
        Lost::Records { log, first, last } if log == name => (first.0..=last.0).collect(),
        _ => Vec::new(),
    }
}

fn model_of(files: &Files) -> Model {
    observe(&open(&SimDisk::with_files(1, files.clone())).expect("opens")).expect("sound")
}

#[test]
fn of_a_sound_store_everything_is_copied() {
    for_seeds(100, |seed| {
        let mut dice = Dice::new(seed);
        let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
        for _ in 0..10 + dice.below(40) {
            let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("committed");
        }
        driver.sync().expect("durable");
        let model = driver.history.now().clone();
        let salvaged = salvaged(&driver.disk.after_kill().files());
        assert_eq!(check(&salvaged, &model), Ok(0), "seed {seed}");
        assert!(salvaged.report.damages.is_empty() && salvaged.report.parts.is_empty());
        for (name, log) in LOGS.iter().zip(&model.logs) {
            let next = log.as_ref().map(LogModel::next);
            assert_eq!(salvaged.nexts.get(*name).copied(), next, "seed {seed}: the next of {name}");
        }
    });
}

/// Every frame damaged once: all others are there.
#[test]
fn of_a_store_with_any_frame_damaged_the_others_are_copied() {
    let files = sound(3, 30);
    let model = model_of(&files);
    let mut with_parts = 0;
    for (name, bytes) in &files {
        let counted = std::sync::Mutex::new(0);
        in_parallel(bytes.len() as u64 / 16, |word| {
            let mut bad = files.clone();
            bad.get_mut(name).expect("is there")[word as usize * 16 + 9] ^= 4;
            let salvaged = salvaged(&bad);
            let missing = check(&salvaged, &model).unwrap_or_else(|wrong| {
                panic!("{name} word {word}: {wrong} {:?}", salvaged.report)
            });
            assert!(missing <= 4, "{name} word {word}: {missing} are gone, {:?}", salvaged.report);
            *counted.lock().expect("no panic") += usize::from(!salvaged.report.parts.is_empty());
        });
        with_parts += counted.into_inner().expect("no panic");
    }
    assert!(with_parts > 100, "{with_parts} had a hole");
}

/// Every sector zeroed, or filled with garbage, or with another sector.
#[test]
fn of_a_store_with_any_sector_damaged_the_rest_is_copied() {
    let files = sound(3, 30);
    let model = model_of(&files);
    for (name, bytes) in &files {
        in_parallel(bytes.len() as u64 / 512 * 3, |case| {
            let at = case as usize / 3 * 512;
            let mut bad = files.clone();
            let bytes = bad.get_mut(name).expect("is there");
            let end = (at + 512).min(bytes.len());
            let new = match case % 3 {
                0 => vec![0; end - at],
                1 => Dice::new(case).bytes(end - at),
                _ => bytes[..end - at].to_vec(),
            };
            bytes[at..end].copy_from_slice(&new);
            let salvaged = salvaged(&bad);
            check(&salvaged, &model)
                .unwrap_or_else(|wrong| panic!("{name} at {at}: {wrong} {:?}", salvaged.report));
        });
    }
}

#[test]
fn a_log_with_a_hole_keeps_its_numbers_in_parts() {
    let mut driver = Driver::start(SimDisk::new(5)).expect("opens");
    for n in 0..40_u8 {
        driver.commit(&[Change::Append { log: 0, payload: vec![n; 300] }]).expect("committed");
        driver.wait().expect("durable");
    }
    driver.commit(&[Change::Trim { log: 0, before: 4 }]).expect("committed");
    let Driver { disk, store, .. } = driver;
    store.close().expect("closes");
    let mut files = disk.files();
    let mut damage = |n: u8| {
        for bytes in files.values_mut() {
            if let Some(at) = bytes.windows(300).position(|window| window == [n; 300]) {
                bytes[at] ^= 1;
            }
        }
    };
    // Numbers are one above; the first one is trimmed anyway.
    [1, 9, 10, 20].into_iter().for_each(&mut damage);
    let Salvaged { report, logs, nexts, .. } = salvaged(&files);
    let names: Vec<&String> = logs.keys().collect();
    assert_eq!(names, ["doc", "doc@12-20", "doc@4-9"]);
    assert_eq!(nexts["doc"], 41);
    for (name, numbers) in [("doc", 22..=40), ("doc@12-20", 12..=20), ("doc@4-9", 4..=9)] {
        let expected: BTreeMap<u64, Vec<u8>> =
            numbers.map(|seq: u64| (seq, vec![seq as u8 - 1; 300])).collect();
        assert!(logs[name] == expected, "{name}");
    }
    let lost =
        |first, last| Lost::Records { log: "doc".into(), first: Seq(first), last: Seq(last) };
    assert_eq!(report.left, [lost(10, 11), lost(21, 21)]);
    assert_eq!((report.parts.len(), report.records), (2, 34));
}

/// A payload that is a copy of frames of the store stays a payload, whatever is damaged around it.
#[test]
fn frames_inside_payloads_never_come_to_life() {
    let mut driver = Driver::start(SimDisk::new(6)).expect("opens");
    let mut dice = Dice::new(6);
    for n in 0..24_u8 {
        let files = driver.disk.files();
        let bytes = files.values().nth(dice.below(files.len())).expect("a file");
        // From here on the file's own frames, which begin at multiples of eight.
        let at = 64 + dice.below(bytes.len() / 8 - 8) * 8;
        let mut payload = vec![n];
        payload.resize(dice.below(8), n);
        payload.extend(&bytes[at.min(bytes.len())..(at + 400).min(bytes.len())]);
        driver.commit(&[Change::Append { log: 0, payload }]).expect("committed");
        driver.wait().expect("durable");
    }
    let Driver { disk, store, history, .. } = driver;
    store.close().expect("closes");
    let files = disk.files();
    for (name, bytes) in &files {
        in_parallel(bytes.len() as u64 / 8, |word| {
            let mut bad = files.clone();
            bad.get_mut(name).expect("is there")[word as usize * 8] ^= 0x18;
            let salvaged = salvaged(&bad);
            check(&salvaged, history.now())
                .unwrap_or_else(|wrong| panic!("{name} word {word}: {wrong}"));
        });
    }
}

#[test]
fn it_goes_into_an_empty_directory_only_and_leaves_nothing_half_done() {
    let from = SimDisk::with_files(1, sound(3, 30));
    let to = SimDisk::with_files(2, Files::from([("notes.txt".to_owned(), vec![1])]));
    let error = salvage_on(Arc::new(from.clone()), Arc::new(to.clone()), options());
    assert!(matches!(error, Err(Error::Rejected(_))), "{error:?}");
    assert_eq!((to.files().len(), to.steps()), (1, 0));
    // Whatever write fails: nothing stays, or something that is refused.
    for after in 0..400 {
        let to = SimDisk::new(2);
        to.fail(Fault { call: Call::Write, after, times: 1, errno: Fault::EIO });
        match salvage_on(Arc::new(from.clone()), Arc::new(to.clone()), options()) {
            Ok(_) => return assert!(after > 3, "writes are counted"),
            Err(_) => assert_eq!(to.files().len(), 0, "after {after} writes"),
        }
    }
    panic!("there is an end of the writes");
}

/// A crash at any step leaves a directory that is refused, empty, or all of the store.
#[test]
fn a_crash_leaves_no_half_of_a_store() {
    let from = SimDisk::with_files(1, sound(3, 12));
    let run = |to: &SimDisk| salvage_on(Arc::new(from.clone()), Arc::new(to.clone()), options());
    let whole = SimDisk::new(2);
    run(&whole).expect("salvages");
    let steps = whole.steps();
    let expected = observe(&open(&whole).expect("opens")).expect("reads");
    in_parallel(steps, |step| {
        let to = SimDisk::new(2);
        to.stop_after(step);
        run(&to).expect_err("the process ended");
        for disk in [to.after_kill(), to.after_power_cut(step)] {
            let Ok(store) = open(&disk) else { continue };
            let found = observe(&store).expect("reads");
            let is_empty = found == Model::default();
            assert!(found == expected || is_empty, "step {step}");
        }
    });
}

#[test]
fn real_directories_are_salvaged() {
    let (from, to) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    for (name, bytes) in sound(3, 30) {
        std::fs::write(from.path().join(name), bytes).expect("writes");
    }
    let to = to.path().join("new");
    let report = salvage(from.path(), &to).expect("salvages");
    assert_eq!((report.records, report.left.len()), (30, 0));
    let store = Store::open(&to, options()).expect("opens");
    assert_eq!(store.find_log(LOGS[0]).expect("finds").expect("is there").len(), 15);
    assert!(salvage(to.join("missing"), from.path()).is_err());
}
