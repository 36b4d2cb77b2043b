//! What two applications see: every change once, whatever happens on the way.

use syncline_client::relay::{Event, Form, Framing, OpenError, Sealer, Secret, Status};

use super::*;

#[tokio::test(start_paused = true)]
async fn what_one_submits_the_other_sees_and_both_know_it_is_saved() {
    let relay = FakeRelay::default();
    let (alice, mut to_alice, _) = start(&relay, settings());
    let (bob, mut to_bob, _) = start(&relay, settings());
    live(&alice).await;
    live(&bob).await;
    let first = alice.submit(b"from alice").await.unwrap();
    assert_eq!(first.await.unwrap().sequence, Some(1));
    let second = bob.submit(b"from bob").await.unwrap();
    assert_eq!(second.await.unwrap().sequence, Some(2));
    assert_eq!(next_body(&mut to_bob).await, "from alice");
    assert_eq!(next_body(&mut to_alice).await, "from bob");
    assert_eq!(
        until(&alice, |s| *s == Status::Live { unsaved: 0 }).await.clone(),
        Status::Live { unsaved: 0 }
    );
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_gets_the_history_in_order() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, _) = start(&relay, settings());
    for number in 0..50 {
        alice.submit(format!("{number}").as_bytes()).await.unwrap();
    }
    alice.saved().await.unwrap();
    let (_bob, mut to_bob, _) = start(&relay, settings());
    for number in 0..50 {
        assert_eq!(next_body(&mut to_bob).await, format!("{number}"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_submitted_offline_goes_out_after_the_reconnect() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, link) = start(&relay, settings());
    let (_bob, mut to_bob, _) = start(&relay, settings());
    live(&alice).await;
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    let receipt = alice.submit(b"on the train").await.unwrap();
    assert_eq!(alice.unsaved(), 1);
    link.refuse(None);
    assert_eq!(receipt.await.unwrap().sequence, Some(1));
    assert_eq!(next_body(&mut to_bob).await, "on the train");
    assert_eq!(alice.unsaved(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_had_already_is_not_sent_again() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, link) = start(&relay, settings());
    live(&alice).await;
    link.swallow_acks(true);
    let receipt = alice.submit(b"once").await.unwrap();
    while relay.changes() == 0 {
        tokio::task::yield_now().await;
    }
    link.swallow_acks(false);
    link.cut();
    assert_eq!(receipt.await.unwrap().sequence, Some(1), "the history says that it is there");
    live(&alice).await;
    assert_eq!(relay.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_on_the_way_is_sent_again() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, link) = start(&relay, settings());
    live(&alice).await;
    link.lose_what_is_sent(true);
    let receipt = alice.submit(b"lost").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((relay.changes(), alice.unsaved()), (0, 1));
    link.lose_what_is_sent(false);
    link.cut();
    assert_eq!(receipt.await.unwrap().sequence, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_stored_twice_is_seen_once() {
    let relay = FakeRelay::default();
    let mut json = settings();
    json.framing = Framing::Json;
    let (alice, mut to_alice, link) = start(&relay, json);
    let (_bob, mut to_bob, _) = start(&relay, settings());
    live(&alice).await;
    link.swallow_acks(true);
    alice.submit(b"twice").await.unwrap();
    while relay.changes() == 0 {
        tokio::task::yield_now().await;
    }
    link.swallow_acks(false);
    link.cut();
    while relay.changes() == 1 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    relay.store("mallory", &relay.payload(1));
    assert_eq!(relay.changes(), 3);
    alice.saved().await.unwrap();
    alice.submit(b"then").await.unwrap();
    assert_eq!(next_body(&mut to_bob).await, "twice");
    assert_eq!(next_body(&mut to_bob).await, "then");
    relay.store("carol", &Sealer::new(&secret(), Form::Original).seal(b"new").unwrap());
    assert_eq!(next_body(&mut to_alice).await, "new", "and nobody gets back what he made");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_open_is_told_and_passed_over() {
    let relay = FakeRelay::default();
    let stranger = Sealer::new(&Secret::new([1; 32]), Form::Compact);
    relay.store("stranger", &stranger.seal(b"hello").unwrap());
    relay.store("stranger", b"junk");
    let (alice, _to_alice, _) = start(&relay, settings());
    let (_bob, mut to_bob, _) = start(&relay, settings());
    alice.submit(b"still here").await.unwrap();
    for (expected, reason) in [(1, OpenError::Unauthentic), (2, OpenError::Malformed)] {
        let Some(Event::Unopened { sequence, source, error }) = to_bob.next().await else {
            panic!("it does not open")
        };
        assert_eq!((sequence, source.as_str(), error), (expected, "stranger", reason));
    }
    assert_eq!(next_body(&mut to_bob).await, "still here");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_lost_its_history_does_not_silence_anyone() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, to_relay) = start(&relay, settings());
    let (bob, mut to_bob, from_relay) = start(&relay, settings());
    for body in ["one", "two", "three"] {
        alice.submit(body.as_bytes()).await.unwrap();
        assert_eq!(next_body(&mut to_bob).await, body);
    }
    relay.forget();
    to_relay.cut();
    from_relay.cut();
    alice.submit(b"four").await.unwrap();
    assert!(matches!(to_bob.next().await, Some(Event::Rewound)));
    assert_eq!(next_body(&mut to_bob).await, "four");
    live(&bob).await;
}
