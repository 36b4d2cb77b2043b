//! What clients write reaches the server and each other.

use syncline_protocol::dialects::maps::proto::OperationMessage;

use super::*;

pub(crate) fn op(key: &str, value: &str, timestamp: &str) -> OperationMessage {
    OperationMessage {
        map_name: MAP.into(),
        key: key.into(),
        value: value.to_owned().into(),
        timestamp: timestamp.into(),
        ..OperationMessage::default()
    }
}

#[tokio::test(start_paused = true)]
async fn two_clients_converge() {
    let server = FakeServer::default();
    let (alice, bob) = (Device::new(&server, 1).await, Device::new(&server, 2).await);
    alice.put("milk", "2 l");
    bob.put("bread", "1");
    alice.shows("bread", Some("1")).await;
    bob.shows("milk", Some("2 l")).await;
    bob.map.remove("milk").unwrap();
    alice.shows("milk", None).await;
    for device in [&alice, &bob] {
        device.synced().await;
        assert_eq!(device.values(), server.values());
        assert_eq!(*device.client.status().borrow(), Status::Saved);
    }
    assert_ne!(alice.client.node(), bob.client.node());
}

#[tokio::test(start_paused = true)]
async fn what_was_written_offline_goes_out_in_one_push_with_the_newest_of_each_key() {
    let server = FakeServer::default();
    server.write(op("theirs", "1", "5:0:other"));
    let alice = Device::offline(&server, &SimDisk::new(1), settings()).await;
    for round in 0..100 {
        for key in ["a", "b", "c"] {
            alice.put(key, &round.to_string());
        }
    }
    let status = alice
        .until(|status| matches!(status, Status::Offline { pending: 3, retry_in: Some(_), .. }))
        .await;
    assert_eq!(status.to_string(), "offline (3 wait)");
    assert_eq!(alice.get("a").as_deref(), Some("99"));
    alice.online();
    alice.synced().await;
    assert_eq!(server.pushes(), [3]);
    assert_eq!(alice.values(), server.values());
    assert_eq!(alice.get("theirs").as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn many_writes_at_once_are_one_push_and_one_on_an_idle_line_goes_at_once() {
    let server = FakeServer::default();
    let alice = Device::new(&server, 1).await;
    alice.synced().await;
    settle().await;
    let began = tokio::time::Instant::now();
    alice.put("first", "1");
    alice.saved().await;
    assert_eq!((server.pushes(), began.elapsed()), (vec![1], Duration::ZERO));
    for at in 0..500 {
        alice.put(&format!("key {}", at % 250), "1");
    }
    alice.saved().await;
    assert_eq!(server.pushes(), [1, 250]);
}

#[tokio::test(start_paused = true)]
async fn the_status_comes_from_acknowledgements() {
    let server = FakeServer::default();
    server.hold_acks(true);
    let alice = Device::new(&server, 1).await;
    alice.until(|status| *status == Status::Saved).await;
    alice.put("a", "1");
    alice.put("b", "1");
    settle().await;
    assert_eq!(server.values().len(), 2, "the server has them");
    // It shows them as well, but this client does not wait for that: the connection is cut.
    server.hold_acks(false);
    alice.link.cut();
    alice.saved().await;
    alice.until(|status| *status == Status::Saved).await;
    alice.link.refuse(Some(ConnectionError::TimedOut));
    alice.link.cut();
    alice.put("c", "1");
    alice.until(|status| status.pending() == 1 && !status.is_online()).await;
}

#[tokio::test(start_paused = true)]
async fn several_maps_share_one_connection_and_the_same_map_is_one() {
    let server = FakeServer::default();
    let alice = Device::new(&server, 1).await;
    let other = alice.client.map("other").await.unwrap();
    let again = alice.client.map(MAP).await.unwrap();
    alice.put("a", "1");
    other.put("a", "2").unwrap();
    assert_eq!(again.get("a").unwrap().as_deref(), Some(&b"1"[..]));
    alice.synced().await;
    assert_eq!((alice.link.attempts(), server.values().len()), (1, 1));
    alice.client.close("other").await;
    assert!(other.put("b", "1").is_err() && other.get("a").unwrap().is_some());
    let other = alice.client.map("other").await.unwrap();
    other.put("b", "1").unwrap();
    alice.synced().await;
}

#[tokio::test(start_paused = true)]
async fn a_life_is_over_on_every_client_alike() {
    let server = FakeServer::default();
    let hands = Hands::at(fake::NOW);
    let alice = Device::open(&server, &SimDisk::new(1), hands.settings()).await;
    let bob = Device::open(&server, &SimDisk::new(2), hands.settings()).await;
    let mut watch = bob.map.watch();
    alice.map.put_with_ttl("a", "1", Duration::from_secs(5)).unwrap();
    assert_eq!(next_change(&mut watch).await.new.as_deref(), Some(&b"1"[..]));
    hands.set(fake::NOW + 5001);
    let gone = next_change(&mut watch).await;
    assert_eq!((gone.new, gone.cause), (None, syncline_client::maps::Cause::Expired));
    assert_eq!((alice.get("a"), bob.get("a")), (None, None));
}
