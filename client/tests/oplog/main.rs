//! The oplog client through its public API, against a server in memory.

mod chaos;
mod fake;
mod refused;
mod reset;
mod restart;
mod sync;
mod wait;

use std::{sync::Arc, time::Duration};

use fake::{FakeServer, Link, Luck};
use syncline_client::oplog::{Client, Event, Events, Op, Payload, Settings, Status};
use syncline_engine::{Options, Store, storage::sim::SimDisk};

fn settings() -> Settings {
    Settings::default()
}

fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 256 << 10;
    options.reserve_bytes = 0;
    options
}

/// One device: a store on a disk in memory, a client in it, and its link.
struct Device {
    store: Store,
    client: Client,
    events: Events,
    link: Link,
}

impl Device {
    fn start(server: &FakeServer) -> Self {
        Self::start_with(server, settings())
    }

    fn start_with(server: &FakeServer, settings: Settings) -> Self {
        Self::start_on(&SimDisk::new(1), server.link(), settings)
    }

    fn start_on(disk: &SimDisk, link: Link, settings: Settings) -> Self {
        let store = Store::open_on(Arc::new(disk.clone()), options()).unwrap();
        let (client, events) = Client::start(link.clone(), &store, "tasks", settings).unwrap();
        Self { store, client, events, link }
    }

    async fn record(&self, text: &str) -> Op {
        self.client.record("list", "l", Payload::of(text).unwrap()).await.unwrap()
    }

    async fn saved(&self) {
        self.client.saved().await.unwrap();
    }

    async fn next(&mut self) -> Event {
        self.events.next().await.unwrap().expect("the client runs")
    }

    /// The texts of operations until there are so many.
    async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            let Event::Ops(ops) = self.next().await else { panic!("no operations") };
            texts.extend(ops.iter().map(text));
        }
        texts
    }

    /// Says that nothing comes for longer than the client rests.
    async fn is_quiet(&mut self) {
        let next = tokio::time::timeout(Duration::from_secs(120), self.events.next()).await;
        assert!(next.is_err(), "{next:?}");
    }

    async fn until(&self, wanted: impl Fn(&Status) -> bool) -> Status {
        self.client.status().wait_for(wanted).await.unwrap().clone()
    }

    async fn live(&self) {
        self.until(|status| matches!(status, Status::Live { .. })).await;
    }
}

fn text(op: &Op) -> String {
    op.payload.read().unwrap()
}
