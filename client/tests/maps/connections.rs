//! Connections that fail, end, and come again.

use syncline_client::maps::{Settings, StartError};
use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn waits_grow_within_their_bounds_by_chance_and_never_end() {
    let server = FakeServer::default();
    let alice = Device::offline(&server, &SimDisk::new(1), settings()).await;
    let mut status = alice.client.status();
    let mut waits = Vec::new();
    while waits.len() < 10 {
        if let Status::Offline { retry_in: Some(wait), .. } = &*status.borrow_and_update() {
            waits.push(*wait);
        }
        status.changed().await.unwrap();
    }
    let bounds = (0..10).map(|n| Duration::from_millis(500 << n).min(Duration::from_secs(30)));
    for (wait, bound) in waits.iter().zip(bounds) {
        assert!(*wait <= bound, "{waits:?}");
    }
    assert!(waits.iter().max() > waits.first(), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_line_is_made_anew_and_what_was_under_way_arrives_once() {
    let server = FakeServer::default();
    server.hold_acks(true);
    let alice = Device::new(&server, 1).await;
    for round in 0..5 {
        alice.put("counter", &round.to_string());
        settle().await;
        alice.link.cut();
    }
    server.hold_acks(false);
    alice.synced().await;
    assert_eq!(server.values(), alice.values());
    assert!(alice.link.attempts() >= 5);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_has_in_memory_counts_as_saved_but_is_sent_again() {
    let server = FakeServer::default();
    server.acknowledge_in_memory(true);
    let alice = Device::new(&server, 1).await;
    alice.synced().await;
    alice.put("a", "1");
    alice.saved().await;
    server.acknowledge_in_memory(false);
    alice.synced().await;
    assert_eq!(server.values(), alice.values());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_client_ends_and_one_that_is_shut_down_is_durable() {
    let (server, disk) = (FakeServer::default(), SimDisk::new(1));
    let alice = Device::offline(&server, &disk, settings()).await;
    let mut status = alice.client.status();
    alice.put("a", "1");
    alice.client.clone().shutdown().await.unwrap();
    assert!(alice.store.durable() >= alice.store.appended());
    let stopped = Status::Stopped { pending: 1 };
    assert_eq!(*status.wait_for(|s| matches!(s, Status::Stopped { .. })).await.unwrap(), stopped);
    assert!(alice.client.synced().await.is_err());
    assert!(alice.client.map("other").await.is_err());

    let bob = Device::new(&server, 2).await;
    let mut status = bob.client.status();
    let mut watch = bob.map.watch();
    let attempts = bob.link.clone();
    drop((bob.client, bob.map));
    assert!(watch.next().await.is_none());
    assert!(matches!(*status.borrow_and_update(), Status::Stopped { .. }));
    let before = (attempts.attempts(), Instant::now());
    settle().await;
    assert_eq!(attempts.attempts(), before.0);
}

#[tokio::test]
async fn one_process_has_a_store_at_a_time_and_it_can_be_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Client::open(dir.path(), "ws://127.0.0.1:9", "token", Settings::default());
    let client = open().unwrap();
    let error = open().expect_err("it is open");
    assert!(matches!(&error, StartError::Store(syncline_engine::Error::Locked { .. })), "{error}");
    client.map(MAP).await.unwrap().put("a", "1").unwrap();
    client.shutdown().await.unwrap();
    let client = open().unwrap();
    assert!(client.map(MAP).await.unwrap().get("a").unwrap().is_some());
}
