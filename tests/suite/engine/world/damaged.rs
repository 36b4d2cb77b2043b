//! A store whose bytes are about to be damaged, and which outcomes of that are no wrong answer.

use syncline_engine::storage::sim::SimDisk;

use super::{
    dice::{Dice, store_bytes},
    driver::Driver,
    history::History,
    judge::{Files, Verdict, judge},
    model::Change,
};

/// Bytes of frames in a store that is damaged; its files are longer.
const FRAME_BYTES: usize = 20 << 10;
/// Bytes of all files, at least.
const BYTES_MIN: usize = 16 << 10;

/// A store of several segments, each batch made durable for itself.
pub(crate) struct Sound {
    pub(crate) files: Files,
    pub(crate) history: History,
}

impl Sound {
    /// Every kind of file: history, of which some was removed, cold segments, snapshots.
    pub(crate) fn new(is_closed: bool) -> Self {
        Self::make(is_closed, true)
    }

    /// All of history, and snapshots.
    pub(crate) fn with_all_history(is_closed: bool) -> Self {
        Self::make(is_closed, false)
    }

    fn make(is_closed: bool, compacts: bool) -> Self {
        let mut driver = Driver::start(SimDisk::new(3)).expect("opens");
        let mut dice = Dice::new(3);
        let bytes = store_bytes(FRAME_BYTES) as u64;
        // So that there is something before, between and behind them.
        let mut snapshots = [bytes / 4, bytes / 2].into_iter().peekable();
        let mut is_compacted = !compacts;
        for n in (0..8).cycle() {
            let length = 60 + dice.below(240);
            let changes = [
                Change::Append { log: usize::from(n % 2), payload: dice.bytes(length) },
                Change::Put { map: 0, key: vec![b'k', n], value: dice.bytes(30) },
            ];
            driver.commit(&changes).expect("committed");
            driver.wait().expect("durable");
            if snapshots.next_if(|at| *at <= driver.store.durable().0).is_some() {
                driver.snapshot().expect("a snapshot");
            }
            if driver.store.durable().0 >= bytes * 3 / 4 && !is_compacted {
                // Of the keys only the newest values are live: what is before is rewritten, and goes.
                driver.compact(true).expect("compacts");
                is_compacted = true;
            }
            if driver.store.durable().0 >= bytes {
                break;
            }
        }
        let Driver { disk, store, history, .. } = driver;
        match is_closed {
            true => store.close().expect("closes"),
            false => drop(store),
        }
        let files = disk.files();
        assert!(files.values().map(Vec::len).sum::<usize>() >= BYTES_MIN);
        let has_cold = files.keys().any(|name| name.starts_with('8'));
        assert_eq!(has_cold, compacts, "{:?}", files.keys());
        Self { files, history }
    }

    /// Whether it is the newest file of history that was begun.
    pub(crate) fn is_last(&self, name: &str) -> bool {
        let is_history = |name: &&String| name.ends_with(".seg") && name.starts_with('0');
        let mut begun = self.files.keys().filter(|name| self.used(name) > 0);
        begun.rfind(is_history).is_some_and(|last| last == name)
    }

    /// What comes of one change to one file.
    pub(crate) fn with(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) -> Verdict {
        let mut files = self.files.clone();
        damage(files.get_mut(name).expect("is there"));
        let verdict = judge(files, &self.history).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        // The other snapshot tells the same.
        assert!(!name.ends_with(".snap") || verdict == Verdict::Intact, "{name}: {verdict:?}");
        verdict
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
