//! Devices in one dataset through a running server.

use serde_json::json;
use syncline::{auth::SigningKey, config::Tenants};
use syncline_client::oplog::{Cause, Status};
use syncline_tests::server::TestServer;

use super::*;
use crate::device::blocking;

#[tokio::test]
async fn what_one_records_the_others_get_once_and_in_order() {
    let server = TestServer::start(|_| {});
    let alice = Peer::start(server.address());
    let mut bob = Peer::start(server.address());
    for number in 0..300 {
        alice.record(&number.to_string()).await;
    }
    alice.saved().await;
    let expected: Vec<_> = (0..300).map(|number| number.to_string()).collect();
    assert_eq!(bob.take_in(300).await, expected);
    let mut late = Peer::start(server.address());
    assert_eq!(late.take_in(300).await, expected);
    bob.record("and back").await;
    late.take_in(301).await;
    assert_eq!(bob.taken.len(), 300, "nobody gets back what he made");
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_reset_reaches_everybody() {
    let server = TestServer::start(|_| {});
    let mut alice = Peer::start(server.address());
    let mut bob = Peer::start(server.address());
    alice.record("old").await;
    bob.take_in(1).await;
    let snapshot = "a state with \0, \u{1f642} and \"quotes\"".repeat(1000);
    bob.client.reset(&snapshot).await.unwrap();
    bob.record("new").await;
    bob.saved().await;
    let Event::Dataset { cause, snapshot: came, generation, .. } = alice.next().await else {
        panic!("no dataset")
    };
    assert_eq!((cause, Some(generation)), (Cause::Replaced, bob.client.generation()));
    assert!(came == snapshot, "byte for byte");
    assert_eq!(alice.take_in(1).await, ["new"]);
    let mut late = Peer::start(server.address());
    let first = late.next().await;
    assert!(matches!(first, Event::Dataset { cause: Cause::First, .. }), "{first:?}");
    assert_eq!(late.take_in(1).await, ["new"]);
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn large_operations_go_compressed_and_in_parts_that_the_server_takes() {
    let server = TestServer::start(|config| config.oplog.body_bytes_max = 256 << 10);
    let mut settings = settings();
    settings.push_bytes_max = 4 << 20;
    let alice = Peer::start_with(http(server.address()), settings);
    let mut bob = Peer::start(server.address());
    let text = |number| format!("{number} {}", "0123456789abcdef".repeat(4 << 10));
    for number in 0..20 {
        alice.record(&text(number)).await;
    }
    alice.saved().await;
    let expected: Vec<_> = (0..20).map(text).collect();
    assert!(bob.take_in(20).await == expected, "each of 64 KiB, byte for byte");
    alice.record(&"x".repeat(300 << 10)).await;
    let mut alice = alice;
    let refused = alice.next().await;
    assert!(matches!(refused, Event::Refused { status: 413, .. }), "{refused:?}");
    alice.record("small").await;
    alice.saved().await;
    bob.take_in(21).await;
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_client_that_may_wait_gets_news_without_asking_again() {
    let server = TestServer::start(|config| config.oplog.wait_max = Duration::from_secs(300));
    let mut waiting = settings();
    (waiting.poll, waiting.wait) = (Duration::from_secs(3600), Duration::from_secs(300));
    let mut bob = Peer::start_with(http(server.address()), waiting);
    let is_live = |status: &Status| matches!(status, Status::Live { .. });
    soon("live", bob.client.status().wait_for(is_live)).await.unwrap();
    let alice = Peer::start(server.address());
    for number in 0..5 {
        alice.record(&number.to_string()).await;
        assert_eq!(bob.take_in(number + 1).await.len() as u64, number + 1);
        bob.record("while the server holds back its answer").await;
        bob.saved().await;
    }
    blocking(|| drop(server)).await;
}

#[tokio::test]
async fn a_token_opens_the_dataset_of_its_tenant() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let server = TestServer::start(|config| {
        config.oplog.tenants = Tenants::Token;
        config.auth.secret = Some(SECRET.into());
    });
    let key = SigningKey::from_secret(SECRET);
    let token = |sub: &str| {
        let claims = json!({ "sub": sub });
        key.sign(claims.as_object().expect("claims are an object")).expect("a token")
    };
    let transport = http(server.address());
    let alice = Peer::start_with(transport.clone(), settings());
    alice.record("mine").await;
    let is_refused = |status: &Status| matches!(status, Status::Unauthorized { status: 401 });
    soon("a refusal", alice.client.status().wait_for(is_refused)).await.unwrap();
    transport.set_token(Some(&token("alice"))).unwrap();
    alice.client.retry_now();
    alice.saved().await;
    let theirs = http(server.address());
    theirs.set_token(Some(&token("bob"))).unwrap();
    let bob = Peer::start_with(theirs, settings());
    bob.record("bob's").await;
    bob.saved().await;
    assert_ne!(bob.client.generation(), alice.client.generation());
    let mut again = Peer::start_with(transport, settings());
    assert_eq!(again.take_in(1).await, ["mine"]);
    blocking(|| drop(server)).await;
}
