//! What the application's handles and the connection's task have in common: the client's state
//! under one short lock, and who is to be woken. Knows no socket and no key.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use super::{
    change_id::ChangeId,
    core::{Core, NotQueued, Submitted},
    machine::{Place, Ticket, Verdict, Violation},
    status::Status,
};
use crate::{
    kept::StateError,
    task::{Stopped, Task},
    transport::ConnectionError,
    waiting::{self, show},
};

/// What the application's handles and the connection's task have in common.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// There may be something to send.
    outgoing: Notify,
    /// The outbox may have got shorter, or the client has ended.
    room: Notify,
    status: watch::Sender<Status>,
    pub(super) task: Task,
}

impl Shared {
    pub(super) fn new(core: Core) -> Self {
        Self {
            core: Mutex::new(core),
            outgoing: Notify::new(),
            room: Notify::new(),
            status: watch::Sender::new(Status::Connecting),
            task: Task::new(),
        }
    }

    /// A panic under the lock leaves at worst a change that is sent again.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a step, publishes the status it leads to, and wakes who waits for a shorter outbox.
    fn step<R>(&self, step: impl FnOnce(&mut Core) -> R) -> R {
        let mut core = self.core();
        let unsaved = core.unsaved();
        let result = step(&mut core);
        show(&self.status, core.status());
        if core.unsaved() < unsaved || core.stopped() {
            self.room.notify_waiters();
        }
        result
    }

    /// Asks again after each step that made the outbox shorter, until there is an answer.
    async fn until<R>(&self, ask: impl FnMut() -> Option<R>) -> R {
        waiting::until(&self.room, ask).await
    }
}

/// The application's side.
impl Shared {
    pub(super) fn next_id(&self) -> ChangeId {
        self.core().next_id()
    }

    /// Puts a sealed change into the outbox, waiting for room.
    pub(super) async fn submit(
        &self,
        id: ChangeId,
        payload: Bytes,
    ) -> Result<Submitted, NotQueued> {
        let try_submit = || self.step(|core| core.try_submit(id, &payload)).transpose();
        let submitted = self.until(try_submit).await?;
        self.outgoing.notify_one();
        Ok(submitted)
    }

    /// Returns when the outbox is empty.
    pub(super) async fn all_saved(&self) -> Result<(), Stopped> {
        self.until(|| {
            let core = self.core();
            match (core.unsaved(), core.stopped()) {
                (0, _) => Some(Ok(())),
                (_, true) => Some(Err(Stopped)),
                (_, false) => None,
            }
        })
        .await
    }

    pub(super) fn handled(&self, ticket: Ticket) {
        self.core().handled(ticket);
    }

    pub(super) fn take_failure(&self) -> Option<StateError> {
        self.core().take_failure()
    }

    pub(super) fn unsaved(&self) -> usize {
        self.core().unsaved()
    }

    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }
}

/// The side of the connection's task.
impl Shared {
    pub(super) fn connecting(&self) {
        self.step(Core::connecting);
    }

    /// A connection stands. Returns the sequence number to resume after.
    pub(super) fn connected(&self) -> u64 {
        self.step(Core::connected)
    }

    pub(super) fn disconnected(&self, retry_in: Duration, error: ConnectionError) {
        self.step(|core| core.disconnected(retry_in, error));
    }

    /// The task has ended: nobody waits for it any more.
    pub(super) fn finish(&self) {
        self.step(Core::finish);
        self.task.finish();
    }

    pub(super) async fn something_to_send(&self) {
        self.outgoing.notified().await;
    }

    pub(super) fn send_next(&self) -> Option<(Place, Bytes)> {
        self.core().send_next()
    }

    /// A change has been written to the connection.
    pub(super) fn written(&self) {
        self.step(Core::written);
    }

    /// The server saved what was sent up to a place; without one, the next not answered.
    pub(super) fn accepted(&self, up_to: Option<Place>, sequence: u64) -> Result<(), Violation> {
        self.step(|core| core.accepted(up_to, sequence))
    }

    /// A change came.
    pub(super) fn change(&self, sequence: u64, id: Option<ChangeId>) -> Verdict {
        self.step(|core| core.change(sequence, id))
    }

    /// The history has been sent. False when the server's numbers started again.
    pub(super) fn caught_up(&self, sequence: u64) -> bool {
        let same_history = self.step(|core| core.caught_up(sequence));
        self.outgoing.notify_one();
        same_history
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}
