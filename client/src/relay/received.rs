//! What a client brings to the application, one after the other.
//! Knows what the application is told; nothing of messages or keys.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{machine::Ticket, seal::OpenError, shared::Shared};
use crate::kept::StateError;

/// A change that somebody else made, or this user on another device or in an earlier run whose
/// state was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Its place among the changes of the document: ascending from 1. The application sees holes
    /// where its own changes are.
    pub sequence: u64,
    /// The client id of its maker. Whoever knows the discovery key can claim any.
    pub source: String,
    /// What its maker submitted.
    pub body: Bytes,
}

/// Something the application should know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A change of the document.
    Change(Change),
    /// A change that does not open. It is passed over.
    Unopened {
        /// Its place among the changes of the document.
        sequence: u64,
        /// The client id of its maker.
        source: String,
        /// Why it does not open.
        error: OpenError,
    },
    /// The server's sequence numbers started again: it has lost changes that it once had. This
    /// client reads everything from the start and delivers what is new. An application that has
    /// the whole document should submit it again.
    Rewound,
    /// What should be kept for the next run was not. The client goes on.
    StateFailed(StateError),
}

/// An event on its way to the application.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) event: Event,
    /// What the application gives back by asking for the next event.
    pub(super) ticket: Option<Ticket>,
    /// Its room in the queue.
    pub(super) bytes: Option<OwnedSemaphorePermit>,
}

/// The changes of the document, in order. Dropping it ends the client.
///
/// It must be read: when [`Settings::queue_changes_max`](super::Settings) events wait, the client
/// stops reading from the server, and then neither becomes live nor learns what is saved.
///
/// An event counts as handled when the next one is asked for. A client with a durable
/// [`State`](super::State) that is started again goes on after the last event handled; so one
/// event at most is seen twice, when the application stopped while it handled it.
#[derive(Debug)]
pub struct Changes {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Queued>,
    open: Option<Ticket>,
}

impl Changes {
    pub(super) fn new(shared: Arc<Shared>, queue: mpsc::Receiver<Queued>) -> Self {
        Self { shared, queue, open: None }
    }

    /// The next event; `None` once the client has ended. The events before it count as handled.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        self.handled();
        if let Some(error) = self.shared.take_failure() {
            return Some(Event::StateFailed(error));
        }
        let Queued { event, ticket, bytes: _given_back } = self.queue.recv().await?;
        self.open = ticket;
        Some(event)
    }

    /// Says that everything delivered has been handled, without asking for more: for an
    /// application that is about to stop.
    pub fn handled(&mut self) {
        if let Some(ticket) = self.open.take() {
            self.shared.handled(ticket);
        }
    }
}
