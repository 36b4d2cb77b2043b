//! What clients were told of a map, and whether a server that was started again keeps to it.
//!
//! Knows answers, and what was sent; nothing of when the server died.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    net::SocketAddr,
};

use bytes::Bytes;
use syncline_protocol::dialects::maps::{
    Limits, Record, Totals, fingerprint, hash_of,
    proto::{
        OperationMessage, SyncRequest, SyncResponse, operation_message::OpType, sync_response,
    },
};
use syncline_tests::maps::{Client, everything, pull};

/// The map that all is about.
pub(super) const MAP: &str = "todos";
/// Old cursors that are tried again after each death.
const CURSORS_MAX: usize = 40;

/// What a client has when it has read up to some cursor.
pub(super) type State = BTreeMap<String, Record>;

/// What was told of the map.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Everything that was ever sent.
    sent: HashSet<(String, String)>,
    /// Of each key the highest that was acknowledged as durable, or shown.
    kept: State,
    /// The change behind which a cursor stands.
    places: HashMap<Bytes, (String, String)>,
    /// What was there at a cursor.
    states: Vec<(Bytes, State)>,
    durable: u64,
    shown: u64,
    told: u64,
}

/// The record of an operation.
pub(super) fn record(op: &OperationMessage) -> Record {
    Record::from_op(op.clone(), &Limits::default()).unwrap()
}

/// An operation under this timestamp, whatever it is follows from that.
pub(super) fn op(key: &str, timestamp: &str, number: u64) -> OperationMessage {
    let removes = number.is_multiple_of(4);
    let value = format!("{key} at {timestamp} {}", "x".repeat((number % 300) as usize));
    OperationMessage {
        map_name: MAP.into(),
        key: key.into(),
        value: if removes { Bytes::new() } else { value.into() },
        timestamp: timestamp.into(),
        r#type: if removes { OpType::Remove } else { OpType::Put } as i32,
        ttl_ms: 0,
    }
}

fn place(record: &Record) -> (String, String) {
    (record.key.to_string(), record.hlc.to_string())
}

fn take(state: &mut State, record: Record) {
    let wins = |known: &Record| record.compare(known).is_gt();
    if state.get(&*record.key).is_none_or(wins) {
        state.insert(record.key.to_string(), record);
    }
}

impl Known {
    /// How much was acknowledged.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// These are about to be sent.
    pub(super) fn send(&mut self, ops: &[OperationMessage]) {
        self.sent.extend(ops.iter().map(|op| (op.key.clone(), op.timestamp.clone())));
    }

    /// This was acknowledged.
    pub(super) fn acknowledged(&mut self, op: &OperationMessage, durable: bool) {
        self.told += 1;
        if durable {
            self.durable += 1;
            take(&mut self.kept, record(op));
        }
    }

    /// A client that stood at a cursor with this state was told of changes, and stands at another now.
    pub(super) fn told_of(&mut self, state: &mut State, ops: &[OperationMessage], cursor: &Bytes) {
        for op in ops {
            let record = record(op);
            assert!(self.sent.contains(&place(&record)), "{record:?} was never sent");
            let newer = |had: &Record| record.compare(had).is_gt();
            assert!(state.get(&op.key).is_none_or(newer), "{record:?} was there already");
            take(&mut self.kept, record.clone());
            take(state, record);
            self.shown += 1;
        }
        if let [only] = ops {
            let place = place(&record(only));
            let before = self.places.entry(cursor.clone()).or_insert_with(|| place.clone());
            assert_eq!(*before, place, "one cursor for two changes");
        }
    }

    /// A client stands at a cursor with this state.
    pub(super) fn stands(&mut self, cursor: &Bytes, state: &State, random: u64) {
        if self.states.len() < CURSORS_MAX {
            self.states.push((cursor.clone(), state.clone()));
        } else {
            self.states[random as usize % CURSORS_MAX] = (cursor.clone(), state.clone());
        }
    }

    /// Holds a server against it, and learns what that shows.
    pub(super) fn check(&mut self, address: SocketAddr) {
        let mut client = Client::join_with(address, "ann", &everything());
        let (all, last) = self.read(&mut client, Bytes::new(), State::new(), 1);
        for (key, kept) in &self.kept {
            let found = all.get(key);
            let is_there = found.is_some_and(|found| found.compare(kept).is_ge());
            assert!(is_there, "lost {kept:?}, is {found:?}");
        }
        let mut totals = Totals::default();
        all.values().for_each(|record| totals.insert(&hash_of(record)));
        assert_eq!(last.root_hash, fingerprint(&totals)[..]);
        for (at, (cursor, state)) in self.states.clone().into_iter().enumerate() {
            let (found, _) = self.read(&mut client, cursor, state, 1 + at as u32 % 9);
            assert_eq!(found, all, "read on from an old cursor");
        }
    }

    /// Reads on from a cursor to the end.
    fn read(
        &mut self,
        client: &mut Client,
        mut cursor: Bytes,
        mut state: State,
        page: u32,
    ) -> (State, SyncResponse) {
        loop {
            let asked = SyncRequest { max_items: page, ..pull(MAP, &cursor) };
            let response = client.sync(asked);
            assert_eq!(response.status(), sync_response::Status::Ok);
            cursor = response.cursor.clone();
            self.told_of(&mut state, &response.ops, &cursor);
            if !response.more {
                return (state, response);
            }
        }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { durable, shown, told, places, .. } = self;
        write!(f, "{told} acknowledged, {durable} durable; {shown} shown, {} cursors", places.len())
    }
}
