//! A map as an application holds it: writes, reads, what changes. Knows limits; every rule is
//! elsewhere.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use syncline_engine::{Position, Store};
use tokio::task::spawn_blocking;

use super::{
    error::WriteError,
    handles::Handles,
    local::{self, Wall, Write, Written},
    watch::{Name, Scope, Watch},
};
use crate::{kept::StateError, task::Stopped};

/// A map of a client. Clones are handles of the same map.
///
/// Reads come from the local store, and never wait for the network or for one another.
#[derive(Clone, Debug)]
pub struct Map {
    pub(super) handles: Arc<Handles>,
    pub(super) name: Name,
    pub(super) records: syncline_engine::Map,
    pub(super) wall: Wall,
}

impl Map {
    /// The map's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives a key its value, online or not. It shows at once, and reaches the server as soon as
    /// there is a connection, unless a newer write of the key comes first.
    ///
    /// On return it is in the local store, in one batch with the note that it is to be sent. It
    /// becomes durable within a moment, and is not sent before; [`Receipt::durable`] waits for that.
    ///
    /// # Errors
    /// [`WriteError`]; never because of the network.
    pub fn put(&self, key: &str, value: impl Into<Bytes>) -> Result<Receipt, WriteError> {
        self.write(key, Write::Put { value: value.into(), ttl_ms: 0 })
    }

    /// As [`Map::put`], for a while: when `ttl` is over, counted from the write's timestamp, the value
    /// is gone on every client. Rounded up to a millisecond.
    ///
    /// # Errors
    /// As [`Map::put`].
    pub fn put_with_ttl(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<Receipt, WriteError> {
        let ttl_ms = u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1);
        self.write(key, Write::Put { value: value.into(), ttl_ms })
    }

    /// Removes a key, whether it has a value here or not: so it also removes one that another client
    /// has written before and that is not here yet. Otherwise as [`Map::put`].
    ///
    /// # Errors
    /// As [`Map::put`].
    pub fn remove(&self, key: &str) -> Result<Receipt, WriteError> {
        self.write(key, Write::Remove)
    }

    fn write(&self, key: &str, write: Write) -> Result<Receipt, WriteError> {
        let settings = &self.handles.settings;
        let (bytes, bytes_max) = (key.len(), settings.key_bytes_max);
        if bytes == 0 || bytes > bytes_max {
            return Err(WriteError::Key { bytes, bytes_max });
        }
        if let Write::Put { value, .. } = &write {
            let (bytes, bytes_max) = (value.len(), settings.value_bytes_max);
            if bytes > bytes_max {
                return Err(WriteError::Value { bytes, bytes_max });
            }
        }
        let Written { hlc, position } =
            self.handles.shared.write(&self.name, key, write, settings.pending_keys_max)?;
        let store = self.handles.store.clone();
        Ok(Receipt { timestamp: hlc.to_string(), store, position })
    }

    /// The value of a key: the newest of what was written here and what was heard of.
    ///
    /// # Errors
    /// [`StateError`] when the store cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<Bytes>, StateError> {
        local::get(&self.records, key, self.wall.now())
    }

    /// Every key that has a value, in no order, read as it goes. Of a key that changes meanwhile,
    /// either state comes.
    pub fn iter(&self) -> impl Iterator<Item = Result<(Box<str>, Bytes), StateError>> + use<> {
        local::entries(&self.records, self.wall.now())
    }

    /// What changes from now on.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch_prefix("")
    }

    /// What changes from now on of the keys that begin with `prefix`.
    #[must_use]
    pub fn watch_prefix(&self, prefix: &str) -> Watch {
        let scope = Scope { map: Some(self.name.clone()), prefix: prefix.to_owned() };
        self.handles.watch(scope)
    }
}

/// A write that was taken.
#[derive(Clone, Debug)]
pub struct Receipt {
    timestamp: String,
    store: Store,
    position: Position,
}

impl Receipt {
    /// The write's timestamp, as every client sees it: `millis:counter:node`.
    #[must_use]
    pub fn timestamp(&self) -> &str {
        &self.timestamp
    }

    /// Waits until the write survives what the store's durability says: a power cut, by default.
    ///
    /// # Errors
    /// [`WriteError::State`] when the store failed; then it may or may not be there after the next
    /// start.
    pub async fn durable(self) -> Result<(), WriteError> {
        if self.store.durable() >= self.position {
            return Ok(());
        }
        // A runtime that shuts down does not wait for its blocking tasks.
        let waited = spawn_blocking(move || self.store.wait(self.position)).await;
        waited.map_err(|_| Stopped)?.map_err(|error| WriteError::State(error.into()))
    }
}
