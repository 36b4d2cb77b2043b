//! The changes of the relay as they lie in the store. The only place here that knows log names and
//! records.

use std::collections::HashMap;

use syncline_engine::{Batch, Error, Kind, Log, Seq, Store};
use syncline_protocol::{
    dialect::Dialect,
    dialects::relay::{
        Relay,
        binary::{ChangeEncoder, usual_change},
    },
};

use crate::cli::failure::{Exit, Failure};

/// A batch of changes is committed when it holds this many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// One change of a key, wherever it lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) client_id: String,
    pub(super) payload: Vec<u8>,
}

/// The log of a key, when the store has one.
pub(super) fn find_log(store: &Store, key: &str) -> Result<Option<Log>, Error> {
    store.find_log(&log_name(key))
}

/// Every key of the store with its log, in the order of their names.
pub(super) fn logs(store: &Store) -> Result<Vec<(String, Log)>, Error> {
    let prefix = log_name("");
    let mut logs = Vec::new();
    for (kind, name) in store.collections() {
        if kind == Kind::Log
            && let Some(key) = name.strip_prefix(&prefix)
            && let Some(log) = store.find_log(&name)?
        {
            logs.push((key.to_owned(), log));
        }
    }
    logs.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(logs)
}

/// Reads a record.
///
/// # Errors
/// A failure when it is no change: the store is of another version, or damaged.
pub(super) fn decode(seq: Seq, record: &[u8]) -> Result<Change, Failure> {
    let Some(change) = usual_change(record) else {
        let message = format!("record {} of a key is no change of the relay", seq.0);
        return Err(Failure::new(Exit::Failed, message));
    };
    Ok(Change { client_id: change.source_client_id.into(), payload: change.payload.into() })
}

/// Appends changes to the logs of their keys, many to a batch.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    store: &'a Store,
    batch: Batch,
    batch_bytes: usize,
    /// The log of each key and the sequence number that its next change gets.
    logs: HashMap<String, (Log, u64)>,
    record: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        let (batch, logs) = (Batch::new(), HashMap::new());
        Self { store, batch, batch_bytes: 0, logs, record: Vec::new() }
    }

    /// Appends a change; durable after [`Writer::finish`].
    pub(super) fn append(&mut self, key: &str, change: &Change) -> Result<(), Error> {
        if !self.logs.contains_key(key) {
            let log = self.store.log(&log_name(key))?;
            let next = log.next_seq().0;
            self.logs.insert(key.to_owned(), (log, next));
        }
        if let Some((log, next)) = self.logs.get_mut(key) {
            self.record.clear();
            let encoder = ChangeEncoder::new(&change.client_id);
            encoder.encode(*next, &change.payload, &mut self.record);
            self.batch.append(log, &self.record);
            self.batch_bytes += self.record.len();
            *next += 1;
        }
        if self.batch_bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    /// Makes everything appended durable.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.commit()
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.batch_bytes = 0;
        let batch = std::mem::replace(&mut self.batch, Batch::new());
        if batch.is_empty() { Ok(()) } else { self.store.commit(batch)?.wait() }
    }
}

fn log_name(key: &str) -> String {
    format!("{}/{key}", Relay::NAME)
}
