//! What the handles of a room and its tasks have in common: the room under one short lock, and who is to
//! be woken. Knows no socket.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use syncline_engine::Position;
use syncline_protocol::dialects::peer::{
    now::Now,
    participant::{Event, InviteAsk, Welcome},
};
use tokio::{
    sync::{Notify, broadcast, watch},
    time::Instant,
};

use super::{
    core::Core,
    status::{Connection, Status},
};
use crate::{
    task::{Stopped, Task},
    transport::ConnectionError,
    waiting::{self, show},
};

/// What the handles of a room and its tasks have in common.
pub(super) struct Shared {
    core: Mutex<Core>,
    began: Instant,
    /// Something may be to be released.
    work: Notify,
    /// There may be something to send.
    outgoing: Notify,
    /// A stranger may have shown a code.
    asked: Notify,
    /// Something may have changed that a handle waits for.
    changed: Notify,
    status: watch::Sender<Status>,
    pub(super) task: Task,
    /// Both tasks have ended and hold nothing of the store any more.
    ended: Arc<watch::Sender<bool>>,
}

impl Shared {
    pub(super) fn new(core: Core, began: Instant) -> Self {
        Self {
            began,
            work: Notify::new(),
            outgoing: Notify::new(),
            asked: Notify::new(),
            changed: Notify::new(),
            status: watch::Sender::new(core.status()),
            task: Task::new(),
            ended: Arc::new(watch::Sender::new(false)),
            core: Mutex::new(core),
        }
    }

    /// A panic under the lock leaves at worst a memory that is behind the store.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a step, and sees to what follows from it. A room that was closed takes none.
    pub(super) fn step<R>(&self, step: impl FnOnce(&mut Core, Now) -> R) -> Result<R, Stopped> {
        let mut core = self.core();
        if core.is_closed() {
            return Err(Stopped);
        }
        // Under the lock, so that no step is earlier than the one before it.
        let result = step(&mut core, now(self.began));
        drop(core);
        self.work.notify_one();
        Ok(result)
    }

    /// Looks at the room.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Core) -> R) -> R {
        look(&self.core())
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.core().events()
    }

    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Returns when `ask` has an answer, or when the room was closed.
    pub(super) async fn until<R>(
        &self,
        mut ask: impl FnMut(&Core) -> Option<R>,
    ) -> Result<R, Stopped> {
        self.watch(|| self.look(&mut ask)).await
    }

    /// The same, with a question that looks at the room itself.
    pub(super) async fn watch<R>(&self, mut ask: impl FnMut() -> Option<R>) -> Result<R, Stopped> {
        waiting::until(&self.changed, || {
            let is_closed = self.look(Core::is_closed);
            ask().map(Ok).or(is_closed.then_some(Err(Stopped)))
        })
        .await
    }

    /// Closes the room for all that hold it. Its tasks end soon.
    pub(super) fn shut(&self) {
        let mut core = self.core();
        core.close();
        self.publish(&core);
        drop(core);
        self.task.ask_to_stop();
    }

    /// Asks the tasks to end, and waits until they hold nothing of the store any more.
    pub(super) async fn stop(&self) {
        self.task.ask_to_stop();
        // The sender of this watch is in `self`, so waiting cannot fail.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// Says that the tasks have ended when it is dropped, also when one of them panicked.
    pub(super) fn ending(&self) -> Ending {
        Ending(self.ended.clone())
    }

    /// Shows how the room stands: under its lock, so that the last to show it has it right.
    fn publish(&self, core: &Core) {
        show(&self.status, core.status());
        self.changed.notify_waiters();
    }
}

/// See [`Shared::ending`].
pub(super) struct Ending(Arc<watch::Sender<bool>>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// The side of the task that makes durable and releases.
impl Shared {
    /// Ends when something may be to be released.
    pub(super) async fn something_to_do(&self) {
        self.work.notified().await;
    }

    /// Does what is due, and says when the next thing is.
    pub(super) fn due(&self) -> Option<Instant> {
        let mut core = self.core();
        if core.is_closed() {
            return None;
        }
        let now = now(self.began);
        if core.machine.deadline().is_some_and(|deadline| deadline <= now.elapsed) {
            core.machine.due(now);
        }
        core.machine.deadline().map(|deadline| self.began + deadline)
    }

    /// Releases what is durable; says what is to be waited for first, unless `at_any_price`.
    pub(super) fn release(&self, at_any_price: bool) -> Result<Option<u64>, Position> {
        let mut core = self.core();
        if let Some(position) = core.unsynced()
            && !at_any_price
        {
            return Err(position);
        }
        core.release();
        let caught_up = core.take_caught_up();
        self.publish(&core);
        drop(core);
        self.outgoing.notify_one();
        self.asked.notify_one();
        Ok(caught_up)
    }
}

/// The side of who answers strangers.
impl Shared {
    pub(super) async fn next_ask(&self) -> InviteAsk {
        loop {
            if let Some(ask) = self.core().next_ask() {
                return ask;
            }
            self.asked.notified().await;
        }
    }
}

/// The side of the connection's task.
impl Shared {
    /// A step that has no meaning once the room was closed.
    pub(super) fn step_if_open(&self, step: impl FnOnce(&mut Core, Now)) {
        let _ = self.step(step);
    }

    pub(super) fn connecting(&self) {
        self.step_if_open(|core, _| core.connecting());
    }

    pub(super) fn connected(&self, welcome: Welcome, last_seq: u64) {
        self.step_if_open(|core, now| core.connected(welcome, last_seq, now));
    }

    pub(super) fn received(&self, packet: Bytes) -> Result<(), ConnectionError> {
        let taken = self.step(|core, now| match core.failed() {
            Some(_) => Err(ConnectionError::Refreshed),
            None => {
                core.machine.received(packet, now);
                Ok(())
            }
        });
        // A connection of a room that was closed ends soon.
        taken.unwrap_or(Ok(()))
    }

    pub(super) fn next_out(&self) -> Result<Option<Bytes>, ConnectionError> {
        self.core().next_out()
    }

    pub(super) async fn something_to_send(&self) {
        self.outgoing.notified().await;
    }

    pub(super) fn disconnected(&self, connection: Connection) {
        self.step_if_open(|core, now| {
            core.disconnected(connection, now);
            self.publish(core);
        });
    }
}

/// The time of now.
pub(super) fn now(began: Instant) -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall_micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Now { elapsed: began.elapsed(), wall_micros }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
