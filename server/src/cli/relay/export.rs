//! From the store to the SQLite file.

use std::{fmt, fs, path::Path};

use syncline_engine::Store;

use super::{changes, updates::Writer};
use crate::cli::{failure::Failure, output::count, progress::Progress};

/// What was exported.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exported {
    pub(super) keys: u64,
    pub(super) changes: u64,
}

/// Writes every change of the store to a new file; on failure there is no file.
pub(super) fn run(
    store: &Store,
    file: &Path,
    progress: &mut Progress,
) -> Result<Exported, Failure> {
    let writer = Writer::create(file)?;
    let done = fill(store, writer, progress);
    progress.end();
    if done.is_err() {
        // The failure that is told is the first one.
        let _ = fs::remove_file(file);
    }
    done
}

fn fill(store: &Store, mut writer: Writer, progress: &mut Progress) -> Result<Exported, Failure> {
    let mut done = Exported::default();
    let logs = changes::logs(store)?;
    progress.expect(logs.iter().map(|(_, log)| log.next_seq().0 - log.first_seq().0).sum());
    for (key, log) in logs {
        for record in log.read(..) {
            let record = record?;
            writer.insert(&key, &changes::decode(record.seq, &record.payload)?)?;
            done.changes += 1;
            progress.advance();
        }
        done.keys += 1;
    }
    writer.finish()?;
    Ok(done)
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exported {} of {}", count(self.changes, "change"), count(self.keys, "key"))
    }
}
