//! Bounds: of the queue, of a key, of an operation, of the workspace in memory.

use std::task::Poll;

use syncline_client::workspace::SetError;

use super::*;

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// A client that is offline.
async fn start_offline(server: &FakeServer, settings: Settings) -> (Client, Link) {
    let (client, link) = start(server, settings);
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&client).await;
    (client, link)
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_makes_the_next_key_wait_but_not_one_that_waits_already() {
    let server = FakeServer::default();
    let mut small = settings();
    small.pending_keys_max = 2;
    let (alice, link) = start_offline(&server, small).await;
    alice.set("a", &1).await.unwrap();
    alice.set("b", &1).await.unwrap();
    alice.set("a", &2).await.unwrap();
    let mut third = std::pin::pin!(alice.set("c", &1));
    assert!(poll_once(third.as_mut()).await.is_pending());
    assert_eq!(alice.get::<i32>("c").unwrap(), None);
    link.refuse(None);
    third.await.unwrap();
    alice.saved().await.unwrap();
    assert_eq!(server.values().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_bytes_that_wait_are_bounded_too() {
    let server = FakeServer::default();
    let mut small = settings();
    small.pending_bytes_max = 1000;
    let (alice, link) = start_offline(&server, small).await;
    alice.set("a", &"x".repeat(700)).await.unwrap();
    let long = "y".repeat(300);
    let mut second = std::pin::pin!(alice.set("b", &long));
    assert!(poll_once(second.as_mut()).await.is_pending());
    link.refuse(None);
    second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_sent_is_refused_at_once() {
    let server = FakeServer::default();
    let mut small = settings();
    small.operation_bytes_max = 1000;
    small.key_bytes_max = 10;
    let (alice, _) = start(&server, small);
    let refused = alice.set("k", &"x".repeat(1000)).await;
    assert!(matches!(refused, Err(SetError::TooLarge { bytes_max: 1000, .. })), "{refused:?}");
    for key in ["", "12345678901"] {
        let refused = alice.set(key, &1).await;
        assert!(matches!(refused, Err(SetError::Key { bytes_max: 10, .. })), "{refused:?}");
    }
    let no_json = BTreeMap::from([(vec![1], 1)]);
    assert!(matches!(alice.set("k", &no_json).await, Err(SetError::Json(_))));
    assert_eq!(alice.status().borrow().pending, 0);
    alice.set("k", &1).await.unwrap();
    alice.saved().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_workspace_that_is_too_large_is_not_read() {
    let server = FakeServer::default();
    server.set("a", "1", 1);
    let mut small = settings();
    small.cache_bytes_max = 200;
    let (alice, _) = start(&server, small.clone());
    synced(&alice).await;
    for key in ["b", "c", "d"] {
        server.set(key, "1", 1);
    }
    for client in [alice, start(&server, small).0] {
        let link = until(&client, |link| matches!(link, LinkStatus::Offline { .. })).await;
        let LinkStatus::Offline { error, .. } = link else { unreachable!("it was awaited") };
        assert!(matches!(error, ConnectionError::Violation(_)), "{error:?}");
        assert!(client.keys().len() <= 4);
    }
}
