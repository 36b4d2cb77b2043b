//! The maps client through its public API, against a coordinator in memory.

mod connections;
mod fake;
mod link;
mod refused;
mod restart;
mod sync;
mod todo;
mod tokens;
mod watches;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fake::FakeServer;
use link::Link;
use syncline_client::maps::{
    Change, Client, ConnectionError, Event, Map, Settings, Status, WallClock, Watch,
};
use syncline_engine::{Options, Store, storage::sim::SimDisk};
use tokio::time::timeout;

const MAP: &str = "todos";

/// Of a test's own time, in which nothing that goes on may take so long.
const LONG: Duration = Duration::from_secs(3600);

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

    fn settings(&self) -> Settings {
        let hands = self.0.clone();
        let mut settings = Settings::default();
        settings.wall = WallClock::new(move || hands.load(Ordering::Relaxed));
        settings
    }
}

/// The defaults, with a clock that stands where the server's does.
fn settings() -> Settings {
    Hands::at(fake::NOW).settings()
}

fn store_on(disk: &SimDisk) -> Store {
    let mut options = Options::default();
    options.segment_bytes = 64 << 10;
    options.reserve_bytes = 0;
    Store::open_on(Arc::new(disk.clone()), options).unwrap()
}

/// A client of its own device, with its one map open.
struct Device {
    client: Client,
    map: Map,
    link: Link,
    store: Store,
}

impl Device {
    async fn new(server: &FakeServer, seed: u64) -> Self {
        Self::open(server, &SimDisk::new(seed), settings()).await
    }

    async fn open(server: &FakeServer, disk: &SimDisk, settings: Settings) -> Self {
        Self::open_on(server.link(), disk, settings).await
    }

    /// One that has no network yet.
    async fn offline(server: &FakeServer, disk: &SimDisk, settings: Settings) -> Self {
        let link = server.link();
        link.refuse(Some(ConnectionError::TimedOut));
        Self::open_on(link, disk, settings).await
    }

    async fn open_on(link: Link, disk: &SimDisk, settings: Settings) -> Self {
        let store = store_on(disk);
        let client = Client::start(link.clone(), &store, "good", settings).unwrap();
        let map = client.map(MAP).await.unwrap();
        Self { client, map, link, store }
    }

    /// The network is back.
    fn online(&self) {
        self.link.refuse(None);
        self.client.retry_now();
    }

    async fn until(&self, wanted: impl Fn(&Status) -> bool) -> Status {
        self.client.status().wait_for(|status| wanted(status)).await.unwrap().clone()
    }

    async fn synced(&self) {
        timeout(LONG, self.client.synced()).await.expect("it converges").unwrap();
    }

    async fn saved(&self) {
        timeout(LONG, self.client.saved()).await.expect("it is saved").unwrap();
    }

    fn put(&self, key: &str, value: &str) {
        self.map.put(key, value.to_owned()).unwrap();
    }

    fn get(&self, key: &str) -> Option<String> {
        self.map.get(key).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
    }

    /// What it shows.
    fn values(&self) -> BTreeMap<String, String> {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        let entry = |(key, value): (Box<str>, bytes::Bytes)| (key.into(), text(&value));
        self.map.iter().map(|found| entry(found.unwrap())).collect()
    }

    /// Waits until it shows a value.
    async fn shows(&self, key: &str, value: Option<&str>) {
        let mut watch = self.map.watch();
        while self.get(key).as_deref() != value {
            let event = timeout(LONG, watch.next()).await.expect("it comes");
            event.expect("the client goes on");
        }
    }

    /// Ends it in order.
    async fn shutdown(self) {
        self.client.shutdown().await.unwrap();
        drop(self.map);
        self.store.close().unwrap();
    }
}

async fn next_change(watch: &mut Watch) -> Change {
    match watch.next().await {
        Some(Event::Changed(change)) => change,
        other => panic!("not a change: {other:?}"),
    }
}

/// Lets everything happen that is under way.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(10)).await;
}
