//! What a store answers to every question.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use syncline_engine::{Error, Kind, Options, Store, storage::sim::SimDisk};

/// Everything that can be read: what is damaged is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Every log with its records by sequence number.
    pub(crate) logs: BTreeMap<String, BTreeMap<u64, Vec<u8>>>,
    pub(crate) maps: BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// The next sequence number of each log.
    pub(crate) next: BTreeMap<String, u64>,
    /// Answers that were a damage.
    pub(crate) damages: usize,
    /// The checks lie.
    forged: bool,
}

/// Opens the store of a disk with small segments.
pub(crate) fn open(disk: &SimDisk) -> Result<Store, Error> {
    let mut options = Options::default();
    options.segment_bytes = 4 << 10;
    options.tail_bytes_max = 64 << 10;
    // No use on a disk without an end.
    options.reserve_bytes = 0;
    Store::open_on(Arc::new(disk.clone()), options)
}

/// Reads everything, in every way there is. What is `forged` has checks that lie: then two ways may
/// differ.
///
/// # Panics
/// When two ways differ, or for an error other than damage.
pub(crate) fn read(store: &Store, forged: bool) -> Contents {
    let mut contents = Contents { forged, ..Contents::default() };
    for (kind, name) in store.collections() {
        match kind {
            Kind::Log => read_log(store, &name, &mut contents),
            _ => read_map(store, &name, &mut contents),
        }
    }
    contents
}

/// Counts an answer that is a damage.
fn damage(contents: &mut Contents, error: &Error) {
    // A kind of frame that is not known yet is found when it is read, behind a table that says otherwise.
    let is_newer = matches!(error, Error::Unsupported { .. });
    assert!(error.is_corruption() || contents.forged && is_newer, "a read failed: {error}");
    contents.damages += 1;
}

fn read_log(store: &Store, name: &str, contents: &mut Contents) {
    let Ok(Some(log)) = store.find_log(name) else { return };
    let (first, next) = (log.first_seq().0, log.next_seq().0);
    assert!(first <= next && log.len() == next - first);
    let mut records = BTreeMap::new();
    for seq in first..next {
        match log.get(syncline_engine::Seq(seq)) {
            Ok(Some(payload)) => drop(records.insert(seq, payload.to_vec())),
            Ok(None) if contents.forged => contents.damages += 1,
            Ok(None) => panic!("{name:?} has no record {seq} within {first}..{next}"),
            Err(error) => damage(contents, &error),
        }
    }
    // A reader stops at the first damage; up to there it must say the same.
    for record in log.read(..) {
        let Ok(record) = record else { break };
        let same = records.get(&record.seq.0).map(Vec::as_slice) == Some(&record.payload[..]);
        assert!(same || contents.forged, "{name:?} has two records {}", record.seq);
    }
    contents.logs.insert(name.to_owned(), records);
    contents.next.insert(name.to_owned(), next);
}

fn read_map(store: &Store, name: &str, contents: &mut Contents) {
    let Ok(Some(map)) = store.find_map(name) else { return };
    let mut entries = BTreeMap::new();
    let mut answers = 0;
    for entry in &map {
        answers += 1;
        match entry {
            Ok((key, value)) => drop(entries.insert(key.to_vec(), value.to_vec())),
            Err(error) => damage(contents, &error),
        }
    }
    assert!(answers == map.len() || contents.forged);
    for (key, value) in &entries {
        match map.get(key) {
            Ok(found) => assert!(found.as_deref() == Some(&value[..]) || contents.forged),
            Err(error) => damage(contents, &error),
        }
    }
    contents.maps.insert(name.to_owned(), entries);
}

/// Everything that a store ever held.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) records: BTreeSet<(String, u64, Vec<u8>)>,
    pub(crate) entries: BTreeSet<(String, Vec<u8>, Vec<u8>)>,
}

impl History {
    /// # Panics
    /// When there is anything that was never written.
    pub(crate) fn expect_only_own(&self, contents: &Contents) {
        for (name, records) in &contents.logs {
            for (seq, payload) in records {
                let record = (name.clone(), *seq, payload.clone());
                assert!(self.records.contains(&record), "nobody wrote {record:?}");
            }
        }
        for (name, entries) in &contents.maps {
            for (key, value) in entries {
                let entry = (name.clone(), key.clone(), value.clone());
                assert!(self.entries.contains(&entry), "nobody wrote {entry:?}");
            }
        }
    }
}
