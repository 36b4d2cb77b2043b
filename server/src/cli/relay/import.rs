//! From the SQLite file to the store.

use std::{collections::HashMap, fmt};

use syncline_engine::{Log, Seq, Store};
use syncline_protocol::dialects::relay::NAME_BYTES_MAX;

use super::{
    changes::{self, Change, Writer},
    updates::Reader,
};
use crate::cli::{
    failure::{Exit, Failure},
    output::count as plural,
    progress::Progress,
};

/// What was imported.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Imported {
    pub(super) keys: u64,
    pub(super) added: u64,
    /// Changes that the store had already.
    pub(super) there: u64,
    /// Changes under a key that no client can name.
    pub(super) skipped: u64,
}

/// Adds what is missing, after a first look that nothing differs. Durable on return.
pub(super) fn run(
    store: &Store,
    updates: &mut Reader,
    progress: &mut Progress,
) -> Result<Imported, Failure> {
    progress.expect(updates.count()? * 2);
    let there = check(store, updates, progress)?;
    let mut writer = Writer::new(store);
    let mut done = Imported::default();
    let mut seen: HashMap<String, u64> = HashMap::new();
    updates.each(|key, change| {
        progress.advance();
        if !is_nameable(key) {
            done.skipped += 1;
            return Ok(());
        }
        let count = count(&mut seen, key);
        if count <= there.get(key).copied().unwrap_or(0) {
            done.there += 1;
        } else {
            writer.append(key, change)?;
            done.added += 1;
        }
        Ok(())
    })?;
    writer.finish()?;
    progress.end();
    done.keys = seen.len() as u64;
    Ok(done)
}

/// How many changes of each key the store has, when they are the first ones of the file.
fn check(
    store: &Store,
    updates: &mut Reader,
    progress: &mut Progress,
) -> Result<HashMap<String, u64>, Failure> {
    let mut logs: HashMap<String, Option<Log>> = HashMap::new();
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut there: HashMap<String, u64> = HashMap::new();
    updates.each(|key, change| {
        progress.advance();
        if !is_nameable(key) {
            return Ok(());
        }
        if !logs.contains_key(key) {
            logs.insert(key.to_owned(), changes::find_log(store, key)?);
        }
        let seq = Seq(count(&mut seen, key));
        if let Some(Some(log)) = logs.get(key)
            && seq < log.next_seq()
        {
            compare(log, seq, change)?;
            there.insert(key.to_owned(), seq.0);
        }
        Ok(())
    })?;
    Ok(there)
}

fn compare(log: &Log, seq: Seq, change: &Change) -> Result<(), Failure> {
    let record = log.get(seq)?;
    let same = match record {
        Some(record) => changes::decode(seq, &record)? == *change,
        None => false,
    };
    if same {
        return Ok(());
    }
    let message = "the store holds other changes than the file for a key; nothing was imported";
    Err(Failure::new(Exit::Failed, message).hint("import into a new directory: --data-dir DIR"))
}

/// Whether a client can say hello with this key.
fn is_nameable(key: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&key.len())
}

/// How often the key was seen, this time included.
fn count(seen: &mut HashMap<String, u64>, key: &str) -> u64 {
    if let Some(count) = seen.get_mut(key) {
        *count += 1;
        return *count;
    }
    seen.insert(key.to_owned(), 1);
    1
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "imported {} of {}", plural(self.added, "change"), plural(self.keys, "key"))?;
        if self.there > 0 {
            writeln!(f, "there already: {}", self.there)?;
        }
        if self.skipped > 0 {
            writeln!(
                f,
                "skipped, because their keys are empty or too long for any client: {}",
                self.skipped
            )?;
        }
        Ok(())
    }
}
