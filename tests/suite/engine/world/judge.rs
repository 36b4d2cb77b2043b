//! What came of opening and reading a store whose bytes were damaged.

use std::collections::BTreeMap;

use bytes::Bytes;
use syncline_engine::{Error, Seq, Store, storage::sim::SimDisk};

use super::{
    driver::open,
    history::History,
    model::{LOGS, MAPS, Model},
    observe::observe,
};

/// A store as its files.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// How the damage showed. Anything else is a wrong answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything is there: nothing that is read was hit.
    Intact,
    /// The open said so.
    Refused,
    /// The reads that it concerns said so; all others are right.
    Told,
    /// The open went back to the state after so many commits, and reported a cut.
    Cut(usize),
    /// The same, but the report has nothing cut.
    CutInSilence(usize),
}

/// Opens these files and reads all of them.
pub(crate) fn judge(files: Files, history: &History) -> Result<Verdict, String> {
    let store = match open(&SimDisk::with_files(1, files)) {
        Ok(store) => store,
        Err(error) => return corruption(&error).map(|()| Verdict::Refused),
    };
    match observe(&store) {
        Ok(found) if found == *history.now() => Ok(Verdict::Intact),
        Ok(found) => history.check_any(&found).map(|commits| match store.report().bytes_cut {
            0 => Verdict::CutInSilence(commits),
            _ => Verdict::Cut(commits),
        }),
        Err(error) => {
            corruption(&error)?;
            read_each(&store, history.now())?;
            Ok(Verdict::Told)
        }
    }
}

fn corruption(error: &Error) -> Result<(), String> {
    match error.is_corruption() {
        true => Ok(()),
        false => Err(format!("not told as corruption: {error}")),
    }
}

/// Every record and key is as it was or told to be corrupt.
pub(crate) fn read_each(store: &Store, expected: &Model) -> Result<(), String> {
    let text = |error: Error| error.to_string();
    for (name, model) in LOGS.iter().zip(&expected.logs) {
        let Some(model) = model else { continue };
        let log = store.find_log(name).map_err(text)?.ok_or("a log is gone")?;
        for (payload, seq) in model.records.iter().zip(model.first..) {
            same(log.get(Seq(seq)), payload)?;
        }
    }
    for (name, model) in MAPS.iter().zip(&expected.maps) {
        let Some(model) = model else { continue };
        let map = store.find_map(name).map_err(text)?.ok_or("a map is gone")?;
        for (key, value) in model {
            same(map.get(key), value)?;
        }
    }
    Ok(())
}

fn same(found: Result<Option<Bytes>, Error>, expected: &[u8]) -> Result<(), String> {
    match found {
        Ok(Some(found)) if found == expected => Ok(()),
        Ok(found) => Err(format!("{} bytes expected, found {found:?}", expected.len())),
        Err(error) => corruption(&error),
    }
}
