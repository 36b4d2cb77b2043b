//! Files that were removed and come back, because the removal was not on the device: they change
//! nothing, and are removed again (E12).

use syncline_engine::{Error, storage::sim::SimDisk};

use crate::world::{
    dice::{Dice, for_seeds},
    driver::{Driver, random_batch},
    judge::Files,
    model::Change,
};

const BATCHES: usize = 60;
const BATCHES_PER_SNAPSHOT: usize = 8;
const CASES: u64 = 20;

/// The files of a store, and those that it had once, as they were last.
#[derive(Default)]
struct Past {
    now: Files,
    gone: Files,
}

impl Past {
    fn note(&mut self, disk: &SimDisk) {
        let files = disk.files();
        let before = std::mem::replace(&mut self.now, files);
        self.gone.extend(before);
        self.gone.retain(|name, _| !self.now.contains_key(name));
    }

    /// What the device may have: one of the files that are gone, or all of them, whole, or only their
    /// length, or only their name.
    fn revivals(&self) -> Vec<Files> {
        let mut revivals = Vec::new();
        for part in [usize::MAX, 64, 0] {
            let some = |names: &dyn Fn(&str) -> bool| {
                let mut files = self.now.clone();
                for (name, bytes) in self.gone.iter().filter(|(name, _)| names(name)) {
                    let mut bytes = bytes.clone();
                    let kept = part.min(bytes.len());
                    bytes[kept..].fill(0);
                    files.insert(name.clone(), if part == 0 { Vec::new() } else { bytes });
                }
                files
            };
            revivals.extend(self.gone.keys().map(|name| some(&|other| other == name)));
            revivals.push(some(&|name| name.ends_with(".seg")));
            revivals.push(some(&|_| true));
        }
        revivals
    }

    /// Each revival opens as what the store is, goes on, and opens again.
    fn check(&self, driver: &Driver, seed: u64) -> Result<(), Error> {
        for (nth, files) in self.revivals().into_iter().enumerate() {
            let what = format!("seed {seed}, revival {nth} of {:?}", self.gone.keys());
            let disk = SimDisk::with_files(seed, files);
            let mut next = Driver::start(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(next.history.now() == driver.history.now(), "{what}");
            next.check();
            next.commit(&[Change::Append { log: 0, payload: b"goes on".to_vec() }])?;
            next.snapshot()?;
            next.commit(&[Change::Append { log: 1, payload: b"and on".to_vec() }])?;
            next.sync()?;
            let image = next.disk.after_power_cut(nth as u64);
            next.recover(image).check();
        }
        Ok(())
    }
}

#[test]
fn what_was_removed_and_comes_back_changes_nothing() {
    for_seeds(CASES, |seed| {
        let mut dice = Dice::new(seed);
        let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
        let (mut past, mut revived) = (Past::default(), 0);
        for n in 1..=BATCHES {
            let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("committed");
            if n.is_multiple_of(BATCHES_PER_SNAPSHOT) {
                driver.snapshot().expect("a snapshot");
                past.note(&driver.disk);
                driver.compact(dice.one_in(2)).expect("compacts");
            }
            past.note(&driver.disk);
            if dice.one_in(8) {
                driver.sync().expect("durable");
                past.note(&driver.disk);
                past.check(&driver, seed).expect("goes on");
                revived += past.gone.len();
            }
        }
        driver.sync().expect("durable");
        past.note(&driver.disk);
        past.check(&driver, seed).expect("goes on");
        revived += past.gone.len();
        assert!(revived > 0, "nothing was removed");
    });
}
