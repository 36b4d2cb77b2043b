//! What a client keeps between runs, as seen through the seam.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use syncline_client::relay::{ChangeId, Durable, Handled, Kept, StateError, SubmitError};

use super::*;

/// Keeps everything in memory that outlives the client; can be told to fail.
#[derive(Clone, Default)]
struct Device(Arc<Mutex<(Kept, bool)>>);

impl Device {
    fn fail(&self, fail: bool) {
        self.0.lock().unwrap().1 = fail;
    }

    fn keep(&self, change: impl FnOnce(&mut Kept)) -> Result<(), StateError> {
        let mut device = self.0.lock().unwrap();
        if device.1 {
            return Err(StateError::new("the disk is gone"));
        }
        change(&mut device.0);
        Ok(())
    }
}

impl State for Device {
    fn load(&mut self) -> Result<Kept, StateError> {
        self.keep(|_| ())?;
        Ok(self.0.lock().unwrap().0.clone())
    }

    fn submitted(&mut self, id: ChangeId, payload: &Bytes) -> Result<Option<Durable>, StateError> {
        self.keep(|kept| {
            kept.outbox.push((id, payload.clone()));
            kept.seen.insert(id, 0);
        })?;
        let device = self.clone();
        Ok(Some(Box::new(move || device.keep(|_| ()))))
    }

    fn saved(&mut self, id: ChangeId) -> Result<(), StateError> {
        self.keep(|kept| kept.outbox.retain(|(unsaved, _)| *unsaved != id))
    }

    fn handled(&mut self, handled: &Handled) -> Result<(), StateError> {
        self.keep(|kept| {
            kept.cursor = handled.cursor;
            for (id, sequence) in &handled.changes {
                kept.seen.insert(*id, *sequence);
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_run_leaves_the_next_one_sends() {
    let (relay, device) = (FakeRelay::default(), Device::default());
    let (alice, to_alice, link) = start_with(&relay, settings(), device.clone());
    link.refuse(Some(ConnectionError::TimedOut));
    link.cut();
    offline(&alice).await;
    alice.submit(b"written offline").await.unwrap();
    alice.shutdown().await;
    drop(to_alice);
    assert_eq!(relay.changes(), 0);

    let (alice, _to_alice, _) = start_with(&relay, settings(), device.clone());
    alice.saved().await.unwrap();
    assert_eq!(relay.changes(), 1);
    assert!(device.0.lock().unwrap().0.outbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_next_run_goes_on_after_what_was_handled() {
    let (relay, device) = (FakeRelay::default(), Device::default());
    let (alice, _to_alice, _) = start(&relay, settings());
    for body in ["one", "two", "three"] {
        alice.submit(body.as_bytes()).await.unwrap();
    }
    alice.saved().await.unwrap();
    let (bob, mut to_bob, _) = start_with(&relay, settings(), device.clone());
    assert_eq!(next_body(&mut to_bob).await, "one");
    assert_eq!(next_body(&mut to_bob).await, "two");
    bob.shutdown().await;
    drop(to_bob);

    let (bob, mut to_bob, _) = start_with(&relay, settings(), device.clone());
    assert_eq!(next_body(&mut to_bob).await, "two", "it was not handled when the run ended");
    assert_eq!(next_body(&mut to_bob).await, "three");
    to_bob.handled();
    bob.shutdown().await;

    let (bob, _to_bob, _) = start_with(&relay, settings(), device);
    live(&bob).await;
    assert_eq!(relay.resumed_after(), 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_back_what_he_made_in_an_earlier_run() {
    let (relay, device) = (FakeRelay::default(), Device::default());
    let (alice, to_alice, _) = start_with(&relay, settings(), device.clone());
    alice.submit(b"mine").await.unwrap().await.unwrap();
    alice.shutdown().await;
    drop(to_alice);

    let (alice, mut to_alice, _) = start_with(&relay, settings(), device);
    let (bob, _to_bob, _) = start(&relay, settings());
    live(&alice).await;
    bob.submit(b"not mine").await.unwrap();
    assert_eq!(next_body(&mut to_alice).await, "not mine");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_fails_is_told_and_does_not_stop_the_client() {
    let (relay, device) = (FakeRelay::default(), Device::default());
    let (alice, _to_alice, _) = start(&relay, settings());
    let (bob, mut to_bob, _) = start_with(&relay, settings(), device.clone());
    live(&bob).await;
    device.fail(true);
    assert!(matches!(bob.submit(b"unkept").await, Err(SubmitError::State(_))));
    alice.submit(b"one").await.unwrap();
    assert_eq!(next_body(&mut to_bob).await, "one");
    let told = to_bob.next().await;
    assert!(matches!(told, Some(Event::StateFailed(_))), "{told:?}");
    device.fail(false);
    alice.submit(b"two").await.unwrap();
    assert_eq!(next_body(&mut to_bob).await, "two");
    assert_eq!(relay.changes(), 2, "what could not be kept was not sent");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_read_starts_no_client() {
    let device = Device::default();
    device.fail(true);
    let link = FakeRelay::default().link();
    let started = Client::start(link, &secret(), settings(), device);
    assert!(started.unwrap_err().to_string().contains("the disk is gone"));
}
