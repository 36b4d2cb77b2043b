//! The relay client through its public API, against a relay in memory.

mod bounds;
mod chaos;
mod connections;
mod fake;
mod forms;
mod state;
mod store;
mod sync;
mod websocket;

use std::time::Duration;

use fake::{FakeRelay, Link};
use syncline_client::relay::{
    Changes, Client, ConnectionError, Event, InMemory, Secret, Settings, State, Status,
};

fn secret() -> Secret {
    Secret::new([0x5e; 32])
}

fn settings() -> Settings {
    Settings::default()
}

/// Starts a client that keeps nothing, with a link of its own to the relay.
fn start(relay: &FakeRelay, settings: Settings) -> (Client, Changes, Link) {
    start_with(relay, settings, InMemory)
}

fn start_with(relay: &FakeRelay, settings: Settings, state: impl State) -> (Client, Changes, Link) {
    let link = relay.link();
    let (client, changes) = Client::start(link.clone(), &secret(), settings, state).unwrap();
    (client, changes, link)
}

/// The body of the next event, which is a change.
async fn next_body(changes: &mut Changes) -> String {
    match changes.next().await {
        Some(Event::Change(change)) => String::from_utf8(change.body.to_vec()).unwrap(),
        other => panic!("not a change: {other:?}"),
    }
}

/// Waits until the status is as wanted.
async fn until(client: &Client, wanted: impl Fn(&Status) -> bool) -> Status {
    client.status().wait_for(wanted).await.unwrap().clone()
}

async fn live(client: &Client) {
    until(client, |status| matches!(status, Status::Live { .. })).await;
}

async fn offline(client: &Client) -> Duration {
    let status = until(client, |status| matches!(status, Status::Offline { .. })).await;
    let Status::Offline { retry_in, .. } = status else { unreachable!("it was awaited") };
    retry_in
}
