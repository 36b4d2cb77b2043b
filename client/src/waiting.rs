//! How a task waits for what another one does, or for a moment that may never come, and shows how it
//! stands. Knows no dialect.

use std::future::{Future, pending};

use tokio::sync::{Notify, watch};

/// Asks again each time that everyone who waits for `changed` is woken, until there is an answer.
pub(crate) async fn until<R>(changed: &Notify, mut ask: impl FnMut() -> Option<R>) -> R {
    loop {
        // Waits from before the question on, so that no change between the two is missed.
        let mut again = std::pin::pin!(changed.notified());
        again.as_mut().enable();
        if let Some(answer) = ask() {
            return answer;
        }
        again.await;
    }
}

/// Waits as long as it says; without one, for ever.
pub(crate) async fn or_never(wait: Option<impl Future<Output = ()>>) {
    match wait {
        Some(wait) => wait.await,
        None => pending().await,
    }
}

/// Shows how something stands, and wakes who watches if that is new.
pub(crate) fn show<S: PartialEq>(shown: &watch::Sender<S>, status: S) {
    shown.send_if_modified(|shown| {
        let changed = *shown != status;
        *shown = status;
        changed
    });
}
