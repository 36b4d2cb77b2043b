//! Bounds: of the outbox, of a change, of what waits for the application.

use std::task::Poll;

use syncline_client::relay::{Framing, SubmitError};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_full_outbox_makes_the_next_submit_wait() {
    let relay = FakeRelay::default();
    let mut small = settings();
    small.outbox_changes_max = 2;
    let (alice, _to_alice, link) = start(&relay, small);
    link.refuse(Some(ConnectionError::TimedOut));
    live_or_offline(&alice).await;
    link.cut();
    offline(&alice).await;
    let _first = alice.submit(b"1").await.unwrap();
    let _second = alice.submit(b"2").await.unwrap();
    let mut third = std::pin::pin!(alice.submit(b"3"));
    assert!(poll_once(third.as_mut()).await.is_pending());
    assert_eq!(alice.unsaved(), 2);
    link.refuse(None);
    third.await.unwrap().await.unwrap();
    assert_eq!(relay.changes(), 3);
}

async fn live_or_offline(client: &Client) {
    until(client, |s| matches!(s, Status::Live { .. } | Status::Offline { .. })).await;
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_the_outbox_are_bounded_too() {
    let relay = FakeRelay::default();
    let mut small = settings();
    small.outbox_bytes_max = 300;
    let (alice, _to_alice, link) = start(&relay, small);
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    let _first = alice.submit(&[0; 200]).await.unwrap();
    let mut second = std::pin::pin!(alice.submit(&[0; 200]));
    assert!(poll_once(second.as_mut()).await.is_pending());
    link.refuse(None);
    second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_that_can_never_be_sent_is_refused_at_once() {
    let relay = FakeRelay::default();
    for framing in [Framing::Binary, Framing::Json] {
        let mut small = settings();
        small.message_bytes_max = 1000;
        small.framing = framing;
        let (alice, _to_alice, _) = start(&relay, small);
        let refused = alice.submit(&[7; 1000]).await;
        assert!(matches!(refused, Err(SubmitError::TooLarge { bytes_max: 1000, .. })));
        alice.submit(&[7; 100]).await.unwrap().await.unwrap();
    }
    let mut small = settings();
    small.outbox_bytes_max = 1000;
    let (alice, _to_alice, _) = start(&relay, small);
    assert!(matches!(alice.submit(&[7; 1000]).await, Err(SubmitError::TooLarge { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_read_is_not_read_for() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, _) = start(&relay, settings());
    let mut small = settings();
    small.queue_changes_max = 4;
    small.queue_bytes_max = 100;
    let (bob, mut to_bob, link) = start(&relay, small);
    live(&bob).await;
    for number in 0..40_u8 {
        // From the tenth on, one body alone is more than the bytes that may wait.
        let body = vec![number; if number < 10 { 1 } else { 150 }];
        alice.submit(&body).await.unwrap();
    }
    alice.saved().await.unwrap();
    for number in 0..40_u8 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Beside what waits, one change is in the client's hand.
        let taken = 40 - link.unread() - usize::from(number);
        assert!(taken <= if number < 10 { 5 } else { 2 }, "{taken} taken at {number}");
        let Some(Event::Change(change)) = to_bob.next().await else { panic!("not a change") };
        assert_eq!(change.body[0], number);
        assert_eq!(change.sequence, u64::from(number) + 1);
    }
}
