//! What the application's handles and the connection's task have in common: the client's state
//! under one short lock, and who is to be woken. Knows no socket.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use crate::{
    task::{Stopped, Task},
    waiting,
};

use super::{core::Core, machine::Plan, status::Status};

/// What the application's handles and the connection's task have in common.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// There may be something to ask the server, or room for its answer.
    work: Notify,
    /// The outbox may have got shorter, or the client has ended.
    room: Notify,
    /// There may be an event, or the client has ended.
    events: Notify,
    status: watch::Sender<Status>,
    /// The switches of the task.
    pub(super) task: Task,
}

impl Shared {
    pub(super) fn new(core: Core) -> Self {
        Self {
            core: Mutex::new(core),
            work: Notify::new(),
            room: Notify::new(),
            events: Notify::new(),
            status: watch::Sender::new(Status::Connecting),
            task: Task::new(),
        }
    }

    /// A panic under the lock leaves at worst a question that is asked again.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks under the lock; changes nothing that anybody waits for.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Core) -> R) -> R {
        look(&self.core())
    }

    /// Gives the application what it asks for; nobody else waits for that.
    pub(super) fn give<R>(&self, give: impl FnOnce(&mut Core) -> R) -> R {
        give(&mut self.core())
    }

    /// Runs a step, publishes the status it leads to, and wakes who may wait for it.
    pub(super) fn step<R>(&self, step: impl FnOnce(&mut Core) -> R) -> R {
        let mut core = self.core();
        let unsaved = core.unsaved();
        let result = step(&mut core);
        self.status.send_replace(core.status());
        if core.unsaved() < unsaved || core.stopped() {
            self.room.notify_waiters();
        }
        self.events.notify_waiters();
        result
    }

    /// Asks again after each step that made the outbox shorter, until there is an answer.
    pub(super) async fn until<R>(&self, ask: impl FnMut() -> Option<R>) -> R {
        waiting::until(&self.room, ask).await
    }

    /// Asks again after each step, until there is an answer.
    pub(super) async fn until_event<R>(&self, ask: impl FnMut() -> Option<R>) -> R {
        waiting::until(&self.events, ask).await
    }

    /// Tells the task that there may be something to do.
    pub(super) fn wake(&self) {
        self.work.notify_one();
    }

    /// Returns when there may be something to do.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// Returns when there is something more urgent than news.
    pub(super) async fn urgent(&self) -> Plan {
        loop {
            match self.look(Core::plan_urgent) {
                Plan::Rest => self.work().await,
                plan => return plan,
            }
        }
    }

    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Returns when the outbox is empty.
    pub(super) async fn all_saved(&self) -> Result<(), Stopped> {
        self.until(|| {
            self.look(|core| match (core.unsaved(), core.stopped()) {
                (0, _) => Some(Ok(())),
                (_, true) => Some(Err(Stopped)),
                (_, false) => None,
            })
        })
        .await
    }

    /// The task has ended: nobody waits for it any more.
    pub(super) fn finish(&self) {
        self.step(Core::finish);
        self.task.finish();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}
