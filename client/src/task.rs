//! What the handles of a client say to its task: stop, try again now; and what it says back.
//! Knows no dialect.

use std::{fmt, future::Future};

use tokio::sync::{Notify, watch};

/// The client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client has ended; start another one")]
pub struct Stopped;

/// The switches between the handles of a client and its task.
pub(crate) struct Task {
    /// The next attempt to connect should not wait.
    retry: Notify,
    stop: watch::Sender<bool>,
    finished: watch::Sender<bool>,
}

impl Task {
    pub(crate) fn new() -> Self {
        let (stop, finished) = (watch::Sender::new(false), watch::Sender::new(false));
        Self { retry: Notify::new(), stop, finished }
    }

    /// Asks for an attempt to connect at once.
    pub(crate) fn retry_now(&self) {
        self.retry.notify_waiters();
    }

    /// Asks the task to end.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Asks the task to end and waits until it has.
    pub(crate) async fn stop(&self) {
        self.ask_to_stop();
        // The sender of this watch is in `self`, so waiting cannot fail.
        let _ = self.finished.subscribe().wait_for(|finished| *finished).await;
    }

    pub(crate) fn stop_asked(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.stop.subscribe();
        async move {
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// Ends with the next [`Task::retry_now`] after this call, not after the first poll.
    pub(crate) fn retry_asked(&self) -> impl Future<Output = ()> + Send {
        self.retry.notified()
    }

    /// The task has ended.
    pub(crate) fn finish(&self) {
        self.finished.send_replace(true);
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}
