//! The state of a client in a map of an engine store. Knows the map's keys and values; nothing of
//! connections.

use syncline_engine::{Batch, Map, Position, Store};

use super::{
    json::Json,
    machine::{Key, Known, Own},
    state::{Kept, State, Update},
};
use crate::kept::{Durable, StateError};

/// The key of the last timestamp given: 8 bytes, little-endian.
const STAMP: &[u8] = b"s";
/// The first byte of the keys of what the server has: then the key.
const KNOWN: u8 = b'k';
/// The first byte of the keys of what waits for the server: then the key.
const OWN: u8 = b'o';
/// The first byte of a value: its timestamp and its text follow.
const PLAIN: u8 = 0;
/// The same, of an own value with [`Own::blind`].
const BLIND: u8 = 1;
/// A batch is committed when it has so many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// Keeps a workspace and what waits for the server in a store of `syncline-engine`, which several
/// workspaces and the application itself can share.
///
/// [`Client::set`](super::Client::set) returns when the value survives what the store's durability
/// says, and no value leaves before. What is heard from the server becomes durable with the next
/// such wait, with `Options::committer_thread` soon, and with `Store::close` at the latest; until
/// then a crash costs what the server says again.
///
/// One client at a time may use the state of a workspace.
#[derive(Debug)]
pub struct StoreState {
    store: Store,
    map: Map,
    last: Position,
}

impl StoreState {
    /// The state of this workspace, in a collection of its own. The name need not be the server's:
    /// an application that knows workspaces of several servers puts the server into it. At most
    /// 1,000 bytes.
    ///
    /// # Errors
    /// [`StateError`] when the store does not give it.
    pub fn open(store: &Store, name: &str) -> Result<Self, StateError> {
        let map = store.map(&format!("workspace-client/{name}"))?;
        Ok(Self { store: store.clone(), map, last: store.appended() })
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), StateError> {
        if !batch.is_empty() {
            self.last = self.store.commit(std::mem::take(batch))?.position();
        }
        Ok(())
    }
}

impl State for StoreState {
    fn load(&mut self) -> Result<Kept, StateError> {
        let mut kept = Kept::default();
        for entry in &self.map {
            let (key, bytes) = entry?;
            if *key == *STAMP {
                let bytes = bytes[..].try_into().map_err(|_| StateError::foreign())?;
                kept.stamp = i64::from_le_bytes(bytes);
                continue;
            }
            let (name, value) = decode(&key, &bytes).ok_or_else(StateError::foreign)?;
            match key[0] {
                KNOWN => kept.known.push((name, Known { value: value.value, stamp: value.stamp })),
                _ => kept.own.push((name, value)),
            }
        }
        Ok(kept)
    }

    fn keep(&mut self, update: &Update) -> Result<(), StateError> {
        let mut batch = Batch::new();
        if let Some(stamp) = update.stamp {
            batch.put(&self.map, STAMP, &stamp.to_le_bytes());
        }
        for (key, own) in &update.own {
            let own = own.as_ref().map(|own| encode(&own.value, own.stamp, own.blind));
            put(&mut batch, &self.map, &stored(OWN, key), own.as_deref());
        }
        for (key, known) in &update.known {
            if batch.bytes() >= BATCH_BYTES {
                self.commit(&mut batch)?;
            }
            let known = known.as_ref().map(|known| encode(&known.value, known.stamp, false));
            put(&mut batch, &self.map, &stored(KNOWN, key), known.as_deref());
        }
        self.commit(&mut batch)
    }

    fn durable(&mut self) -> Option<Durable> {
        let (store, last) = (self.store.clone(), self.last);
        if store.durable() >= last {
            return None;
        }
        Some(Box::new(move || Ok(store.wait(last)?)))
    }
}

fn put(batch: &mut Batch, map: &Map, key: &[u8], value: Option<&[u8]>) {
    match value {
        Some(value) => batch.put(map, key, value),
        None => batch.remove(map, key),
    }
}

fn stored(kind: u8, key: &str) -> Vec<u8> {
    [&[kind], key.as_bytes()].concat()
}

fn encode(value: &Json, stamp: i64, blind: bool) -> Vec<u8> {
    let mark = if blind { BLIND } else { PLAIN };
    [&[mark], &stamp.to_le_bytes()[..], value.text().as_bytes()].concat()
}

fn decode(key: &[u8], bytes: &[u8]) -> Option<(Key, Own)> {
    let (kind, name) = key.split_first()?;
    let (mark, rest) = bytes.split_first()?;
    let (stamp, text) = rest.split_first_chunk()?;
    let known = matches!((*kind, *mark), (KNOWN | OWN, PLAIN) | (OWN, BLIND));
    let value = Json::from_text(std::str::from_utf8(text).ok()?).ok()?;
    let own = Own { value, stamp: i64::from_le_bytes(*stamp), blind: *mark == BLIND };
    known.then_some((std::str::from_utf8(name).ok()?.into(), own))
}
