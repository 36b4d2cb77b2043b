//! The workspace client against a real server: convergence, kills, tokens.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use serde_json::json;
use syncline::config::{Heal, Opening};
use syncline_client::workspace::{
    Client, Clock, ConnectionError, Event, InMemory, Link, Settings, State, StoreState, WebSocket,
    workspace_url,
};
use syncline_engine::{Options, Store};
use syncline_tests::{
    process::Serving,
    server::TestServer,
    workspace::{SECRET, server, token},
};
use tempfile::TempDir;

use crate::device::{blocking, soon};

const WORKSPACE: &str = "space é/…?x#y";

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.retry_min = Duration::from_millis(20);
    settings.retry_max = Duration::from_millis(200);
    settings
}

fn transport(address: SocketAddr) -> WebSocket {
    let url = workspace_url(&format!("ws://{address}"), WORKSPACE, None);
    WebSocket::new(&url).unwrap().with_token(&token(&json!({}))).unwrap()
}

fn start_with(address: SocketAddr, state: impl State) -> Client {
    Client::start(transport(address), settings(), state).unwrap()
}

fn start(address: SocketAddr) -> Client {
    start_with(address, InMemory)
}

async fn until(client: &Client, wanted: impl Fn(&Link) -> bool) -> Link {
    let mut status = client.status();
    let status = soon("a status", status.wait_for(|status| wanted(&status.link))).await.unwrap();
    status.link.clone()
}

async fn saved(client: &Client) {
    soon("everything saved", client.saved()).await.unwrap();
}

fn values(client: &Client) -> BTreeMap<String, String> {
    let value = |key: &str| client.get_json(key).unwrap().to_string();
    client.keys().iter().map(|key| (key.to_string(), value(key))).collect()
}

