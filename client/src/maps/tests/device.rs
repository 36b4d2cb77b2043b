//! One device: the whole client without its tasks, on a disk that can lose power. Knows no network.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use syncline_engine::{Map, Options, Position, Store, storage::sim::SimDisk};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Cursor, NodeId, Path, Record, Stored},
};

use super::super::{
    clock::WallClock,
    core::Core,
    local::{Local, Mapped, Write, Written},
    machine::{Ended, Machine, Now},
    settings::Settings,
    status::Status,
    watch::{Bounds, Event, Scope, Watch},
};
use crate::transport::ConnectionError;

const BOUNDS: Bounds = Bounds { events_max: usize::MAX, bytes_max: usize::MAX };

/// What runs; none of it outlives the process.
struct Running {
    core: Core,
    store: Store,
    records: BTreeMap<&'static str, Map>,
    watch: Watch,
}

/// One device.
pub(super) struct Device {
    /// Its name. A clone shares it.
    pub(super) node: String,
    maps: &'static [&'static str],
    disk: SimDisk,
    /// What its wall clock shows.
    hands: Arc<AtomicU64>,
    running: Running,
    /// How far its clock is off, in milliseconds.
    pub(super) clock_off: i64,
    /// The session at the server, if there is a connection.
    pub(super) session: Option<u64>,
    /// It does not take what the server sends.
    pub(super) is_slow: bool,
    /// It does not connect before.
    pub(super) away_until: u64,
    /// When what is written comes to the disk.
    pub(super) sync_at: Option<u64>,
}

