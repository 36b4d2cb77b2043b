//! Writes that the server refuses, and writes that are refused here.

use syncline_client::maps::{Cause, ErrorCode, OpenError, Rejected, WriteError};

use super::{sync::op, *};

#[tokio::test(start_paused = true)]
async fn a_refused_write_is_told_and_taken_back() {
    let server = FakeServer::default();
    server.write(op("theirs", "1", "5:0:other"));
    let alice = Device::new(&server, 1).await;
    alice.synced().await;
    for key in ["theirs", "new"] {
        server.refuse_key(key, ErrorCode::PermissionDenied);
        let mut watch = alice.map.watch();
        alice.put(key, "mine");
        alice.put(&format!("{key} allowed"), "1");
        let (mut told, mut back) = (None, None);
        while told.is_none() || back.is_none() {
            match watch.next().await.unwrap() {
                Event::Rejected(rejected) => told = Some(rejected),
                Event::Changed(change) if change.cause == Cause::Reverted => back = Some(change),
                _ => {}
            }
        }
        let Rejected { value, code, .. } = told.unwrap();
        assert_eq!((value.as_deref(), code), (Some(&b"mine"[..]), ErrorCode::PermissionDenied));
        assert_eq!(back.unwrap().old.as_deref(), Some(&b"mine"[..]));
    }
    alice.synced().await;
    assert_eq!(alice.values(), server.values());
    assert_eq!(alice.get("theirs").as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_clock_far_ahead_is_found_out_and_the_writes_arrive_all_the_same() {
    let server = FakeServer::default();
    let hands = Hands::at(fake::NOW + 600_000);
    let alice = Device::offline(&server, &SimDisk::new(1), hands.settings()).await;
    alice.put("a", "1");
    alice.put("b", "1");
    alice.online();
    alice.synced().await;
    assert_eq!(server.values(), alice.values());
    let stamp = server.record("a").unwrap().hlc;
    assert!(stamp.millis <= fake::NOW + 60_000, "{stamp}");
    alice.put("c", "1");
    alice.saved().await;
    assert!(server.record("c").unwrap().hlc > stamp);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_not_written() {
    let server = FakeServer::default();
    let mut few = settings();
    few.pending_keys_max = 2;
    few.maps_max = 1;
    let alice = Device::offline(&server, &SimDisk::new(1), few).await;
    let long = "k".repeat(1025);
    assert!(matches!(alice.map.put("", "1"), Err(WriteError::Key { bytes: 0, .. })));
    assert!(matches!(alice.map.remove(&long), Err(WriteError::Key { bytes: 1025, .. })));
    let large = vec![0; (256 << 10) + 1];
    assert!(matches!(alice.map.put("a", large), Err(WriteError::Value { .. })));
    assert!(alice.values().is_empty());
    alice.put("a", "1");
    alice.put("b", "1");
    assert!(matches!(alice.map.put("c", "1"), Err(WriteError::Full { keys_max: 2 })));
    alice.put("a", "2");
    assert!(matches!(alice.client.map("no spaces").await, Err(OpenError::Name)));
    assert!(matches!(alice.client.map("other").await, Err(OpenError::TooMany { maps_max: 1 })));
}
