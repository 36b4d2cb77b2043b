//! What the application is told of changes.

use futures_util::StreamExt;
use syncline_client::maps::Cause;

use super::{sync::op, *};

#[tokio::test(start_paused = true)]
async fn every_change_comes_with_what_was_there_and_who_overwrote_whom() {
    let server = FakeServer::default();
    let alice = Device::new(&server, 1).await;
    let mut watch = alice.map.watch();
    alice.put("a", "mine");
    let change = next_change(&mut watch).await;
    assert_eq!((change.old, change.cause, change.overwritten), (None, Cause::Local, false));
    alice.synced().await;
    server.write(op("a", "theirs", &format!("{}:0:other", fake::NOW + 1)));
    let change = next_change(&mut watch).await;
    assert_eq!(change.old.as_deref(), Some(&b"mine"[..]));
    assert_eq!(change.new.as_deref(), Some(&b"theirs"[..]));
    assert_eq!((change.cause, change.overwritten), (Cause::Remote, true));
    server.write(op("a", "again", &format!("{}:0:other", fake::NOW + 2)));
    assert!(!next_change(&mut watch).await.overwritten, "what was there was not ours");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_lost_while_it_waited_is_told_as_overwritten() {
    let server = FakeServer::default();
    let alice = Device::offline(&server, &SimDisk::new(1), settings()).await;
    alice.put("a", "mine");
    server.write(op("a", "theirs", &format!("{}:0:other", fake::NOW + 1)));
    let mut watch = alice.map.watch();
    alice.online();
    let change = next_change(&mut watch).await;
    assert!(change.overwritten && change.new.as_deref() == Some(b"theirs"));
    alice.synced().await;
    assert_eq!(alice.get("a").as_deref(), Some("theirs"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_not_read_says_what_it_let_go() {
    let server = FakeServer::default();
    let mut few = settings();
    few.watch_events_max = 10;
    let alice = Device::open(&server, &SimDisk::new(1), few).await;
    let (mut watch, mut prefixed) = (alice.map.watch(), alice.map.watch_prefix("b"));
    for at in 0..25 {
        alice.put(&format!("a{at}"), "1");
    }
    alice.put("b", "1");
    let Some(Event::Lagged { missed }) = watch.next().await else { panic!("it fell behind") };
    assert_eq!(missed, 22);
    assert_eq!(&*next_change(&mut watch).await.key, "a22");
    assert_eq!(&*next_change(&mut prefixed).await.key, "b");
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_all_maps_as_a_stream_ends_with_the_client() {
    let server = FakeServer::default();
    let alice = Device::new(&server, 1).await;
    let other = alice.client.map("other").await.unwrap();
    let stream = alice.client.watch().into_stream();
    alice.put("a", "1");
    other.put("b", "1").unwrap();
    alice.client.clone().shutdown().await.unwrap();
    let events: Vec<_> = stream.collect().await;
    assert_eq!(events.len(), 2);
    assert!(alice.map.put("c", "1").is_err(), "the client has ended");
    assert_eq!(alice.get("a").as_deref(), Some("1"), "what is there can be read");
}
