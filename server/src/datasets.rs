//! The datasets of the oplog dialect in a store that no server has open.
//!
//! What an operator needs beside a running server; the dialect itself says what each step does.

use std::time::{SystemTime, UNIX_EPOCH};

use syncline_engine::Store;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::oplog::{Answer, Command, Oplog, Request},
};

use crate::{
    hub::{ApartFailed, Keep, apply_apart, rooms_with_map},
    uuid::uuid,
};

/// The map that every dataset has.
const META_MAP: u64 = 0;

/// A dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dataset {
    /// The room: `default`, or `tenant:` or `sub:` and a name.
    pub name: String,
    /// The key of the active generation.
    pub generation: String,
    /// The number of its last operation; 0 for none.
    pub server_seq: u64,
    /// How many operations there are behind the snapshot.
    pub operations: u64,
    /// The length of the snapshot's JSON string, in bytes: 2 when there is none.
    pub snapshot_bytes: u64,
}

/// Why a dataset could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The store's error.
    #[error(transparent)]
    Store(#[from] syncline_engine::Error),
    /// What it keeps could not be read, or makes no sense.
    #[error("the dataset {0} cannot be read")]
    Unreadable(String),
    /// There is none of this name.
    #[error("there is no dataset {0}")]
    Missing(String),
    /// The system gives no random bytes for a new key.
    #[error("no random bytes: {0}")]
    NoKey(String),
}

/// All datasets of a store, in the order of their names. Writes nothing.
///
/// # Errors
/// A [`DatasetError`] of the first one that cannot be read.
pub fn list(store: &Store) -> Result<Vec<Dataset>, DatasetError> {
    rooms_with_map::<Oplog>(store, META_MAP)
        .into_iter()
        .map(|name| match ask(store, &name, Request::Bootstrap, Keep::Nothing)? {
            Answer::Bootstrap { generation, snapshot, server_seq, records } => Ok(Dataset {
                generation: generation.to_string(),
                server_seq,
                operations: records.count(),
                snapshot_bytes: snapshot.len() as u64,
                name,
            }),
            _ => Err(DatasetError::Unreadable(name)),
        })
        .collect()
}

/// Gives a dataset a new key and keeps everything in it, so that every client begins anew: after an
/// older state was restored, clients may be ahead of it. The key is on the device when it returns.
///
/// # Errors
/// A [`DatasetError`]; nothing is changed then.
pub fn rotate(store: &Store, name: &str) -> Result<String, DatasetError> {
    if !rooms_with_map::<Oplog>(store, META_MAP).iter().any(|room| room == name) {
        return Err(DatasetError::Missing(name.to_owned()));
    }
    match ask(store, name, Request::Rotate, Keep::Changes)? {
        Answer::Reset { generation, .. } => Ok(generation.to_string()),
        _ => Err(DatasetError::Unreadable(name.to_owned())),
    }
}

fn ask(store: &Store, name: &str, request: Request, keep: Keep) -> Result<Answer, DatasetError> {
    let candidate = uuid().map_err(|error| DatasetError::NoKey(error.to_string()))?;
    let command = Command::new(request, candidate);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    apply_apart(store, &Oplog::default(), name, command, now, keep).map_err(|error| match error {
        ApartFailed::Store(error) => error.into(),
        ApartFailed::Unreadable | ApartFailed::Full => DatasetError::Unreadable(name.to_owned()),
    })
}
