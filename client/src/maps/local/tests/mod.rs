//! What is kept in a store, call by call, over restarts, kills and power cuts.

mod crash;
mod merging;
mod model;
mod replacing;
mod settling;
mod writing;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use syncline_engine::{Options, Store, storage::sim::SimDisk};
use syncline_protocol::dialects::maps::{Hlc, NodeId, Totals, hash_of};

use super::{mapped::Mapped, *};
use crate::maps::replica::{Bounds, How, Mark, Pending, Replica, Settled};

const MAP: &str = "todos";
const ALL: Bounds = Bounds { ops_max: usize::MAX, bytes_max: usize::MAX };

/// A clock that a test moves.
#[derive(Clone)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn at(millis: u64) -> Self {
        Self(Arc::new(AtomicU64::new(millis)))
    }

    fn set(&self, millis: u64) {
        self.0.store(millis, Ordering::Relaxed);
    }

    fn clock(&self) -> WallClock {
        let hands = self.0.clone();
        WallClock::new(move || hands.load(Ordering::Relaxed))
    }
}

/// A client's store on a simulated disk, with its one map open.
struct Device {
    disk: SimDisk,
    local: Local,
}

impl Device {
    fn open(disk: SimDisk, hands: &Hands) -> Self {
        Self::try_open(disk, hands).unwrap()
    }

    fn try_open(disk: SimDisk, hands: &Hands) -> Result<Self, StateError> {
        let mut options = Options::default();
        options.segment_bytes = 64 << 10;
        options.reserve_bytes = 0;
        let store = Store::open_on(Arc::new(disk.clone()), options)?;
        let name = || Ok(NodeId::new("phone").unwrap());
        let mut local = Local::load(&store, hands.clock(), name)?;
        local.open(Mapped::load(&store, MAP, local.node_id())?);
        local.listen(true);
        Ok(Self { disk, local })
    }

    fn new() -> (Self, Hands) {
        let hands = Hands::at(1000);
        (Self::open(SimDisk::new(1), &hands), hands)
    }

    /// The same after an orderly end.
    fn reopened(self, hands: &Hands) -> Self {
        let Self { disk, local } = self;
        local.store.clone().close().unwrap();
        drop(local);
        Self::open(disk, hands)
    }

    fn put(&mut self, key: &str, value: &str) -> Hlc {
        let value = Bytes::copy_from_slice(value.as_bytes());
        self.write(key, Write::Put { value, ttl_ms: 0 })
    }

    fn remove(&mut self, key: &str) -> Hlc {
        self.write(key, Write::Remove)
    }

    fn write(&mut self, key: &str, write: Write) -> Hlc {
        self.local.write(MAP, key, write, 1000).unwrap().hlc
    }

    fn get(&self, key: &str) -> Option<String> {
        let records = &self.local.maps[MAP].records;
        let value = get(records, key, self.local.wall().now()).unwrap()?;
        Some(String::from_utf8(value.to_vec()).unwrap())
    }

    fn keys(&self) -> Vec<String> {
        let records = &self.local.maps[MAP].records;
        let entries = entries(records, self.local.wall().now());
        let mut keys: Vec<_> = entries.map(|entry| entry.unwrap().0.to_string()).collect();
        keys.sort();
        keys
    }

    fn sync(&self) {
        if let Some(position) = self.local.unsynced() {
            self.local.store.wait(position).unwrap();
        }
    }

    /// What may be sent.
    fn pending(&self) -> Vec<Pending> {
        self.local.pending(MAP, 0, ALL).unwrap()
    }

    fn pending_keys(&self) -> Vec<String> {
        self.pending().into_iter().map(|pending| pending.op.key).collect()
    }

    fn settle(&mut self, key: &str, hlc: &Hlc, how: How) {
        let settled = Settled { path: Path::of(key), hlc: hlc.clone(), how };
        self.local.settle(MAP, &[settled]).unwrap();
    }

    fn merge(&mut self, records: Vec<Record>) {
        self.local.merge(MAP, records, Mark::default()).unwrap();
    }

    /// What the application was told, in a line each.
    fn told(&mut self) -> Vec<String> {
        self.local.told().iter().map(line).collect()
    }

    /// Holds what is in memory against what is in the store.
    fn check(&self) {
        let map = &self.local.maps[MAP];
        let again = Mapped::load(&self.local.store, MAP, self.local.node_id()).unwrap();
        let mut totals = Totals::default();
        for entry in &map.records {
            let record = mapped::decode(entry.unwrap().1).unwrap();
            if !map.is_below_watermark(record.kind, &record.hlc) {
                totals.insert(&hash_of(&record));
            }
        }
        assert_eq!(map.index.root(), totals, "the index holds what the store does");
        assert_eq!(again.index.root(), totals);
        assert_eq!(again.tombstones, map.tombstones);
        assert_eq!(again.progress, map.progress);
        assert_eq!(again.oplog.len(), map.oplog.len());
        let lives = |map: &Mapped| map.ends.iter().filter(|end| end.0 >= 1000).count();
        assert!(lives(&again) >= map.ends.len());
    }
}

fn line(event: &Event) -> String {
    let text = |value: &Option<Bytes>| match value {
        Some(value) => String::from_utf8_lossy(value).into_owned(),
        None => "-".to_owned(),
    };
    match event {
        Event::Changed(change) => {
            let sign = if change.overwritten { "!" } else { "" };
            let (old, new) = (text(&change.old), text(&change.new));
            format!("{}: {old} > {new} {:?}{sign}", change.key, change.cause)
        }
        Event::Rejected(rejected) => {
            format!("{}: {} refused {:?}", rejected.key, text(&rejected.value), rejected.code)
        }
        other => format!("{other:?}"),
    }
}

fn hlc(text: &str) -> Hlc {
    Hlc::parse(text).unwrap()
}

fn put(key: &str, value: &str, at: &str) -> Record {
    let value = Bytes::copy_from_slice(value.as_bytes());
    Record { key: key.into(), kind: Kind::Put, hlc: hlc(at), ttl_ms: 0, value }
}

fn removal(key: &str, at: &str) -> Record {
    Record { kind: Kind::Remove, ..put(key, "", at) }
}

fn mark(cursor: Option<&'static str>, watermark: Option<&str>) -> Mark {
    let cursor = cursor.map(|cursor| Bytes::from_static(cursor.as_bytes()));
    Mark { cursor, watermark: watermark.map(hlc) }
}
