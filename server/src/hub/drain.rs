//! The end of a hub: in good order at a shutdown, at once when the store has failed.

use std::{rc::Rc, sync::atomic::Ordering, time::Duration};

use syncline_protocol::dialect::Dialect;
use tokio::time::{Instant, sleep};

use super::Hub;

/// What everyone is told when nothing can be stored any more.
const FAILED: (u16, &str) = (1011, "the store has failed");

/// How often a draining hub looks whether it is done.
const LOOK: Duration = Duration::from_millis(2);

impl<D: Dialect> Hub<D> {
    /// Takes no more messages, waits until every hub does so and all that was accepted is released,
    /// says 1001 to all and waits until they have taken it. Ends when `timeout` has passed.
    pub(crate) async fn drain(self: &Rc<Self>, timeout: Duration) {
        let begun = Instant::now();
        self.stop_listening();
        // Commands of other hubs' sessions are still under way; a part of the time is the goodbyes'.
        while !self.env.is_settled() && begun.elapsed() < timeout / 4 * 3 {
            sleep(LOOK).await;
        }
        // The pump opens what lies in the mailbox before this goes on.
        sleep(LOOK).await;
        self.env.ends.store(true, Ordering::Relaxed);
        // A failure ends the server too, and the word of it may come before this hub's own look at it.
        match self.env.health.has_failed() {
            true => self.close_all(FAILED),
            false => self.close_all((1001, "the server is shutting down")),
        }
        while !self.connections.borrow().is_empty() && begun.elapsed() < timeout {
            sleep(LOOK).await;
        }
    }

    /// The store takes no more writes: nothing that waits will ever be released.
    pub(super) fn fail_all(&self) {
        if !self.deaf.get() {
            tracing::error!("the store has failed; every connection is closed");
        }
        self.stop_listening();
        self.env.ends.store(true, Ordering::Relaxed);
        self.pending.borrow_mut().clear();
        self.behind.borrow_mut().clear();
        self.close_all(FAILED);
    }

    /// How long a closed peer gets to end its half too.
    pub(super) fn patience_with_the_closed(&self) -> u32 {
        if self.deaf.get() { self.deadlines.last_close } else { self.deadlines.close }
    }

    fn stop_listening(&self) {
        if !self.deaf.replace(true) {
            self.env.deaf.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn close_all(&self, farewell: (u16, &'static str)) {
        if self.farewell.get().is_none() {
            self.farewell.set(Some(farewell));
        }
        let (code, reason) = farewell;
        for (_, connection) in &*self.connections.borrow() {
            connection.close(code, reason);
        }
    }
}
