//! What happens under a client's lock: each step of the machine, together with what follows from
//! it for receipts, kept state and status. Wakes nobody and waits for nothing.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{
    change_id::ChangeId,
    machine::{Machine, Phase, Place, Ticket, Verdict, Violation},
    state::State,
    status::Status,
};
use crate::{
    kept::{Durable, StateError},
    transport::ConnectionError,
};

/// The server has saved a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The sequence number of the last change that the server confirmed together with this one:
    /// its own is this or a lower one. `None` when the server confirms nothing
    /// ([`Settings::acks`](super::Settings)).
    pub sequence: Option<u64>,
}

/// Why a change is not in the outbox.
#[derive(Debug)]
pub(super) enum NotQueued {
    Stopped,
    State(StateError),
}

/// A change in the outbox.
pub(super) struct Submitted {
    pub(super) receipt: oneshot::Receiver<Saved>,
    pub(super) durable: Option<Durable>,
}

/// What the connection's task says about itself.
#[derive(Clone, Debug)]
enum Link {
    Connecting,
    Connected,
    Offline { retry_in: Duration, error: ConnectionError },
    Stopped,
}

/// The state of one client.
pub(super) struct Core {
    machine: Machine,
    state: Box<dyn State>,
    receipts: HashMap<ChangeId, oneshot::Sender<Saved>>,
    link: Link,
    failure: Option<StateError>,
}

impl Core {
    pub(super) fn new(machine: Machine, state: Box<dyn State>) -> Self {
        let (receipts, failure) = (HashMap::new(), None);
        Self { machine, state, receipts, link: Link::Connecting, failure }
    }

    // Questions.

    pub(super) fn stopped(&self) -> bool {
        matches!(self.link, Link::Stopped)
    }

    pub(super) fn unsaved(&self) -> usize {
        self.machine.unsaved()
    }

    pub(super) fn status(&self) -> Status {
        match (&self.link, self.machine.phase()) {
            (Link::Stopped, _) => Status::Stopped,
            (Link::Offline { retry_in, error }, _) => {
                Status::Offline { retry_in: *retry_in, error: error.clone() }
            }
            (Link::Connecting, _) | (Link::Connected, Phase::Offline) => Status::Connecting,
            (Link::Connected, Phase::CatchingUp) => Status::CatchingUp,
            (Link::Connected, Phase::Live) => Status::Live { unsaved: self.unsaved() },
        }
    }

    // Steps of the application.

    pub(super) fn next_id(&mut self) -> ChangeId {
        self.machine.next_id()
    }

    /// `None` when there is no room.
    pub(super) fn try_submit(
        &mut self,
        id: ChangeId,
        payload: &Bytes,
    ) -> Result<Option<Submitted>, NotQueued> {
        if self.stopped() {
            return Err(NotQueued::Stopped);
        }
        if !self.machine.has_room(payload.len()) {
            return Ok(None);
        }
        let durable = self.state.submitted(id, payload).map_err(NotQueued::State)?;
        self.machine.submit(id, payload.clone());
        let (sender, receipt) = oneshot::channel();
        self.receipts.insert(id, sender);
        Ok(Some(Submitted { receipt, durable }))
    }

    pub(super) fn handled(&mut self, ticket: Ticket) {
        self.machine.handled(ticket);
        self.report();
    }

    pub(super) fn take_failure(&mut self) -> Option<StateError> {
        self.failure.take()
    }

    // Steps of the connection's task.

    pub(super) fn connecting(&mut self) {
        self.link = Link::Connecting;
    }

    pub(super) fn connected(&mut self) -> u64 {
        self.link = Link::Connected;
        self.machine.connected()
    }

    pub(super) fn disconnected(&mut self, retry_in: Duration, error: ConnectionError) {
        self.machine.disconnected();
        self.link = Link::Offline { retry_in, error };
        self.report();
    }

    pub(super) fn finish(&mut self) {
        self.link = Link::Stopped;
        self.receipts.clear();
        self.report();
    }

    pub(super) fn send_next(&mut self) -> Option<(Place, Bytes)> {
        self.machine.send_next()
    }

    pub(super) fn written(&mut self) {
        let saved = self.machine.written();
        self.all_saved(saved, None);
    }

    pub(super) fn accepted(
        &mut self,
        up_to: Option<Place>,
        sequence: u64,
    ) -> Result<(), Violation> {
        let saved = self.machine.accepted(up_to)?;
        self.all_saved(saved, Some(sequence));
        Ok(())
    }

    pub(super) fn change(&mut self, sequence: u64, id: Option<ChangeId>) -> Verdict {
        let verdict = self.machine.change(sequence, id);
        if let (Verdict::Saved, Some(id)) = (verdict, id) {
            self.saved(id, Some(sequence));
        }
        verdict
    }

    pub(super) fn caught_up(&mut self, sequence: u64) -> bool {
        let same_history = self.machine.caught_up(sequence);
        self.report();
        same_history
    }

    fn all_saved(&mut self, ids: Vec<ChangeId>, sequence: Option<u64>) {
        ids.into_iter().for_each(|id| self.saved(id, sequence));
    }

    fn saved(&mut self, id: ChangeId, sequence: Option<u64>) {
        if let Some(receipt) = self.receipts.remove(&id) {
            // Nobody has to wait for a receipt.
            let _ = receipt.send(Saved { sequence });
        }
        let kept = self.state.saved(id);
        self.note(kept);
    }

    /// Keeps how far the application has come.
    fn report(&mut self) {
        if let Some(handled) = self.machine.report() {
            let kept = self.state.handled(&handled);
            self.note(kept);
        }
    }

    fn note(&mut self, kept: Result<(), StateError>) {
        if let Err(error) = kept {
            self.failure.get_or_insert(error);
        }
    }
}
