//! A store against a plain model: random changes, power cuts at random steps, and reopening.
//!
//! After each cut the store must hold a prefix of what was committed, with all that was acknowledged.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use syncline_engine::{
    Batch, Durability, Options, Seq, Store,
    storage::sim::{Charge, SimDisk},
};

const LOGS: usize = 3;
const MAPS: usize = 2;

#[derive(Clone, Debug)]
enum Change {
    Append(usize, u8, usize),
    Trim(usize, u8),
    Put(usize, u8, usize),
    Remove(usize, u8),
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>),
    Wait,
    Sync,
    Close,
    DropLog(usize),
    PowerCut(u64),
    /// Cut after so many more disk steps, some bytes into a write.
    CutLater(u64, usize, u64),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LogModel {
    first: u64,
    records: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    logs: [Option<LogModel>; LOGS],
    maps: [BTreeMap<Vec<u8>, Vec<u8>>; MAPS],
}

impl Model {
    fn log(&mut self, at: usize) -> &mut LogModel {
        self.logs[at].get_or_insert_with(|| LogModel { first: 1, records: Vec::new() })
    }

    fn apply(&mut self, change: &Change, stamp: u64) {
        match change {
            Change::Append(log, fill, length) => {
                self.log(*log).records.push(payload(*fill, *length, stamp));
            }
            Change::Trim(log, count) => {
                let log = self.log(*log);
                let count = (*count as usize).min(log.records.len());
                log.records.drain(..count);
                log.first += count as u64;
            }
            Change::Put(map, key, length) => {
                self.maps[*map]
                    .insert(vec![*key; *key as usize % 5], payload(*key, *length, stamp));
            }
            Change::Remove(map, key) => {
                self.maps[*map].remove(&vec![*key; *key as usize % 5]);
            }
        }
    }

    fn read(store: &Store) -> Self {
        let mut model = Self::default();
        for (at, slot) in model.logs.iter_mut().enumerate() {
            *slot = store.find_log(&format!("log{at}")).unwrap().map(|log| LogModel {
                first: log.first_seq().0,
                records: log.read(..).map(|r| r.unwrap().payload.to_vec()).collect(),
            });
        }
        for (at, slot) in model.maps.iter_mut().enumerate() {
            if let Some(map) = store.find_map(&format!("map{at}")).unwrap() {
                *slot =
                    map.iter().map(|e| e.unwrap()).map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
                for (key, value) in slot.iter() {
                    assert_eq!(map.get(key).unwrap().as_deref(), Some(&value[..]));
                }
                assert_eq!(map.len(), slot.len() as u64);
            }
        }
        model
    }
}

fn payload(fill: u8, length: usize, stamp: u64) -> Vec<u8> {
    let mut payload = vec![fill; length];
    payload.extend_from_slice(&stamp.to_le_bytes());
    payload
}

