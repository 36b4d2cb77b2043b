//! The end of a hub: in good order at a shutdown, at once when the store has failed.

use std::{rc::Rc, time::Duration};

use syncline_protocol::dialect::Dialect;
use tokio::time::{Instant, sleep};

use super::Hub;

/// How often a draining hub looks whether it is done.
const LOOK: Duration = Duration::from_millis(2);

impl<D: Dialect> Hub<D> {
    /// Takes no more messages, releases what was accepted, says 1001 to all and waits until they
    /// have taken it or `timeout` has passed.
    pub(crate) async fn drain(self: &Rc<Self>, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        self.draining.set(true);
        self.env.signals[self.shard].work.notify_one();
        while !(self.pending.borrow().is_empty() && self.turn.borrow().is_empty())
            && Instant::now() < deadline
        {
            sleep(LOOK).await;
        }
        self.close_all(1001, "the server is shutting down");
        while !self.connections.borrow().is_empty() && Instant::now() < deadline {
            sleep(LOOK).await;
        }
    }

    /// The store takes no more writes: nothing that waits will ever be released.
    pub(super) fn fail_all(&self) {
        if !self.draining.replace(true) {
            tracing::error!("the store has failed; every connection is closed");
        }
        self.pending.borrow_mut().clear();
        self.close_all(1011, "the store has failed");
    }

    fn close_all(&self, code: u16, reason: &str) {
        for (_, connection) in &*self.connections.borrow() {
            connection.close(code, reason);
        }
    }
}
