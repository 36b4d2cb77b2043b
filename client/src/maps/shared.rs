//! What the application's handles and the client's tasks have in common: the client's state under
//! one short lock, and who is to be woken. Knows no socket.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use syncline_engine::Position;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{
    core::Core,
    error::WriteError,
    local::{Mapped, Wall, Write, Written},
    machine::{Ended, Now},
    status::Status,
    watch::{Bounds, Scope, Watch},
};
use crate::{
    kept::StateError,
    task::{Stopped, Task},
    token::Token,
    transport::ConnectionError,
    waiting::{self, show},
};

/// What the application's handles and the client's tasks have in common.
pub(super) struct Shared {
    core: Mutex<Core>,
    token: Mutex<Token>,
    /// The token that the server was shown last.
    shown: Mutex<String>,
    began: Instant,
    wall: Wall,
    /// There may be something to send.
    outgoing: Notify,
    /// Something was written.
    written: Notify,
    /// Something may have changed that a handle waits for.
    changed: Notify,
    status: watch::Sender<Status>,
    pub(super) task: Task,
}

impl Shared {
    pub(super) fn new(core: Core, token: Token, wall: Wall) -> Self {
        Self {
            token: Mutex::new(token),
            shown: Mutex::default(),
            began: Instant::now(),
            wall,
            outgoing: Notify::new(),
            written: Notify::new(),
            changed: Notify::new(),
            status: watch::Sender::new(core.status()),
            task: Task::new(),
            core: Mutex::new(core),
        }
    }

    /// A panic under the lock leaves at worst a memory that is behind the store.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a step, publishes the status it leads to, and wakes who waits.
    fn step<R>(&self, step: impl FnOnce(&mut Core) -> R) -> R {
        let mut core = self.core();
        let result = step(&mut core);
        show(&self.status, core.status());
        drop(core);
        self.changed.notify_waiters();
        result
    }

    fn now(&self) -> Now {
        Now { at: self.began.elapsed(), wall: self.wall.raw() }
    }

    /// Asks again after each step until there is an answer.
    async fn until<R>(&self, mut ask: impl FnMut(&Core) -> Option<R>) -> R {
        waiting::until(&self.changed, || ask(&self.core())).await
    }
}

/// The application's side.
impl Shared {
    pub(super) fn write(
        &self,
        map: &str,
        key: &str,
        write: Write,
        keys_max: usize,
    ) -> Result<Written, WriteError> {
        let written = self.step(|core| core.write(map, key, write, keys_max))?;
        self.written.notify_one();
        Ok(written)
    }

    pub(super) fn wall(&self) -> &Wall {
        &self.wall
    }

    /// Looks at the state.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Core) -> R) -> R {
        look(&self.core())
    }

    pub(super) fn open(&self, map: Mapped) {
        self.step(|core| core.open(map));
        self.outgoing.notify_one();
        self.written.notify_one();
    }

    pub(super) fn close(&self, map: &str) {
        self.step(|core| core.close(map));
        self.outgoing.notify_one();
    }

    pub(super) fn watch(&self, scope: Scope, bounds: Bounds) -> Watch {
        self.core().watch(scope, bounds)
    }

    /// Returns when nothing waits for the server.
    pub(super) async fn saved(&self) -> Result<(), Stopped> {
        self.until(|core| match (core.unanswered(), core.stopped()) {
            (0, _) => Some(Ok(())),
            (_, true) => Some(Err(Stopped)),
            (_, false) => None,
        })
        .await
    }

    /// Returns when the maps are proved to be the server's.
    pub(super) async fn synced(&self) -> Result<(), Stopped> {
        let behind = self.step(Core::ask_proof);
        self.outgoing.notify_one();
        self.until(|core| match (core.is_synced(behind), core.stopped()) {
            (true, _) => Some(Ok(())),
            (false, true) => Some(Err(Stopped)),
            (false, false) => None,
        })
        .await
    }

    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(super) fn set_token(&self, token: Token) {
        let said = token.say();
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        self.authenticate(said);
        self.outgoing.notify_one();
        self.task.retry_now();
    }
}

/// The side of the task that makes writes durable.
impl Shared {
    pub(super) async fn something_written(&self) {
        self.written.notified().await;
    }

    pub(super) fn unsynced(&self) -> Option<Position> {
        self.core().unsynced()
    }

    /// More has become durable, and may be sent.
    pub(super) fn made_durable(&self) {
        let now = self.now();
        self.step(|core| core.synced(now));
        self.outgoing.notify_one();
    }

    /// Ends the lives that are over, and says how long it is until the next one ends.
    pub(super) fn expire(&self) -> Option<Duration> {
        let end = self.step(Core::expire)?;
        Some(Duration::from_millis((end + 1).saturating_sub(self.wall.now().0)))
    }

    pub(super) fn state_failed(&self, error: &StateError) {
        self.step(|core| core.state_failed(error));
    }
}

/// The side of the connection's task.
impl Shared {
    pub(super) fn connecting(&self) {
        self.step(Core::connecting);
    }

    /// A connection stands. Returns the token that it begins with.
    pub(super) fn connected(&self) -> String {
        let (token, now) = (self.token(), self.now());
        self.step(|core| core.connected(&token, now));
        self.shown().clone_from(&token);
        token
    }

    /// A token that was not shown yet, if there is one.
    pub(super) fn other_token(&self) -> Option<String> {
        Some(self.token()).filter(|token| *token != *self.shown())
    }

    /// Shows a token on the connection that stands, if one does.
    pub(super) fn authenticate(&self, token: String) {
        let now = self.now();
        self.step(|core| core.authenticate(&token, now));
        *self.shown() = token;
    }

    /// The token that is to be shown.
    pub(super) fn token(&self) -> String {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        token.say()
    }

    fn shown(&self) -> MutexGuard<'_, String> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn takes_token_wanted(&self) -> bool {
        self.core().takes_token_wanted()
    }

    pub(super) fn token_missing(&self) {
        self.core().token_missing();
    }

    pub(super) async fn something_to_send(&self) {
        self.outgoing.notified().await;
    }

    /// When there is something to do though nothing happens.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.core().wake_at().map(|at| self.began + at)
    }

    /// What to send next.
    pub(super) fn next_out(&self) -> Result<Option<Bytes>, Ended> {
        let now = self.now();
        // Writes too far ahead of the server's clock are stamped anew there: they become durable as
        // others do, and are sent then.
        let (next, fresh) = self.step(|core| (core.next_out(now), core.has_fresh()));
        if fresh {
            self.written.notify_one();
        }
        next
    }

    /// The server said something.
    pub(super) fn receive(&self, message: Bytes) -> Result<(), Ended> {
        let now = self.now();
        let taken = self.step(|core| core.receive(message, now));
        self.outgoing.notify_one();
        // What came may have changed own writes, which become durable as others do.
        self.written.notify_one();
        taken
    }

    pub(super) fn disconnected(&self, retry_in: Duration, error: ConnectionError) {
        self.step(|core| core.disconnected(retry_in, error));
    }

    pub(super) fn denied(&self, reason: Arc<str>) {
        self.step(|core| core.denied(reason));
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
