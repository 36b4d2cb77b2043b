//! Connecting, waiting, giving up on a silent server, stopping.

use syncline_client::relay::{StartError, Stopped, SubmitError};
use tokio::time::Instant;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn about(wait: Duration, seconds: u32) -> bool {
    wait >= seconds * SECOND && wait <= seconds * SECOND * 6 / 5
}

#[tokio::test(start_paused = true)]
async fn it_waits_longer_after_each_failure_and_starts_again_after_a_success() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, link) = start(&relay, settings());
    link.refuse(Some(ConnectionError::Refused { status: 503 }));
    let began = Instant::now();
    for (attempt, seconds) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        let attempts = attempt + 1;
        while link.attempts() < attempts {
            tokio::time::sleep(SECOND / 100).await;
        }
        let wait = offline(&alice).await;
        assert!(about(wait, seconds), "{wait:?} after attempt {attempts}");
    }
    assert!(began.elapsed() >= 61 * SECOND);
    link.refuse(None);
    live(&alice).await;
    tokio::time::sleep(5 * SECOND).await;
    link.cut();
    assert!(about(offline(&alice).await, 1), "a connection that lasted is no failure");
}

#[tokio::test(start_paused = true)]
async fn an_application_that_knows_better_need_not_wait() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, link) = start(&relay, settings());
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    link.refuse(None);
    let began = Instant::now();
    alice.retry_now();
    live(&alice).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn it_resumes_after_what_it_has() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, _) = start(&relay, settings());
    let (bob, mut to_bob, link) = start(&relay, settings());
    for body in ["one", "two"] {
        alice.submit(body.as_bytes()).await.unwrap();
        next_body(&mut to_bob).await;
    }
    link.cut();
    offline(&bob).await;
    live(&bob).await;
    assert_eq!(relay.resumed_after(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_pinged_and_then_given_up() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, link) = start(&relay, settings());
    live(&alice).await;
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(link.pings(), 3, "every 30 s");
    assert_eq!(link.attempts(), 1, "and it answers");
    link.fall_silent();
    let status = until(&alice, |status| matches!(status, Status::Offline { .. })).await;
    assert!(matches!(status, Status::Offline { error: ConnectionError::TimedOut, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_what_was_not_sent_is_left() {
    let relay = FakeRelay::default();
    let (alice, _to_alice, link) = start(&relay, settings());
    live(&alice).await;
    link.say_accepted(77);
    let status = until(&alice, |status| matches!(status, Status::Offline { .. })).await;
    let Status::Offline { error, .. } = status else { unreachable!("it was awaited") };
    assert!(matches!(error, ConnectionError::Violation(_)));
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_everything_that_waits() {
    let relay = FakeRelay::default();
    let mut small = settings();
    small.outbox_changes_max = 1;
    let (alice, mut to_alice, link) = start(&relay, small);
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    let receipt = alice.submit(b"unsaved").await.unwrap();
    let waiting = tokio::spawn({
        let alice = alice.clone();
        async move { alice.submit(b"no room").await.map(drop) }
    });
    let saved = tokio::spawn({
        let alice = alice.clone();
        async move { alice.saved().await }
    });
    tokio::time::sleep(SECOND / 10).await;
    alice.clone().shutdown().await;
    assert_eq!(receipt.await, Err(Stopped));
    assert!(matches!(waiting.await.unwrap(), Err(SubmitError::Stopped(_))));
    assert_eq!(saved.await.unwrap(), Err(Stopped));
    assert!(matches!(alice.submit(b"late").await, Err(SubmitError::Stopped(_))));
    assert!(to_alice.next().await.is_none());
    assert_eq!(*alice.status().borrow(), Status::Stopped);
    alice.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_changes_ends_the_client() {
    let relay = FakeRelay::default();
    let (alice, to_alice, _) = start(&relay, settings());
    live(&alice).await;
    drop(to_alice);
    until(&alice, |status| *status == Status::Stopped).await;
}

#[test]
fn without_a_runtime_no_client_starts() {
    let link = FakeRelay::default().link();
    let started = Client::start(link, &secret(), settings(), InMemory);
    assert!(matches!(started, Err(StartError::NoRuntime)));
}

#[tokio::test]
async fn a_client_id_that_no_server_takes_is_refused_at_the_start() {
    let mut nameless = settings();
    nameless.client_id = Some(String::new());
    let started = Client::start(FakeRelay::default().link(), &secret(), nameless, InMemory);
    assert!(matches!(started, Err(StartError::ClientId(_))));
}
