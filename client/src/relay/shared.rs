//! What the application's handles and the connection's task have in common: the machine under one
//! short lock, what is kept beside it, and who is to be woken. Knows no socket and no key.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot, watch};

use super::{
    change_id::ChangeId,
    machine::{Machine, Phase, Place, Ticket, Verdict, Violation},
    state::{Durable, State, StateError},
    status::Status,
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

/// The client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client has ended; start another one")]
pub struct Stopped;

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

struct Core {
    machine: Machine,
    state: Box<dyn State>,
    receipts: HashMap<ChangeId, oneshot::Sender<Saved>>,
    link: Link,
    failure: Option<StateError>,
}

/// What the application's handles and the connection's task have in common.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// There may be something to send.
    outgoing: Notify,
    /// There may be room in the outbox, or the client has ended.
    room: Notify,
    status: watch::Sender<Status>,
    /// The next attempt to connect should not wait.
    retry: Notify,
    stop: watch::Sender<bool>,
    finished: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(machine: Machine, state: Box<dyn State>) -> Self {
        let core = Core {
            machine,
            state,
            receipts: HashMap::new(),
            link: Link::Connecting,
            failure: None,
        };
        Self {
            core: Mutex::new(core),
            outgoing: Notify::new(),
            room: Notify::new(),
            retry: Notify::new(),
            status: watch::Sender::new(Status::Connecting),
            stop: watch::Sender::new(false),
            finished: watch::Sender::new(false),
        }
    }

    /// A panic under the lock leaves at worst a change that is sent again.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a step and publishes what it changed.
    fn step<R>(&self, step: impl FnOnce(&mut Core) -> R) -> R {
        let mut core = self.core();
        let result = step(&mut core);
        let status = core.status();
        self.status.send_if_modified(|shown| {
            let changed = *shown != status;
            *shown = status;
            changed
        });
        result
    }

    // The application's side.

    pub(super) fn next_id(&self) -> ChangeId {
        self.core().machine.next_id()
    }

    /// Puts a sealed change into the outbox, waiting for room.
    pub(super) async fn submit(
        &self,
        id: ChangeId,
        payload: Bytes,
    ) -> Result<Submitted, NotQueued> {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if let Some(submitted) = self.step(|core| core.try_submit(id, &payload))? {
                self.outgoing.notify_one();
                return Ok(submitted);
            }
            room.await;
        }
    }

    pub(super) fn handled(&self, ticket: Ticket) {
        self.core().handled(ticket);
    }

    pub(super) fn take_failure(&self) -> Option<StateError> {
        self.core().failure.take()
    }

    pub(super) fn unsaved(&self) -> usize {
        self.core().machine.unsaved()
    }

    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Returns when the outbox is empty.
    pub(super) async fn all_saved(&self) -> Result<(), Stopped> {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            {
                let core = self.core();
                if core.machine.unsaved() == 0 {
                    return Ok(());
                }
                if core.stopped() {
                    return Err(Stopped);
                }
            }
            room.await;
        }
    }

    pub(super) fn retry_now(&self) {
        self.retry.notify_waiters();
    }

    /// Asks the task to end and waits until it has.
    pub(super) async fn stop(&self) {
        self.stop.send_replace(true);
        // The sender of this watch is in `self`, so waiting cannot fail.
        let _ = self.finished.subscribe().wait_for(|finished| *finished).await;
    }

    // The task's side.

    pub(super) fn stop_asked(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.stop.subscribe();
        async move {
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    pub(super) async fn retry_asked(&self) {
        self.retry.notified().await;
    }

    pub(super) fn connecting(&self) {
        self.step(|core| core.link = Link::Connecting);
    }

    /// A connection stands. Returns the sequence number to resume after.
    pub(super) fn connected(&self) -> u64 {
        self.step(|core| {
            core.link = Link::Connected;
            core.machine.connected()
        })
    }

    pub(super) fn disconnected(&self, retry_in: Duration, error: ConnectionError) {
        self.step(|core| {
            core.machine.disconnected();
            core.link = Link::Offline { retry_in, error };
            core.report();
        });
    }

    /// The task has ended: nobody waits for it any more.
    pub(super) fn finish(&self) {
        self.step(|core| {
            core.link = Link::Stopped;
            core.receipts.clear();
            core.report();
        });
        self.room.notify_waiters();
        self.finished.send_replace(true);
    }

    pub(super) async fn something_to_send(&self) {
        self.outgoing.notified().await;
    }

    pub(super) fn send_next(&self) -> Option<(Place, Bytes)> {
        self.core().machine.send_next()
    }

    /// A change has been written to the connection.
    pub(super) fn written(&self) {
        self.step(|core| {
            let saved = core.machine.written();
            core.all_saved(saved, None);
        });
        self.room.notify_waiters();
    }

    /// The server saved what was sent up to a place; without one, the next not answered.
    pub(super) fn accepted(&self, up_to: Option<Place>, sequence: u64) -> Result<(), Violation> {
        self.step(|core| {
            let saved = core.machine.accepted(up_to)?;
            core.all_saved(saved, Some(sequence));
            Ok(())
        })?;
        self.room.notify_waiters();
        Ok(())
    }

    /// A change came.
    pub(super) fn change(&self, sequence: u64, id: Option<ChangeId>) -> Verdict {
        let verdict = self.step(|core| {
            let verdict = core.machine.change(sequence, id);
            if let (Verdict::Saved, Some(id)) = (verdict, id) {
                core.saved(id, Some(sequence));
            }
            verdict
        });
        if verdict == Verdict::Saved {
            self.room.notify_waiters();
        }
        verdict
    }

    /// The history has been sent. False when the server's numbers started again.
    pub(super) fn caught_up(&self, sequence: u64) -> bool {
        let same_history = self.step(|core| {
            let same_history = core.machine.caught_up(sequence);
            core.report();
            same_history
        });
        self.outgoing.notify_one();
        same_history
    }
}

impl Core {
    fn stopped(&self) -> bool {
        matches!(self.link, Link::Stopped)
    }

    fn status(&self) -> Status {
        match (&self.link, self.machine.phase()) {
            (Link::Offline { retry_in, error }, _) => {
                Status::Offline { retry_in: *retry_in, error: error.clone() }
            }
            (Link::Stopped, _) => Status::Stopped,
            (Link::Connecting, _) | (Link::Connected, Phase::Offline) => Status::Connecting,
            (Link::Connected, Phase::CatchingUp) => Status::CatchingUp,
            (Link::Connected, Phase::Live) => Status::Live { unsaved: self.machine.unsaved() },
        }
    }

    /// `None` when there is no room.
    fn try_submit(
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

    fn handled(&mut self, ticket: Ticket) {
        self.machine.handled(ticket);
        self.report();
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

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}
