//! What the application's handles and the connection's task have in common: the client's state
//! under one short lock, and who is to be woken. Knows no socket.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, watch};

use super::{
    core::{Core, NotQueued, Queued},
    json::Json,
    machine::{Key, Own, TooMuch},
    status::Status,
    watches::Look,
    wire::Opened,
};
use crate::{
    kept::{Durable, StateError},
    task::{Stopped, Task},
    transport::ConnectionError,
    waiting::{self, show},
};

/// What the application's handles and the connection's task have in common.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// There may be something to send, or to ask for.
    outgoing: Notify,
    /// The connection should be made anew.
    refresh: Notify,
    /// Something may have changed that a handle waits for.
    changed: Notify,
    status: watch::Sender<Status>,
    pub(super) task: Task,
}

impl Shared {
    pub(super) fn new(core: Core) -> Self {
        Self {
            outgoing: Notify::new(),
            refresh: Notify::new(),
            changed: Notify::new(),
            status: watch::Sender::new(core.status()),
            task: Task::new(),
            core: Mutex::new(core),
        }
    }

    /// A panic under the lock leaves at worst a value that is sent again.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a step, publishes the status it leads to, and wakes who waits.
    fn step<R>(&self, step: impl FnOnce(&mut Core) -> R) -> R {
        let mut core = self.core();
        let result = step(&mut core);
        show(&self.status, core.status());
        self.changed.notify_waiters();
        result
    }

    /// Asks again after each step until there is an answer.
    async fn until<R>(&self, ask: impl FnMut() -> Option<R>) -> R {
        waiting::until(&self.changed, ask).await
    }
}

/// The application's side.
impl Shared {
    pub(super) fn shown(&self, key: &str) -> Option<(Json, bool)> {
        self.core().shown(key)
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.core().keys()
    }

    /// Puts a value into the queue, waiting for room.
    pub(super) async fn set(&self, key: &Key, value: &Json) -> Result<Queued, NotQueued> {
        let queued = self.until(|| {
            // A step wakes everybody who waits here; one that found no room has changed nothing.
            let queued = self.core().try_set(key, value).transpose();
            queued.inspect(|_| self.step(|_| {}))
        });
        let queued = queued.await?;
        self.outgoing.notify_one();
        Ok(queued)
    }

    pub(super) fn discard(&self, key: &Key) -> bool {
        let found = self.step(|core| core.discard(key));
        if found {
            self.refresh.notify_waiters();
        }
        found
    }

    /// Returns when nothing is pending.
    pub(super) async fn saved(&self) -> Result<(), Stopped> {
        self.until(|| {
            let core = self.core();
            match (core.pending(), core.stopped()) {
                (0, _) => Some(Ok(())),
                (_, true) => Some(Err(Stopped)),
                (_, false) => None,
            }
        })
        .await
    }

    pub(super) fn watch(&self, only: Option<Key>) -> u64 {
        self.core().watch(only)
    }

    pub(super) fn unwatch(&self, id: u64) {
        self.core().unwatch(id);
    }

    /// What a watch has to look at next, with the value of the key; `None` at the client's end.
    pub(super) async fn look(&self, id: u64) -> Option<(Look, Option<(Json, bool)>)> {
        self.until(|| {
            let mut core = self.core();
            match core.look(id) {
                Some(Look::Key(key)) => {
                    let shown = core.shown(&key);
                    Some(Some((Look::Key(key), shown)))
                }
                Some(look) => Some(Some((look, None))),
                None => core.stopped().then_some(None),
            }
        })
        .await
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

    /// A connection stands. The future ends when it should be made anew.
    pub(super) fn connected(&self) -> impl Future<Output = ()> + Send {
        let refresh = self.refresh.notified();
        self.step(Core::connected);
        refresh
    }

    pub(super) fn disconnected(&self, retry_in: Option<Duration>, error: ConnectionError) {
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

    /// The next values to send, and what to await before.
    pub(super) fn send_next(&self) -> (Vec<(Key, Own)>, Option<Durable>) {
        self.core().send_next()
    }

    pub(super) fn wants_to_ask(&self) -> bool {
        self.core().wants_to_ask()
    }

    /// What to send in order to learn what the server has.
    pub(super) fn ask(&self) -> Vec<(Key, Own)> {
        self.core().ask()
    }

    /// The server sent the whole workspace.
    pub(super) fn init(&self, workspace: Vec<Opened>) -> Result<(), TooMuch> {
        let taken = self.step(|core| core.init(workspace));
        self.outgoing.notify_one();
        taken
    }

    /// The server sent a value of a key.
    pub(super) fn op(&self, key: &Key, value: Json, stamp: i64) -> Result<(), TooMuch> {
        let taken = self.step(|core| core.op(key, value, stamp));
        self.outgoing.notify_one();
        taken
    }

    /// The server did not take something.
    pub(super) fn refused(&self, reason: &Arc<str>) {
        self.step(|core| core.refused(reason));
        self.outgoing.notify_one();
    }

    pub(super) fn state_failed(&self, error: &StateError) {
        self.step(|core| core.state_failed(error));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}
