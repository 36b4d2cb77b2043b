//! What survives ends, kills and power cuts.

use super::{sync::op, *};

#[tokio::test(start_paused = true)]
async fn a_restarted_client_shows_what_it_had_and_sends_what_waits() {
    let (server, disk) = (FakeServer::default(), SimDisk::new(1));
    server.write(op("theirs", "1", "5:0:other"));
    let alice = Device::open(&server, &disk, settings()).await;
    alice.put("mine", "1");
    alice.synced().await;
    let node = alice.client.node();
    alice.link.refuse(Some(ConnectionError::TimedOut));
    alice.link.cut();
    alice.put("waits", "1");
    let shown = alice.values();
    alice.shutdown().await;

    let alice = Device::offline(&server, &disk, settings()).await;
    assert_eq!((alice.values(), alice.client.node()), (shown, node));
    assert_eq!(alice.client.status().borrow().pending(), 1);
    alice.online();
    alice.synced().await;
    assert_eq!(server.pushes(), [1, 1], "what was saved is not sent again");
    assert_eq!(server.values(), alice.values());
}

#[tokio::test(start_paused = true)]
async fn what_is_durable_survives_a_power_cut_and_is_stamped_above_afterwards() {
    let (server, disk) = (FakeServer::default(), SimDisk::new(1));
    let alice = Device::offline(&server, &disk, settings()).await;
    let receipt = alice.map.put("a", "1").unwrap();
    let first = receipt.timestamp().to_owned();
    receipt.durable().await.unwrap();
    let after = disk.after_power_cut(7);
    drop(alice);

    let hands = Hands::at(3);
    let alice = Device::open(&server, &after, hands.settings()).await;
    assert_eq!(alice.get("a").as_deref(), Some("1"));
    let second = alice.map.put("b", "1").unwrap().timestamp().to_owned();
    let millis = |stamp: &str| stamp.split(':').next().unwrap().parse::<u64>().unwrap();
    assert!(millis(&second) > millis(&first), "{second} after {first}");
    alice.synced().await;
    assert_eq!(server.values(), alice.values());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_it_is_durable() {
    let (server, disk) = (FakeServer::default(), SimDisk::new(1));
    let alice = Device::open(&server, &disk, settings()).await;
    alice.synced().await;
    disk.stop_after(0);
    let mut watch = alice.map.watch();
    alice.put("a", "1");
    assert!(matches!(watch.next().await, Some(Event::Changed(_))), "it shows");
    assert!(matches!(watch.next().await, Some(Event::StateFailed(_))));
    settle().await;
    assert!(server.pushes().is_empty());
    assert!(alice.map.put("b", "1").is_err(), "the store takes no more");
}

#[tokio::test(start_paused = true)]
async fn a_write_becomes_durable_by_itself() {
    let (server, disk) = (FakeServer::default(), SimDisk::new(1));
    let alice = Device::offline(&server, &disk, settings()).await;
    alice.put("a", "1");
    let position = alice.store.appended();
    while alice.store.durable() < position {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_point_of_a_conversation_loses_nothing_that_was_durable() {
    let whole = conversation(None).await;
    for step in 0..whole {
        conversation(Some(step)).await;
    }
}

/// Writes and hears, is killed after so many steps of the disk, starts again and converges. Returns
/// how many steps the disk took.
async fn conversation(kill_after: Option<u64>) -> u64 {
    let (server, disk) = (FakeServer::default(), SimDisk::new(kill_after.unwrap_or(0)));
    if let Some(steps) = kill_after {
        disk.stop_after(steps);
    }
    let durable = talk(&server, &disk).await.unwrap_or_default();
    let steps = disk.steps();
    let after = disk.after_power_cut(kill_after.unwrap_or(0));
    let alice = Device::open(&server, &after, settings()).await;
    alice.synced().await;
    let values = alice.values();
    assert_eq!(values, server.values(), "killed after {kill_after:?}");
    for key in durable {
        assert!(values.contains_key(&key), "{key} was durable, killed after {kill_after:?}");
    }
    alice.put("after", "1");
    alice.synced().await;
    steps
}

/// The keys that were durable when the disk failed, if it did; `None` if it did at the start.
async fn talk(server: &FakeServer, disk: &SimDisk) -> Option<Vec<String>> {
    let mut options = Options::default();
    options.segment_bytes = 64 << 10;
    options.reserve_bytes = 0;
    let store = Store::open_on(Arc::new(disk.clone()), options).ok()?;
    let client = Client::start(server.link(), &store, "good", settings()).ok()?;
    let map = client.map(MAP).await.ok()?;
    let mut durable = Vec::new();
    for round in 0..4 {
        let key = format!("own {round}");
        let Ok(receipt) = map.put(&key, "1") else { return Some(durable) };
        let theirs = format!("{}:{round}:other", fake::NOW + 1);
        server.write(op(&format!("theirs {round}"), "1", &theirs));
        server.write(op("fought over", &round.to_string(), &theirs));
        if receipt.durable().await.is_err() || map.put("fought over", "mine").is_err() {
            return Some(durable);
        }
        durable.push(key);
        // It may never be, once the disk has failed.
        let _ = timeout(Duration::from_secs(1), client.synced()).await;
    }
    Some(durable)
}
