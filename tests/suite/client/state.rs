//! Devices that keep their outbox and their place in an engine store of their own.

use std::path::Path;

use syncline_client::relay::StoreState;
use syncline_engine::{Options, Store};
use syncline_tests::server::TestServer;
use tempfile::TempDir;

use crate::device::{Device, blocking, secret, settings};

fn open(dir: &Path) -> (Store, StoreState) {
    let mut options = Options::default();
    options.segment_bytes = 1 << 20;
    let store = Store::open(dir.join("device"), options).unwrap();
    let state = StoreState::open(&store, &secret()).unwrap();
    (store, state)
}

#[tokio::test]
async fn what_was_written_without_a_server_goes_out_after_a_restart() {
    let dir = TempDir::with_prefix("syncline-").unwrap();
    let server = TestServer::start(|_| {});
    let address = server.address();
    let server_dir = server.stop();
    let (store, state) = open(dir.path());
    let alice = Device::start_with(address, settings(), state);
    for body in ["one", "two", "three"] {
        alice.submit(body).await;
    }
    alice.stop().await;
    // No orderly close: what was submitted is durable by then.
    drop(store);

    let server = TestServer::start_in(server_dir, |config| config.http.listen = address);
    let (_device_store, state) = open(dir.path());
    let alice = Device::start_with(address, settings(), state);
    alice.saved().await;
    let bob = Device::start(address);
    assert_eq!(bob.brought(3).await, ["one", "two", "three"]);
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_restarted_device_sees_only_what_is_new() {
    let dir = TempDir::with_prefix("syncline-").unwrap();
    let server = TestServer::start(|_| {});
    let bob = Device::start(server.address());
    let (store, state) = open(dir.path());
    let alice = Device::start_with(server.address(), settings(), state);
    bob.submit("before").await;
    assert_eq!(alice.brought(1).await, ["before"]);
    alice.submit("mine").await;
    alice.saved().await;
    alice.stop().await;
    store.close().unwrap();

    bob.submit("meanwhile").await;
    bob.saved().await;
    let (_device_store, state) = open(dir.path());
    let alice = Device::start_with(server.address(), settings(), state);
    bob.submit("after").await;
    assert_eq!(alice.brought(2).await, ["meanwhile", "after"]);
    assert_eq!(bob.bodies(), ["mine"]);
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn the_store_of_a_device_holds_no_word_of_the_document() {
    let dir = TempDir::with_prefix("syncline-").unwrap();
    let server = TestServer::start(|_| {});
    let (store, state) = open(dir.path());
    let alice = Device::start_with(server.address(), settings(), state);
    alice.submit("a word of the document").await;
    alice.stop().await;
    drop(server);
    store.close().unwrap();
    let mut key_found = false;
    for entry in std::fs::read_dir(dir.path().join("device")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
        assert!(!holds(b"a word of the document"));
        assert!(!holds(secret().expose()));
        key_found |= holds(secret().discovery_key().as_bytes());
    }
    assert!(key_found, "the search finds what is there");
}
