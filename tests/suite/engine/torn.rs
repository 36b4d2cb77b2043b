//! The tail cut at every byte, with nothing, zeros, garbage or old frames behind the cut.

use syncline_engine::storage::sim::SimDisk;

use crate::world::{
    dice::{Dice, in_parallel},
    driver::Driver,
    history::History,
    judge::Files,
    model::Change,
};

const HEADER_BYTES: usize = 64;
/// What a flush begins with.
const MARK_BYTES: usize = 32;
/// Frames fill up to a multiple of this; the last zeros of one belong to it.
const ALIGN_BYTES: usize = 8;

/// A killed store, and where each of its commits ended in its last file.
struct Victim {
    files: Files,
    last: String,
    history: History,
    /// Length of the last file's used part after each commit that ended there.
    ends: Vec<(usize, usize)>,
}

/// Length without the zeros at the end, as frames count it.
fn used(bytes: &[u8]) -> usize {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    used.next_multiple_of(ALIGN_BYTES)
}

/// The file that the newest frames are in: the last one that changed.
fn newest_changed(before: &Files, after: &Files) -> String {
    let changed = |(name, bytes): &(&String, &Vec<u8>)| before.get(*name) != Some(*bytes);
    after.iter().rfind(changed).expect("something was written").0.clone()
}

impl Victim {
    /// A store of some segments, each commit flushed for itself.
    fn new() -> Self {
        let mut driver = Driver::start(SimDisk::new(1)).expect("opens");
        let mut dice = Dice::new(1);
        let (mut ends, mut last) = (Vec::new(), String::new());
        for n in 0..40_u8 {
            let before = driver.disk.files();
            let length = 40 + dice.below(200);
            let payload = dice.bytes(length);
            let put = Change::Put { map: 0, key: vec![b'k', n % 8], value: vec![n; 20] };
            driver.commit(&[Change::Append { log: 0, payload }, put]).expect("committed");
            driver.wait().expect("durable");
            let files = driver.disk.files();
            let file = newest_changed(&before, &files);
            if file != last {
                ends.clear();
                last = file;
            }
            ends.push((used(&files[&last]), driver.history.commits()));
        }
        Self { files: driver.disk.files(), last, history: driver.history, ends }
    }

    /// The last commit that a cut at this byte leaves whole: its end, and how many there are up to
    /// it; `None` when the cut is before them all.
    fn whole_before(&self, cut: usize) -> Option<(usize, usize)> {
        self.ends.iter().rev().find(|(end, _)| *end <= cut).copied()
    }

    fn with_last(&self, bytes: Vec<u8>) -> SimDisk {
        let mut files = self.files.clone();
        files.insert(self.last.clone(), bytes);
        SimDisk::with_files(1, files)
    }

    /// Opens what a cut left and looks for exactly the commits before it; then goes on.
    fn check(&self, torn: &[u8], what: &str) {
        let whole = &self.files[&self.last];
        // What stands behind a cut may begin as the frames did that were there.
        let cut = torn.iter().zip(whole).take_while(|(torn, whole)| torn == whole).count();
        let disk = self.with_last(torn.to_vec());
        let mut driver =
            Driver::start(disk).unwrap_or_else(|error| panic!("{what} at {cut}: {error}"));
        let found = self.history.check_any(driver.history.now());
        let found = found.unwrap_or_else(|wrong| panic!("{what} at {cut}: {wrong}"));
        if let Some((end, expected)) = self.whole_before(cut) {
            assert_eq!(found, expected, "{what} at {cut}");
            // A mark that was written before a lost record says nothing of it.
            let is_mark_only = cut >= end + MARK_BYTES && used(torn) <= end + MARK_BYTES;
            let is_told = driver.store.report().bytes_cut > 0;
            assert_eq!(is_told, used(torn) > end && !is_mark_only, "{what} at {cut}");
        }
        driver.commit(&[Change::Append { log: 0, payload: b"next".to_vec() }]).expect("committed");
        driver.wait().expect("durable");
        let files = driver.disk.after_power_cut(cut as u64).files();
        let again = Driver::start(SimDisk::with_files(2, files)).expect("opens again");
        assert_eq!(again.store.report().bytes_cut, 0, "{what} at {cut}: told twice");
        assert!(again.history.now() == driver.history.now(), "{what} at {cut}: the next append");
    }
}

#[test]
fn a_tail_torn_at_any_byte_leaves_all_before_it() {
    let victim = Victim::new();
    let bytes = &victim.files[&victim.last];
    assert!(victim.files.len() > 2 && victim.ends.len() > 5, "several segments and flushes");
    let old = victim.files.values().next().expect("an older segment");
    in_parallel(used(bytes) as u64 + 1, |cut| {
        let cut = cut as usize;
        let check = |tail: &[u8], what| victim.check(&[&bytes[..cut], tail].concat(), what);
        check(&[], "truncated");
        check(&vec![0; bytes.len() - cut], "zeros");
        check(&Dice::new(cut as u64).bytes(bytes.len() - cut), "garbage");
        // A header of another segment would be a foreign file, and that is never taken for torn.
        if cut >= HEADER_BYTES {
            check(&old[cut..], "old frames");
        }
    });
}

/// Zeros appended by a file system after a crash are a clean tail (E41).
#[test]
fn zeros_behind_the_tail_are_nothing_to_tell() {
    let victim = Victim::new();
    let mut bytes = victim.files[&victim.last].clone();
    bytes.resize(bytes.len() + 5_000, 0);
    let driver = Driver::start(victim.with_last(bytes)).expect("opens");
    assert_eq!(driver.store.report().bytes_cut, 0);
    assert!(driver.history.now() == victim.history.now());
}
