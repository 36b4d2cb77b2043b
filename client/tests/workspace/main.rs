//! The workspace client through its public API, against a server in memory.

mod bounds;
mod chaos;
mod connections;
mod fake;
mod link;
mod merge;
mod stamps;
mod store;
mod sync;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use fake::FakeServer;
use link::Link;
use syncline_client::workspace::{
    Change, Client, Clock, ConnectionError, Event, InMemory, Link as LinkStatus, Settings, State,
    Watch,
};

/// A clock that a test moves.
#[derive(Clone, Default)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn at(micros: i64) -> Self {
        Self(Arc::new(AtomicI64::new(micros)))
    }

    fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::new(move || hands.0.load(Ordering::Relaxed))
    }
}

/// The defaults, with a clock that stands at 1,000.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.clock = Hands::at(1000).clock();
    settings
}

/// Starts a client that keeps nothing, with a link of its own to the server.
fn start(server: &FakeServer, settings: Settings) -> (Client, Link) {
    start_with(server, settings, InMemory)
}

fn start_with(server: &FakeServer, settings: Settings, state: impl State) -> (Client, Link) {
    let link = server.link();
    (Client::start(link.clone(), settings, state).unwrap(), link)
}

/// Waits until the link is as wanted.
async fn until(client: &Client, wanted: impl Fn(&LinkStatus) -> bool) -> LinkStatus {
    client.status().wait_for(|status| wanted(&status.link)).await.unwrap().link.clone()
}

async fn synced(client: &Client) {
    until(client, |link| *link == LinkStatus::Synced).await;
}

async fn offline(client: &Client) -> Duration {
    let link = until(client, |link| matches!(link, LinkStatus::Offline { .. })).await;
    let LinkStatus::Offline { retry_in, .. } = link else { unreachable!("it was awaited") };
    retry_in
}

/// What a client shows.
fn values(client: &Client) -> BTreeMap<String, String> {
    let value = |key: &str| client.get_json(key).unwrap().text().to_owned();
    client.keys().iter().map(|key| (key.to_string(), value(key))).collect()
}

/// Waits until a client shows a value.
async fn shows(client: &Client, key: &str, text: &str) {
    let mut watch = client.watch_key(key);
    loop {
        let change = next_change(&mut watch).await;
        if change.value.as_ref().is_some_and(|value| value.text() == text) {
            return;
        }
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
