//! The state of a client in an engine store: a log for the outbox, a map for everything else.
//! Knows collections and their keys; nothing of connections.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use syncline_engine::{Batch, Commit, Log, Map, Seq, Store};

use super::{
    change_id::{ChangeId, Origin},
    machine::{Handled, Kept, Seen},
    secret::Secret,
    state::State,
};
use crate::kept::{Durable, StateError};

/// The key of the sequence number that the application has come to: 8 bytes, little-endian.
const CURSOR: &[u8] = b"cursor";
/// The start of the keys of [`Seen::encode`]; an origin follows.
const SEEN: &[u8] = b"seen/";

/// Keeps a client's outbox and its place in a store of `syncline-engine`, which several documents
/// and the application itself can share.
///
/// [`Client::submit`](super::Client::submit) returns when the change survives what the store's
/// durability says. What else is kept becomes durable with the next such wait, with
/// `Options::committer_thread` soon, and with `Store::close` at the latest; until then a crash
/// costs a change that is sent or seen again.
///
/// One client at a time may use the state of a document.
#[derive(Debug)]
pub struct StoreState {
    store: Store,
    outbox: Log,
    map: Map,
    seen: Seen,
    /// What the outbox holds, oldest first, and whether it is saved by now.
    waiting: VecDeque<(ChangeId, Seq, bool)>,
}

impl StoreState {
    /// The state of this document, in collections of its own.
    ///
    /// # Errors
    /// [`StateError`] when the store does not give them.
    pub fn open(store: &Store, secret: &Secret) -> Result<Self, StateError> {
        let name = |part| format!("relay-client/{}/{part}", secret.discovery_key());
        Ok(Self {
            store: store.clone(),
            outbox: store.log(&name("outbox"))?,
            map: store.map(&name("state"))?,
            seen: Seen::default(),
            waiting: VecDeque::new(),
        })
    }

    fn load_seen(&self) -> Result<Seen, StateError> {
        let mut seen = Seen::default();
        for entry in &self.map {
            let (key, value) = entry?;
            let Some(origin) = key.strip_prefix(SEEN) else { continue };
            let origin = origin.try_into().map(Origin::new).map_err(|_| StateError::foreign())?;
            if !seen.decode(origin, &value) {
                return Err(StateError::foreign());
            }
        }
        Ok(seen)
    }

    fn load_outbox(&mut self) -> Result<Vec<(ChangeId, Bytes)>, StateError> {
        let mut outbox = Vec::new();
        for record in self.outbox.read(self.outbox.first_seq()..) {
            let record = record?;
            let (id, payload) = ChangeId::split(record.payload).ok_or_else(StateError::foreign)?;
            self.waiting.push_back((id, record.seq, false));
            outbox.push((id, payload));
        }
        Ok(outbox)
    }

    /// Notes changes as seen, in memory and in the batch.
    fn note(&mut self, changes: &[(ChangeId, u64)], batch: &mut Batch) {
        let mut origins = BTreeSet::new();
        for (id, sequence) in changes {
            origins.insert(id.origin);
            if let Some(origin) = self.seen.insert(*id, *sequence).forgotten {
                batch.remove(&self.map, &seen_key(&origin));
                origins.remove(&origin);
            }
        }
        for origin in origins {
            if let Some(value) = self.seen.encode(&origin) {
                batch.put(&self.map, &seen_key(&origin), &value);
            }
        }
    }
}

impl State for StoreState {
    fn load(&mut self) -> Result<Kept, StateError> {
        let cursor = match self.map.get(CURSOR)? {
            None => 0,
            Some(value) => {
                u64::from_le_bytes(value[..].try_into().map_err(|_| StateError::foreign())?)
            }
        };
        self.seen = self.load_seen()?;
        Ok(Kept { cursor, outbox: self.load_outbox()?, seen: self.seen.clone() })
    }

    fn submitted(&mut self, id: ChangeId, payload: &Bytes) -> Result<Option<Durable>, StateError> {
        let mut batch = Batch::new();
        batch.append_parts(&self.outbox, &[&id.to_bytes(), payload]);
        self.note(&[(id, 0)], &mut batch);
        let commit: Commit = self.store.commit(batch)?;
        self.waiting.extend(commit.seqs().first().map(|seq| (id, *seq, false)));
        Ok(Some(Box::new(move || Ok(commit.wait()?))))
    }

    fn saved(&mut self, id: ChangeId) -> Result<(), StateError> {
        if let Some((_, _, saved)) = self.waiting.iter_mut().find(|(waiting, ..)| *waiting == id) {
            *saved = true;
        }
        let mut done = None;
        while let Some((_, seq, true)) = self.waiting.front() {
            done = Some(*seq);
            self.waiting.pop_front();
        }
        if let Some(Seq(last)) = done {
            let mut batch = Batch::new();
            batch.trim(&self.outbox, Seq(last + 1));
            self.store.commit(batch)?;
        }
        Ok(())
    }

    fn handled(&mut self, handled: &Handled) -> Result<(), StateError> {
        let mut batch = Batch::new();
        self.note(&handled.changes, &mut batch);
        batch.put(&self.map, CURSOR, &handled.cursor.to_le_bytes());
        self.store.commit(batch)?;
        Ok(())
    }
}

fn seen_key(origin: &Origin) -> Vec<u8> {
    [SEEN, origin.bytes()].concat()
}
