//! Timestamps: what a client sets wins over what it saw, whatever its clock says.

use super::*;

fn with(hands: &Hands) -> Settings {
    let mut settings = settings();
    settings.clock = hands.clock();
    settings
}

#[tokio::test(start_paused = true)]
async fn stamps_ascend_even_when_the_clock_jumps_back() {
    let server = FakeServer::default();
    let hands = Hands::at(1_000_000);
    let (alice, _) = start(&server, with(&hands));
    let first = alice.set("a", &1).await.unwrap();
    assert_eq!(first, 1_000_000);
    hands.set(5);
    let second = alice.set("b", &2).await.unwrap();
    let third = alice.set("a", &3).await.unwrap();
    assert!(first < second && second < third);
    hands.set(2_000_000);
    assert_eq!(alice.set("a", &4).await.unwrap(), 2_000_000);
}

#[tokio::test(start_paused = true)]
async fn an_own_value_wins_over_one_from_the_future_that_was_seen() {
    let server = FakeServer::default();
    let (alice, _) = start(&server, settings());
    synced(&alice).await;
    server.set("a", "\"future\"", 1 << 50);
    shows(&alice, "a", "\"future\"").await;
    assert_eq!(alice.set("a", "mine").await.unwrap(), (1 << 50) + 1);
    assert_eq!(alice.set("b", "mine").await.unwrap(), 1000, "other keys keep their time");
    alice.saved().await.unwrap();
    assert_eq!(server.entries()["a"], ("\"mine\"".into(), (1 << 50) + 1));
}

#[tokio::test(start_paused = true)]
async fn an_own_value_wins_over_one_whose_stamp_the_first_message_did_not_say() {
    let server = FakeServer::default();
    server.set("a", "\"future\"", 1 << 50);
    server.set("b", "\"past\"", 10);
    let (alice, _) = start(&server, settings());
    synced(&alice).await;
    alice.set("b", "mine").await.unwrap();
    alice.set("a", "mine").await.unwrap();
    alice.set("c", "mine").await.unwrap();
    let mut watch = alice.watch_key("a");
    alice.saved().await.unwrap();
    assert_eq!(server.entries()["a"], ("\"mine\"".into(), (1 << 50) + 1));
    assert_eq!(server.entries()["b"].0, "\"mine\"");
    assert_eq!(next_change(&mut watch).await.to::<String>().unwrap().unwrap(), "mine");
    let looked = tokio::time::timeout(Duration::from_secs(1), watch.next()).await;
    assert!(looked.is_err(), "it never stopped showing: {looked:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_set_without_seeing_a_newer_value_loses_against_it() {
    let server = FakeServer::default();
    server.set("a", "\"old\"", 1);
    let (alice, link) = start(&server, settings());
    synced(&alice).await;
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    alice.set("a", "mine").await.unwrap();
    server.set("a", "\"newer\"", 2000);
    link.refuse(None);
    alice.saved().await.unwrap();
    settle().await;
    assert_eq!(server.entries()["a"], ("\"newer\"".into(), 2000));
    assert_eq!(values(&alice), server.values());
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_time_it_settles_too() {
    let server = FakeServer::default();
    let (alice, _) = start(&server, settings());
    synced(&alice).await;
    server.set("a", "1", i64::MAX);
    shows(&alice, "a", "1").await;
    assert_eq!(alice.set("a", &2).await.unwrap(), i64::MAX);
    alice.saved().await.unwrap();
    settle().await;
    assert_eq!(server.entries()["a"], ("2".into(), i64::MAX), "the later arrival wins");
    assert_eq!(values(&alice), server.values());
    server.set("b", "1", i64::MIN);
    alice.set("b", &2).await.unwrap();
    alice.saved().await.unwrap();
    assert_eq!(server.entries()["b"], ("2".into(), 1000));
}
