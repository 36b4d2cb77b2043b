//! What a client brings to the application, one after the other, and how the application says that
//! it has it. Knows what the application is told; nothing of requests.

use std::sync::Arc;

use syncline_engine::{Batch, Commit};

use crate::kept::StateError;

use super::{
    core::Core,
    machine::{Cause, Place},
    op::Op,
    shared::Shared,
};

/// Something for the application.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Operations of others, in the server's order, at least one. An operation comes once in a
    /// dataset, and one of this client only when it was made before the dataset began.
    Ops(Vec<Op>),
    /// A dataset begins: the application replaces its state by the snapshot and does `pending`
    /// again on top. The operations behind the snapshot follow.
    ///
    /// An empty snapshot says that there is none: an application that merges keeps its state, as
    /// the original app does. Nothing is pushed before this event is settled.
    Dataset {
        /// The key of the dataset's generation.
        generation: String,
        /// Why it begins.
        cause: Cause,
        /// What an application of this dataset gave to [`Client::reset`](super::Client::reset).
        snapshot: String,
        /// Operations of this client that the server has not confirmed and that stay in the
        /// outbox. They do not come back.
        pending: Vec<Op>,
    },
    /// An operation of this client that went with the dataset it was made in
    /// ([`OnReplaced::Drop`](super::OnReplaced)). Behind the dataset that replaced it.
    Dropped(Op),
    /// An operation of this client that the server does not take. It has left the outbox.
    Refused {
        /// The HTTP status: 400 or 422 for one that is not as the server wants it, 413 for one
        /// that is too large.
        status: u16,
        /// The operation.
        op: Op,
    },
    /// A reset of this client that the server does not take. The dataset stays as it is.
    ResetRefused {
        /// The HTTP status: 413 for a snapshot that is too large.
        status: u16,
    },
}

/// The events of a client, in order. Dropping it ends the client.
///
/// An event that is not settled comes again in the next run. An application that keeps its own
/// state in the same store settles an event by a [`Batch`] with what it made of it: either both
/// are there or neither, so it takes in each event exactly once, whatever happens. For any other,
/// the event before counts as settled when the next one is asked for. That is durable before the
/// server is asked again, so a crash brings back what was settled since the last
/// [`Settings::poll`](super::Settings), and an orderly [`Client::close`](super::Client::close) at
/// most the event that is open.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    open: Option<Place>,
}

impl Events {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, open: None }
    }

    /// The next event; `None` once the client has ended. The event before it is settled first, if
    /// it is not.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`StateError`] when the store fails.
    pub async fn next(&mut self) -> Result<Option<Event>, StateError> {
        if self.open.is_some() {
            self.settle(Batch::new())?;
        }
        let shared = Arc::clone(&self.shared);
        let ask = |core: &mut Core| match core.next_event() {
            _ if core.stopped() => Some(Ok(None)),
            Ok(None) => None,
            Ok(Some(event)) => Some(Ok(Some(event))),
            Err(error) => Some(Err(error)),
        };
        let next = shared.until_event(|| shared.give(ask)).await?;
        let Some((event, through)) = next else { return Ok(None) };
        self.open = Some(through);
        Ok(Some(event))
    }

    /// Says that the application has the last event, together with what it made of it: the batch
    /// and this are one. Without an event to settle, it is just the batch.
    ///
    /// It has its place in the store on return, before everything that follows; it is durable
    /// when [`Commit::wait`] returns, which need not be awaited.
    ///
    /// # Errors
    /// [`StateError`] when the batch cannot be committed. The event stays open.
    pub fn settle(&mut self, batch: Batch) -> Result<Commit, StateError> {
        // Place 0 is before every entry.
        let through = self.open.unwrap_or(0);
        let commit = self.shared.step(|core| core.settle(through, batch))?;
        self.open = None;
        self.shared.wake();
        Ok(commit)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.task.ask_to_stop();
    }
}
