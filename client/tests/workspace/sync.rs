//! What two applications see: the same values, whatever happens on the way.

use serde::{Deserialize, Serialize};

use super::*;

#[tokio::test(start_paused = true)]
async fn what_one_sets_the_other_gets_and_it_is_saved() {
    let server = FakeServer::default();
    let (alice, _) = start(&server, settings());
    let (bob, _) = start(&server, settings());
    synced(&alice).await;
    synced(&bob).await;
    alice.set("title", "a plan").await.unwrap();
    assert_eq!(alice.get::<String>("title").unwrap().as_deref(), Some("a plan"), "at once");
    shows(&bob, "title", "\"a plan\"").await;
    assert_eq!(alice.status().borrow().pending, 1);
    alice.saved().await.unwrap();
    assert_eq!(alice.status().borrow().pending, 0);
    assert_eq!(server.entries()["title"].0, "\"a plan\"");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shape {
    points: Vec<(i32, i32)>,
    color: Option<String>,
}

#[tokio::test(start_paused = true)]
async fn typed_values_and_every_kind_of_json_arrive_as_they_were_written() {
    let server = FakeServer::default();
    let (alice, _) = start(&server, settings());
    let (bob, _) = start(&server, settings());
    let shape = Shape { points: vec![(1, -2)], color: None };
    alice.set("shape", &shape).await.unwrap();
    for (at, text) in
        ["null", "{}", "[]", "12345678901234567890", "\"\\u0000 🦀\"", "{ \"b\":1,\"a\":2.50 }"]
            .into_iter()
            .enumerate()
    {
        let value = syncline_client::workspace::Json::from_text(text).unwrap();
        alice.set_json(&format!("{at}"), value).await.unwrap();
    }
    alice.saved().await.unwrap();
    settle().await;
    assert_eq!(bob.get::<Shape>("shape").unwrap(), Some(shape));
    assert_eq!(values(&bob), server.values());
    assert_eq!(values(&bob), values(&alice));
    assert!(bob.get::<Shape>("0").is_err(), "null is no shape");
    assert_eq!(bob.get::<Shape>("nothing").unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_gets_the_workspace() {
    let server = FakeServer::default();
    server.set("a", "1", 1);
    server.set("b", "[2]", 1);
    let (late, _) = start(&server, settings());
    assert!(late.keys().is_empty());
    synced(&late).await;
    assert_eq!(values(&late), server.values());
}

#[tokio::test(start_paused = true)]
async fn what_is_set_offline_shows_at_once_and_goes_out_after_the_reconnect() {
    let server = FakeServer::default();
    let (alice, link) = start(&server, settings());
    let (bob, _) = start(&server, settings());
    synced(&alice).await;
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    for count in 0..50 {
        alice.set("count", &count).await.unwrap();
    }
    alice.set("other", "too").await.unwrap();
    assert_eq!(alice.get::<i32>("count").unwrap(), Some(49));
    assert_eq!(alice.status().borrow().pending, 2, "only the newest of a key waits");
    bob.set("theirs", &true).await.unwrap();
    link.refuse(None);
    synced(&alice).await;
    alice.saved().await.unwrap();
    settle().await;
    assert_eq!(values(&alice), server.values());
    assert_eq!(values(&bob), server.values());
    assert_eq!(server.entries()["count"].0, "49");
    assert!(server.operations() <= 2 * 3, "each once, and once to ask: {}", server.operations());
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_asked_for_together() {
    let server = FakeServer::default();
    let (alice, _) = start(&server, settings());
    synced(&alice).await;
    for number in 0..100 {
        alice.set(&format!("{number}"), &number).await.unwrap();
    }
    alice.saved().await.unwrap();
    assert_eq!(server.operations(), 101, "one question for all of them");
}

#[tokio::test(start_paused = true)]
async fn saved_is_a_promise_that_a_crash_of_the_server_does_not_break() {
    let server = FakeServer::default();
    let (alice, _) = start(&server, settings());
    synced(&alice).await;
    server.turns_take(Duration::from_secs(3600));
    alice.set("a", &1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(server.operations(), 2, "it was sent, and asked for");
    assert_eq!(alice.status().borrow().pending, 1, "but it is not durable");
    server.turns_take(Duration::from_millis(1));
    server.crash();
    alice.saved().await.unwrap();
    assert_eq!(server.entries()["a"].0, "1");
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_on_the_way_is_sent_again() {
    let server = FakeServer::default();
    let (alice, link) = start(&server, settings());
    synced(&alice).await;
    link.take(Duration::from_secs(3));
    alice.set("a", "lost").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    link.take(Duration::ZERO);
    link.cut();
    alice.saved().await.unwrap();
    assert_eq!(server.entries()["a"].0, "\"lost\"");
}

#[tokio::test(start_paused = true)]
async fn a_watch_brings_the_newest_value_of_each_key_once() {
    let server = FakeServer::default();
    server.set("a", "1", 1);
    let (alice, _) = start(&server, settings());
    synced(&alice).await;
    let (mut all, mut only_b) = (alice.watch(), alice.watch_key("b"));
    let first = next_change(&mut all).await;
    assert_eq!((&*first.key, first.to::<i32>().unwrap(), first.pending), ("a", Some(1), false));
    for number in 0..10 {
        alice.set("b", &number).await.unwrap();
        server.set("a", &format!("{}", number + 2), 2 + number);
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    for _ in 0..2 {
        let change = next_change(&mut all).await;
        let expected = if &*change.key == "a" { (11, false) } else { (9, true) };
        assert_eq!((change.to::<i64>().unwrap().unwrap(), change.pending), expected);
    }
    assert_eq!(next_change(&mut only_b).await.to::<i32>().unwrap(), Some(9));
    alice.shutdown().await;
    assert!(all.next().await.is_none());
    assert!(only_b.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_stays_pending_until_it_is_given_up() {
    let server = FakeServer::default();
    server.set("a", "1", 1);
    let (alice, _) = start(&server, settings());
    synced(&alice).await;
    let mut watch = alice.watch_key("a");
    next_change(&mut watch).await;
    server.refuse_operations(Some("permission_denied"));
    alice.set("a", &2).await.unwrap();
    let mut told = false;
    for _ in 0..2 {
        match watch.next().await {
            Some(Event::Refused(reason)) => told = &*reason == "permission_denied",
            Some(Event::Changed(change)) => assert_eq!(change.to::<i32>().unwrap(), Some(2)),
            other => panic!("{other:?}"),
        }
    }
    assert!(told);
    settle().await;
    assert_eq!(alice.status().borrow().pending, 1);
    assert!(alice.discard("a"));
    assert!(!alice.discard("a"));
    shows(&alice, "a", "1").await;
    settle().await;
    assert_eq!(values(&alice), server.values());
    assert_eq!(*alice.status().borrow(), {
        let mut status = alice.status().borrow().clone();
        (status.link, status.pending) = (LinkStatus::Synced, 0);
        status
    });
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_given_up_after_it_arrived_is_the_servers() {
    let server = FakeServer::default();
    let (alice, link) = start(&server, settings());
    synced(&alice).await;
    link.take(Duration::from_millis(10));
    alice.set("a", &1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(server.values().len(), 1);
    assert!(alice.discard("a"));
    settle().await;
    assert_eq!(values(&alice), server.values(), "it is made sure what the server has");
}