fn change() -> impl Strategy<Value = Change> {
    let length = || prop_oneof![4 => 0usize..60, 1 => 0usize..3000];
    prop_oneof![
        5 => (0..LOGS, any::<u8>(), length()).prop_map(|(l, f, n)| Change::Append(l, f, n)),
        1 => (0..LOGS, 0u8..20).prop_map(|(l, n)| Change::Trim(l, n)),
        4 => (0..MAPS, 0u8..12, length()).prop_map(|(m, k, n)| Change::Put(m, k, n)),
        1 => (0..MAPS, 0u8..12).prop_map(|(m, k)| Change::Remove(m, k)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(change(), 1..6).prop_map(Step::Commit),
        3 => Just(Step::Wait),
        1 => Just(Step::Sync),
        1 => Just(Step::Close),
        1 => (0..LOGS).prop_map(Step::DropLog),
        1 => any::<u64>().prop_map(Step::PowerCut),
        1 => (0u64..8, 0usize..5000, any::<u64>()).prop_map(|(s, b, c)| Step::CutLater(s, b, c)),
    ]
}

/// A store and every state it has been in since the last one known to be durable.
struct Run {
    disk: SimDisk,
    options: Options,
    store: Option<Store>,
    states: Vec<Model>,
    stamp: u64,
    cut_seed: Option<u64>,
}

impl Run {
    fn new(options: Options) -> Self {
        let disk = SimDisk::new(1);
        let mut run = Self {
            disk,
            options,
            store: None,
            states: vec![Model::default()],
            stamp: 0,
            cut_seed: None,
        };
        run.open();
        run
    }

    fn open(&mut self) {
        let disk = Arc::new(self.disk.clone());
        let store = Store::open_on(disk, self.options.clone()).unwrap();
        let found = Model::read(&store);
        // Creating collections one by one makes states between the batches' own: empty logs.
        let at = self.states.iter().rposition(|state| same(state, &found));
        assert!(at.is_some(), "found {found:?}, not one of {:?}", self.states);
        self.states = vec![found];
        self.store = Some(store);
    }

    fn cut(&mut self, seed: u64) {
        let disk = self.disk.after_power_cut(seed);
        self.store = None;
        self.disk = disk;
        self.cut_seed = None;
        self.open();
    }

    /// What an operation that failed because the process has ended means: it is time for the cut.
    fn survives<T>(&mut self, result: Result<T, syncline_engine::Error>) -> Option<T> {
        match (result, self.cut_seed) {
            (Ok(done), _) => Some(done),
            (Err(_), Some(seed)) if self.disk.is_stopped() => {
                self.cut(seed);
                None
            }
            (Err(error), _) => panic!("{error}"),
        }
    }

    fn commit(&mut self, changes: &[Change]) {
        let store = self.store.clone().unwrap();
        let mut model = self.states.last().unwrap().clone();
        let mut batch = Batch::new();
        self.stamp += 1;
        let fill = || -> Result<(), syncline_engine::Error> {
            for change in changes {
                match change {
                    Change::Append(at, ..) | Change::Trim(at, _) => {
                        let log = store.log(&format!("log{at}"))?;
                        model.apply(change, self.stamp);
                        let now = model.log(*at);
                        match change {
                            Change::Trim(..) => batch.trim(&log, Seq(now.first)),
                            _ => batch.append(&log, now.records.last().unwrap()),
                        }
                    }
                    Change::Put(at, key, length) => {
                        let map = store.map(&format!("map{at}"))?;
                        model.apply(change, self.stamp);
                        batch.put(
                            &map,
                            &vec![*key; *key as usize % 5],
                            &payload(*key, *length, self.stamp),
                        );
                    }
                    Change::Remove(at, key) => {
                        let map = store.map(&format!("map{at}"))?;
                        model.apply(change, self.stamp);
                        batch.remove(&map, &vec![*key; *key as usize % 5]);
                    }
                }
            }
            store.commit(batch).map(drop)
        };
        let result = fill();
        drop(store);
        // Even what failed may have been written by a process that was ended in the middle.
        self.states.push(model);
        self.survives(result);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Commit(changes) => self.commit(changes),
            Step::Wait | Step::Sync => {
                let store = self.store.clone().unwrap();
                let result = match step {
                    Step::Wait => store.wait(store.appended()),
                    _ => store.sync().map(drop),
                };
                drop(store);
                let is_power_safe =
                    matches!(step, Step::Sync) || self.options.durability == Durability::Device;
                if self.survives(result).is_some() && is_power_safe {
                    self.states.drain(..self.states.len() - 1);
                }
            }
            Step::Close => {
                let result = self.store.take().unwrap().close();
                if self.survives(result).is_some() {
                    self.states.drain(..self.states.len() - 1);
                    let keep = (self.disk.clone(), self.cut_seed);
                    match Store::open_on(Arc::new(keep.0), self.options.clone()) {
                        Ok(store) => {
                            drop(store);
                            self.open_or_cut();
                        }
                        Err(_) => self.open_or_cut(),
                    }
                }
            }
            Step::DropLog(at) => {
                let store = self.store.clone().unwrap();
                let Some(log) = store.find_log(&format!("log{at}")).unwrap() else { return };
                let mut batch = Batch::new();
                batch.drop_log(&log);
                let result = store.commit(batch);
                drop((store, log));
                let mut model = self.states.last().unwrap().clone();
                model.logs[*at] = None;
                self.states.push(model);
                self.survives(result);
            }
            Step::PowerCut(seed) => self.cut(*seed),
            Step::CutLater(steps, bytes, seed) => {
                if self.cut_seed.is_none() {
                    self.disk.stop_within(self.disk.steps() + steps, *bytes);
                    self.cut_seed = Some(*seed);
                }
            }
        }
    }

    fn open_or_cut(&mut self) {
        if self.disk.is_stopped() {
            self.cut(self.cut_seed.unwrap());
        } else {
            match Store::open_on(Arc::new(self.disk.clone()), self.options.clone()) {
                Ok(store) => {
                    assert!(same(&Model::read(&store), self.states.last().unwrap()));
                    self.store = Some(store);
                }
                Err(_) if self.disk.is_stopped() => self.cut(self.cut_seed.unwrap()),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Equal, but for logs that exist and are empty in one and do not exist in the other.
fn same(one: &Model, other: &Model) -> bool {
    let plain = |model: &Model| {
        let mut model = model.clone();
        for log in &mut model.logs {
            log.take_if(|log| log.records.is_empty() && log.first == 1);
        }
        model
    };
    plain(one) == plain(other)
}

fn options(segment_bytes: u64, durability: Durability) -> Options {
    let mut options = Options::default();
    (options.segment_bytes, options.durability) = (segment_bytes, durability);
    options
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_store_is_its_model_over_power_cuts(
        steps in prop::collection::vec(step(), 1..80),
        segment_bytes in prop_oneof![Just(4096u64), Just(16384)],
        os in prop::bool::weighted(0.2),
    ) {
        let durability = if os { Durability::Os } else { Durability::Device };
        let mut run = Run::new(options(segment_bytes, durability));
        for step in &steps {
            run.step(step);
        }
        run.disk.stop_after(run.disk.steps());
        run.cut(7);
    }
}

#[test]
fn a_full_disk_refuses_commits_and_recovers_without_a_reopen() {
    let disk = SimDisk::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), options(4096, Durability::Device)).unwrap();
    let log = store.log("log").unwrap();
    disk.limit_space(Some(3 * 4096), Charge::Length);
    let mut placed = 0;
    let error = loop {
        let mut batch = Batch::new();
        batch.append(&log, &[1; 500]);
        match store.commit(batch) {
            Ok(commit) => {
                commit.wait().unwrap();
                placed += 1;
            }
            Err(error) => break error,
        }
    };
    assert!(error.is_retryable() && placed > 5, "{placed}: {error}");
    assert_eq!(log.len(), placed);
    disk.limit_space(None, Charge::Length);
    let mut batch = Batch::new();
    batch.append(&log, b"again");
    store.commit(batch).unwrap().wait().unwrap();
    assert_eq!(log.get(Seq(placed + 1)).unwrap().as_deref(), Some(&b"again"[..]));
}
