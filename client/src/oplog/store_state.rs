//! The state of a client in an engine store: a log for the outbox, one for what waits for the
//! application, a map for the rest. Knows collections and their keys; nothing of connections.

use syncline_engine::{Batch, Commit, Log, Map, Seq, Store};

use crate::kept::StateError;

use super::{
    forms,
    machine::{Entry, Inbox, Kept, Outbox, Pending, Place, Turn},
};

const ACTOR: &[u8] = b"actor";
const CLOCKS: &[u8] = b"clocks";
const DATASET: &[u8] = b"dataset";
const RESET: &[u8] = b"reset";
const SNAPSHOT: &[u8] = b"reset snapshot";

/// What a client keeps, in collections of its own.
#[derive(Debug)]
pub(super) struct StoreState {
    store: Store,
    outbox: Log,
    inbox: Log,
    map: Map,
}

impl StoreState {
    /// The collections of the client of this name.
    pub(super) fn open(store: &Store, name: &str) -> Result<Self, StateError> {
        let name = |part| format!("oplog-client/{name}/{part}");
        Ok(Self {
            store: store.clone(),
            outbox: store.log(&name("outbox"))?,
            inbox: store.log(&name("inbox"))?,
            map: store.map(&name("state"))?,
        })
    }

    /// The actor id; `None` in a new store.
    pub(super) fn actor(&self) -> Result<Option<String>, StateError> {
        let Some(actor) = self.map.get(ACTOR)? else { return Ok(None) };
        String::from_utf8(actor.to_vec()).map(Some).map_err(|_| StateError::foreign())
    }

    /// Gives a new store its actor id.
    pub(super) fn set_actor(&self, actor: &str) -> Result<(), StateError> {
        let mut batch = Batch::new();
        batch.put(&self.map, ACTOR, actor.as_bytes());
        Ok(self.store.commit(batch)?.wait()?)
    }

    /// What the last run of this actor left.
    pub(super) fn load(&self, actor: String) -> Result<Kept, StateError> {
        let read = |key: &[u8]| self.map.get(key);
        let clocks = read(CLOCKS)?.map(|bytes| forms::read_clocks(&bytes)).transpose()?;
        let (clock, issued) = clocks.unwrap_or_default();
        Ok(Kept {
            actor,
            clock,
            issued,
            dataset: read(DATASET)?.map(|bytes| forms::read_dataset(&bytes)).transpose()?,
            reset: read(RESET)?.map(|bytes| forms::read_reset(&bytes)).transpose()?,
            outbox: self.load_outbox()?,
            inbox: self.load_inbox()?,
        })
    }

    fn load_outbox(&self) -> Result<Outbox, StateError> {
        let first = self.outbox.first_seq();
        let mut left = Vec::new();
        for record in self.outbox.read(first..) {
            let json = record?.payload;
            left.push(Pending { clock: forms::read_op(&json)?.clock, json });
        }
        Ok(Outbox::new(first.0, left))
    }

    fn load_inbox(&self) -> Result<Inbox, StateError> {
        let first = self.inbox.first_seq();
        let mut datasets = Vec::new();
        for record in self.inbox.read(first..) {
            let record = record?;
            if let Entry::Dataset { cause, .. } = forms::read_entry(record.payload)? {
                datasets.push((record.seq.0, cause));
            }
        }
        Ok(Inbox::new(first.0, self.inbox.next_seq().0, datasets))
    }

    /// Gives a turn its place in the store, in one batch with what the application adds.
    pub(super) fn commit(
        &self,
        turn: &Turn,
        kept: &Kept,
        mut batch: Batch,
    ) -> Result<Commit, StateError> {
        let (map, clock) = (&self.map, turn.clock.unwrap_or(kept.clock));
        let issued = turn.issued.unwrap_or(kept.issued);
        if (clock, issued) != (kept.clock, kept.issued) {
            batch.put(map, CLOCKS, &forms::clocks(clock, issued));
        }
        if let Some(dataset) = &turn.dataset {
            batch.put(map, DATASET, &forms::dataset(dataset));
        }
        match &turn.reset {
            None => {}
            Some(Some((reset, snapshot))) => {
                batch.put(map, RESET, &forms::reset(reset));
                batch.put(map, SNAPSHOT, snapshot.as_bytes());
            }
            Some(None) => {
                batch.remove(map, RESET);
                batch.remove(map, SNAPSHOT);
            }
        }
        if let Some(pending) = &turn.record {
            batch.append(&self.outbox, &pending.json);
        }
        for entry in &turn.entries {
            batch.append(&self.inbox, &forms::entry(entry));
        }
        if let Some(through) = turn.outbox_done {
            batch.trim(&self.outbox, Seq(through + 1));
        }
        if let Some(through) = turn.inbox_done {
            batch.trim(&self.inbox, Seq(through + 1));
        }
        Ok(self.store.commit(batch)?)
    }

    /// The snapshot of a reset that the server has not confirmed.
    pub(super) fn snapshot(&self) -> Result<String, StateError> {
        let snapshot = self.map.get(SNAPSHOT)?.ok_or_else(StateError::foreign)?;
        String::from_utf8(snapshot.to_vec()).map_err(|_| StateError::foreign())
    }

    /// One entry of the inbox, with its length in the store.
    pub(super) fn entry(&self, place: Place) -> Result<(Entry, usize), StateError> {
        let bytes = self.inbox.get(Seq(place))?.ok_or_else(StateError::foreign)?;
        let length = bytes.len();
        Ok((forms::read_entry(bytes)?, length))
    }

    /// Bytes that wait for the application.
    pub(super) fn inbox_bytes(&self) -> u64 {
        self.inbox.bytes()
    }
}