fn open(
    disk: &SimDisk,
    node: &str,
    maps: &[&'static str],
    hands: &Arc<AtomicU64>,
    seed: u64,
) -> Running {
    let mut options = Options::default();
    options.segment_bytes = 1 << 20;
    options.reserve_bytes = 0;
    let store = Store::open_on(Arc::new(disk.clone()), options).unwrap();
    let hands = hands.clone();
    let wall = WallClock::new(move || hands.load(Ordering::Relaxed));
    let name = || Ok(NodeId::new(node).unwrap());
    let local = Local::load(&store, wall, name).unwrap();
    let mut core = Core::new(Machine::new(Settings::default().rules(), seed), local);
    let watch = core.watch(Scope::default(), BOUNDS);
    let mut records = BTreeMap::new();
    for map in maps {
        let mapped = Mapped::load(&store, map, &core.node()).unwrap();
        records.insert(*map, mapped.records().clone());
        core.open(mapped);
    }
    Running { core, store, records, watch }
}

impl Device {
    pub(super) fn new(node: &str, maps: &'static [&'static str], wall: u64, seed: u64) -> Self {
        Self::on(SimDisk::new(seed), node, maps, wall, seed)
    }

    fn on(disk: SimDisk, node: &str, maps: &'static [&'static str], wall: u64, seed: u64) -> Self {
        let hands = Arc::new(AtomicU64::new(wall));
        let running = open(&disk, node, maps, &hands, seed);
        let (session, is_slow, away_until, sync_at, clock_off) = (None, false, 0, None, 0);
        let node = node.to_owned();
        Self { node, maps, disk, hands, running, clock_off, session, is_slow, away_until, sync_at }
    }

    /// Another device with a copy of all that this one has on its disk, its name too.
    pub(super) fn cloned(&mut self, wall: u64, seed: u64) -> Self {
        self.running.store.wait(self.running.store.appended()).unwrap();
        let disk = self.disk.after_power_cut(seed);
        let mut clone = Self::on(disk, &self.node, self.maps, wall, seed);
        clone.clock_off = self.clock_off;
        clone
    }

    /// The process is killed and started again, or the device loses power. Returns how far what it
    /// had written is still there.
    pub(super) fn die(&mut self, power_cut: bool, seed: u64) -> Position {
        assert!(self.session.is_none());
        let durable = self.running.store.durable();
        // Perhaps in the midst of a write to the disk.
        let appended = self.running.store.appended();
        if seed & 3 != 0 {
            let bytes = (seed >> 8) % (appended.0 - durable.0 + 1);
            self.disk.stop_within(self.disk.steps() + (seed >> 2 & 1), bytes as usize);
            let _ = self.running.store.wait(appended);
        }
        let disk = if power_cut { self.disk.after_power_cut(seed) } else { self.disk.after_kill() };
        self.disk.stop_after(0);
        self.running = open(&disk, &self.node, self.maps, &self.hands, seed);
        (self.disk, self.sync_at) = (disk, None);
        let found = self.running.store.appended();
        assert!(found >= durable, "a device lost what was on its disk");
        found
    }

    /// Sets the wall clock for what comes now.
    pub(super) fn at(&mut self, millis: u64, wall: u64) -> Now {
        let wall = wall.saturating_add_signed(self.clock_off);
        self.hands.store(wall, Ordering::Relaxed);
        Now { at: Duration::from_millis(millis), wall: UnixMillis(wall) }
    }

    pub(super) fn write(&mut self, map: &str, key: &str, write: Write) -> Written {
        self.running.core.write(map, key, write, usize::MAX).unwrap()
    }

    pub(super) fn connected(&mut self, session: u64, now: Now) {
        self.session = Some(session);
        self.is_slow = false;
        self.running.core.connecting();
        self.running.core.connected("token", now);
    }

    pub(super) fn disconnected(&mut self) {
        self.session = None;
        let error = ConnectionError::Closed { code: None };
        self.running.core.disconnected(Duration::ZERO, error);
    }

    pub(super) fn next_out(&mut self, now: Now) -> Result<Option<Bytes>, Ended> {
        self.running.core.next_out(now)
    }

    pub(super) fn receive(&mut self, message: Bytes, now: Now) -> Result<(), Ended> {
        self.running.core.receive(message, now)
    }

    pub(super) fn wake_at(&self) -> Option<Duration> {
        self.running.core.wake_at()
    }

    /// Whether something is written that is not on the disk.
    pub(super) fn is_unsynced(&self) -> bool {
        self.running.core.unsynced().is_some()
    }

    /// What was written comes to the disk.
    pub(super) fn sync(&mut self, now: Now) {
        if let Some(position) = self.running.core.unsynced() {
            self.running.store.wait(position).unwrap();
        }
        self.running.core.synced(now);
        self.running.core.expire();
    }

    pub(super) fn is_synced(&self) -> bool {
        self.running.core.is_synced(0) && self.running.core.status() == Status::Saved
    }

    pub(super) fn status(&self) -> Status {
        self.running.core.status()
    }

    /// What the application was told since this was last asked.
    pub(super) fn told(&mut self) -> Vec<Event> {
        let watch = &mut self.running.watch;
        std::iter::from_fn(|| watch.next().now_or_never().flatten()).collect()
    }

    pub(super) fn record(&self, map: &str, key: &str) -> Option<Record> {
        let bytes = self.running.records[map].get(&Path::of(key).to_key()).unwrap()?;
        Some(Stored::decode(bytes).unwrap().record)
    }

    /// All records of a map as they lie in the store.
    pub(super) fn records(&self, map: &str) -> BTreeMap<String, Record> {
        let entries = self.running.records[map].iter().map(|entry| entry.unwrap().1);
        let records = entries.map(|bytes| Stored::decode(bytes).unwrap().record);
        records.map(|record| (record.key.to_string(), record)).collect()
    }

    /// The marks and pending writes that are left of a map, in the store itself.
    pub(super) fn pending(&self, map: &str) -> u64 {
        self.running.store.map(&format!("maps/{map}/pending")).unwrap().len()
    }

    /// Whether it keeps in mind that a write of this key is to be sent.
    pub(super) fn waits(&self, map: &str, key: &str) -> bool {
        let pending = self.running.store.map(&format!("maps/{map}/pending")).unwrap();
        pending.get(&Path::of(key).to_key()).unwrap().is_some()
    }

    /// How far it has read the server's map, as a stranger finds it in the store.
    pub(super) fn cursor(&self, map: &str) -> Option<Cursor> {
        const HAS_CURSOR: u8 = 2;
        let meta = self.running.store.map("maps/meta").unwrap();
        let bytes = meta.get(format!("m/{map}").as_bytes()).unwrap()?;
        let len = u32::from_le_bytes(bytes[2..6].try_into().unwrap()) as usize;
        (bytes[1] & HAS_CURSOR != 0).then(|| Cursor::parse(map, &bytes[6..6 + len]).unwrap())
    }
}
