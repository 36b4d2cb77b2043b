//! A store whose bytes are about to be damaged, and which outcomes of that are no wrong answer.

use syncline_engine::storage::sim::SimDisk;

use super::{
    dice::{Dice, store_bytes},
    driver::Driver,
    history::History,
    judge::{Files, Verdict, judge},
    model::Change,
};

/// Bytes of frames in a store that is damaged, at least.
const BYTES_MIN: usize = 16 << 10;

/// A store of several segments, each batch made durable for itself.
pub(crate) struct Sound {
    pub(crate) files: Files,
    pub(crate) history: History,
}

impl Sound {
    pub(crate) fn new(is_closed: bool) -> Self {
        let mut driver = Driver::start(SimDisk::new(3)).expect("opens");
        let mut dice = Dice::new(3);
        let bytes = store_bytes(BYTES_MIN) as u64;
        for n in (0..8).cycle() {
            let length = 60 + dice.below(240);
            let changes = [
                Change::Append { log: usize::from(n % 2), payload: dice.bytes(length) },
                Change::Put { map: 0, key: vec![b'k', n], value: dice.bytes(30) },
            ];
            driver.commit(&changes).expect("committed");
            driver.wait().expect("durable");
            if driver.store.durable().0 >= bytes {
                break;
            }
        }
        let Driver { disk, store, history, .. } = driver;
        match is_closed {
            true => store.close().expect("closes"),
            false => drop(store),
        }
        Self { files: disk.files(), history }
    }

    /// What comes of one change to one file.
    pub(crate) fn with(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) -> Verdict {
        let mut files = self.files.clone();
        damage(files.get_mut(name).expect("is there"));
        judge(files, &self.history).unwrap_or_else(|wrong| panic!("{name}: {wrong}"))
    }

    /// Nothing goes missing from a store that ended well, wherever the damage is; from one that was
    /// killed at most the last flush, which no later one vouches for.
    pub(crate) fn allows(&self, is_closed: bool, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Intact | Verdict::Refused | Verdict::Told => true,
            Verdict::Cut(commits) => !is_closed && commits + 1 >= self.history.commits(),
            Verdict::CutInSilence(_) => false,
        }
    }

    /// The bytes of a file that are in use.
    pub(crate) fn used(&self, name: &str) -> usize {
        self.files[name].iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)
    }
}
