//! The oplog client over real sockets, against the real server.

mod meet;
mod through;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use syncline_client::oplog::{Client, Event, Events, Http, Payload, Settings, Transport};
use syncline_engine::{Batch, Log, Options, Store, storage::sim::SimDisk};

use crate::device::soon;

/// The defaults, but for patience: a test does not wait for seconds.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.poll = Duration::from_millis(20);
    (settings.retry_min, settings.retry_max) =
        (Duration::from_millis(20), Duration::from_millis(200));
    settings
}

fn http(address: SocketAddr) -> Http {
    Http::new(&format!("http://{address}")).unwrap()
}

/// A device whose application writes down every operation of others, in the client's store.
struct Peer {
    client: Client,
    events: Events,
    store: Store,
    taken: Log,
}

impl Peer {
    fn start(address: SocketAddr) -> Self {
        Self::start_with(http(address), settings())
    }

    fn start_with(transport: impl Transport, settings: Settings) -> Self {
        Self::start_on(&SimDisk::new(1), transport, settings)
    }

    fn start_on(disk: &SimDisk, transport: impl Transport, settings: Settings) -> Self {
        let mut options = Options::default();
        (options.segment_bytes, options.reserve_bytes) = (1 << 20, 0);
        let store = Store::open_on(Arc::new(disk.clone()), options).unwrap();
        let (client, events) = Client::start(transport, &store, "tasks", settings).unwrap();
        let taken = store.log("taken").unwrap();
        Self { client, events, store, taken }
    }

    async fn record(&self, text: &str) {
        let payload = Payload::of(text).unwrap();
        soon("room", self.client.record("list", "l", payload)).await.unwrap();
    }

    async fn saved(&self) {
        soon("everything saved", self.client.saved()).await.unwrap();
    }

    async fn next(&mut self) -> Event {
        soon("an event", self.events.next()).await.unwrap().expect("the client runs")
    }

    /// Takes in operations until there are so many, of all runs.
    async fn take_in(&mut self, count: u64) -> Vec<String> {
        while self.taken.len() < count {
            let Event::Ops(ops) = self.next().await else { panic!("no operations") };
            let mut batch = Batch::new();
            for op in ops {
                batch.append(&self.taken, op.payload.read::<String>().unwrap().as_bytes());
            }
            self.events.settle(batch).unwrap();
        }
        let read = |record: Result<syncline_engine::Record, _>| {
            String::from_utf8(record.unwrap().payload.to_vec()).unwrap()
        };
        self.taken.read(..).map(read).collect()
    }
}