/// Waits until all show the same as a client that comes now.
async fn end_equal(address: SocketAddr, clients: &[&Client]) -> BTreeMap<String, String> {
    for client in clients {
        saved(client).await;
    }
    let late = start(address);
    until(&late, |link| *link == Link::Synced).await;
    let all = values(&late);
    for client in clients {
        soon("the same values", async {
            while values(client) != all {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
    all
}

#[tokio::test]
async fn values_of_every_kind_arrive_byte_for_byte_and_stay() {
    let server = server(|_| {});
    let (alice, bob) = (start(server.address()), start(server.address()));
    until(&bob, |link| *link == Link::Synced).await;
    let large = format!("\"{}\"", "0123456789abcdef".repeat(1 << 16));
    for (at, text) in [
        "null",
        "{}",
        "[]",
        "12345678901234567890",
        "\"\\u0000 🦀\"",
        "{ \"b\":1,\"a\":2.50 }",
        &large,
    ]
    .into_iter()
    .enumerate()
    {
        let value = syncline_client::workspace::Json::from_text(text).unwrap();
        alice.set_json(&format!("key {at}"), value).await.unwrap();
    }
    let all = end_equal(server.address(), &[&alice, &bob]).await;
    assert_eq!(all["key 3"], "12345678901234567890");
    assert_eq!(all["key 5"], "{ \"b\":1,\"a\":2.50 }");
    assert!(all["key 6"] == large, "1 MiB, byte for byte");
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn clients_that_write_the_same_keys_at_once_end_equal_whatever_the_server_sends_back() {
    for heal in [Heal::Never, Heal::Heal, Heal::Always] {
        let server = server(|config| config.workspace.heal = heal);
        let address = server.address();
        let clients: Vec<_> = (0..4).map(|_| Arc::new(start(address))).collect();
        let writing: Vec<_> =
            (0..4).map(|at| tokio::spawn(write(Arc::clone(&clients[at]), at))).collect();
        for writer in writing {
            writer.await.unwrap();
        }
        let clients: Vec<&Client> = clients.iter().map(|client| &**client).collect();
        assert_eq!(end_equal(address, &clients).await.len(), 7);
        blocking(|| drop(server)).await;
    }
}

async fn write(client: Arc<Client>, at: usize) {
    for number in 0..200 {
        client.set(&format!("{}", number % 7), &(at, number)).await.unwrap();
        if number % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn entries_with_their_stamps_are_read_when_the_server_writes_them() {
    let server = server(|config| config.workspace.opening = Opening::Entries);
    let address = server.address();
    let future = i64::MAX / 2;
    let mut ahead = settings();
    ahead.clock = Clock::new(move || future);
    ahead.opening = syncline_client::workspace::Opening::Entries;
    let alice = Client::start(transport(address), ahead.clone(), InMemory).unwrap();
    assert_eq!(alice.set("a", &json!({ "value": 1 })).await.unwrap(), future);
    saved(&alice).await;
    ahead.clock = Clock::system();
    let bob = Client::start(transport(address), ahead, InMemory).unwrap();
    until(&bob, |link| *link == Link::Synced).await;
    assert_eq!(bob.get_json("a").unwrap().text(), r#"{"value":1}"#);
    assert_eq!(bob.set("a", &2).await.unwrap(), future + 1, "the stamp was told");
    saved(&bob).await;
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_value_of_the_future_that_was_seen_is_outbid() {
    let server = server(|_| {});
    let address = server.address();
    let mut ahead = settings();
    ahead.clock = Clock::new(|| i64::MAX / 2);
    let alice = Client::start(transport(address), ahead, InMemory).unwrap();
    alice.set("a", "future").await.unwrap();
    saved(&alice).await;
    let bob = start(address);
    until(&bob, |link| *link == Link::Synced).await;
    bob.set("a", "now").await.unwrap();
    let all = end_equal(address, &[&alice, &bob]).await;
    assert_eq!(all["a"], "\"now\"");
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn what_the_server_refuses_is_told_and_can_be_given_up() {
    let server = server(|config| config.workspace.scopes = true);
    let client = start(server.address());
    until(&client, |link| *link == Link::Synced).await;
    let mut watch = client.watch();
    client.set("a", &1).await.unwrap();
    let reason = soon("a refusal", async {
        loop {
            match watch.next().await {
                Some(Event::Refused(reason)) => return reason,
                Some(Event::Changed(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    assert!(reason.starts_with("permission_denied"), "{reason}");
    assert_eq!(client.status().borrow().pending, 1);
    assert!(client.discard("a"));
    saved(&client).await;
    until(&client, |link| *link == Link::Synced).await;
    assert!(client.keys().is_empty());
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_burst_beyond_the_queue_arrives_whole() {
    let server = server(|_| {});
    let address = server.address();
    let alice = start(address);
    for number in 0..3000 {
        soon("room", alice.set(&format!("{number}"), &number)).await.unwrap();
    }
    assert_eq!(end_equal(address, &[&alice]).await.len(), 3000);
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn kills_of_the_server_lose_nothing_that_was_set() {
    let dir = TempDir::with_prefix("syncline-").unwrap();
    let secret = ("SYNCLINE_AUTH_SECRET", SECRET);
    let mut server = Serving::start(dir.path(), &[secret]);
    let address = server.address();
    let (alice, bob) = (start(address), start(address));
    let path = dir.path().to_owned();
    for round in 0..3 {
        for number in 0..100 {
            alice.set(&format!("alice {number}"), &round).await.unwrap();
            bob.set("both", &(round, number)).await.unwrap();
        }
        let (path, listen) = (path.clone(), address.to_string());
        server = blocking(move || {
            server.kill();
            Serving::start(&path, &[secret, ("SYNCLINE_HTTP_LISTEN", &listen)])
        })
        .await;
    }
    let all = end_equal(address, &[&alice, &bob]).await;
    assert_eq!(all.len(), 101);
    assert!(all.iter().all(|(key, value)| key == "both" || value == "2"));
    assert_eq!(all["both"], "[2,99]");
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn what_was_set_without_a_server_goes_out_after_a_restart_of_the_device() {
    let dir = TempDir::with_prefix("syncline-").unwrap();
    let first = server(|_| {});
    let address = first.address();
    let first = first.stop();
    let open = || {
        let mut options = Options::default();
        options.segment_bytes = 1 << 20;
        let store = Store::open(dir.path().join("device"), options).unwrap();
        let state = StoreState::open(&store, WORKSPACE).unwrap();
        (store, state)
    };
    let (store, state) = open();
    let alice = start_with(address, state);
    alice.set("a", &1).await.unwrap();
    alice.set("a", &2).await.unwrap();
    soon("shutdown", alice.shutdown()).await;
    // No orderly close: what was set is durable by then.
    drop(store);

    let server = TestServer::start_in(first, |config| {
        config.http.listen = address;
        config.auth.secret = Some(SECRET.into());
    });
    let (_store, state) = open();
    let alice = start_with(address, state);
    assert_eq!(alice.get::<i32>("a").unwrap(), Some(2));
    let all = end_equal(address, &[&alice]).await;
    assert_eq!(all, BTreeMap::from([("a".into(), "2".into())]));
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_told_and_tried_no_more() {
    let server = server(|_| {});
    let stranger =
        Client::connect(&format!("ws://{}", server.address()), "w", "no token", settings())
            .unwrap();
    let link = until(&stranger, |link| matches!(link, Link::Denied { .. })).await;
    assert_eq!(link, Link::Denied { error: ConnectionError::Refused { status: 401 } });
    blocking(|| drop(server)).await;
}
