//! The server's hybrid clock: its ceiling is on the device before a timestamp below it is given, so that
//! no later run gives one again, whatever its wall clock says.
//!
//! A thread puts the ceiling further while somebody uses the clock. Knows no session and no message.

mod kept;
mod state;

use std::{
    fmt,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::{Condvar, Mutex};
use syncline_engine::{Error, Store};
use syncline_protocol::{dialect::UnixMillis, dialects::maps::Hlc};
use tokio::{sync::watch, time::timeout};

use self::{kept::Kept, state::State};

/// How often the ceiling is looked at while somebody uses the clock.
const LOOK: Duration = Duration::from_millis(500);

/// How long somebody who comes waits for a ceiling above the wall clock. Behind that the clock stands
/// still for him.
const READY_TIME: Duration = Duration::from_secs(1);

/// The wall clock, as a test may set it.
type Wall = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// The clock of one store. Dropping it ends it.
pub(crate) struct ServerClock {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for ServerClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerClock")
    }
}

/// What the thread and those who use the clock share.
struct Shared {
    wall: Wall,
    inner: Mutex<Inner>,
    /// Somebody has come, or the end.
    changed: Condvar,
    /// The ceiling, as it is put further.
    ceiling: watch::Sender<u64>,
}

struct Inner {
    state: State,
    users: usize,
    stopped: bool,
}

/// No ceiling could be put on the device: the clock has no timestamp to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's clock cannot be kept: the disk takes no writes")]
pub(crate) struct NotKept;

impl ServerClock {
    /// The clock of a store. Writes nothing before somebody uses it.
    ///
    /// # Errors
    /// The store's; without a thread or random bytes, those of the system.
    pub(crate) fn start(store: &Store) -> Result<Self, Error> {
        Self::start_by(store, Arc::new(wall))
    }

    fn start_by(store: &Store, wall: Wall) -> Result<Self, Error> {
        let kept = Kept::read(store)?;
        let state = State::new(kept.node.clone(), kept.ceiling);
        let shared = Arc::new(Shared {
            wall,
            inner: Mutex::new(Inner { state, users: 0, stopped: false }),
            changed: Condvar::new(),
            ceiling: watch::Sender::new(0),
        });
        let (store, sharing) = (store.clone(), shared.clone());
        let thread = thread::Builder::new().name("syncline-clock".into());
        let thread = thread.spawn(move || sharing.run(&store, kept))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Lets somebody use the clock.
    ///
    /// # Errors
    /// [`NotKept`] when no ceiling was ever put on the device in this run.
    pub(super) async fn enter(&self) -> Result<InUse, NotKept> {
        let user = InUse(self.shared.clone());
        let mut ceiling = self.shared.ceiling.subscribe();
        self.shared.inner.lock().users += 1;
        self.shared.changed.notify_one();
        let now = (self.shared.wall)().0;
        // Out of time: it stands still where it is.
        let _ = timeout(READY_TIME, ceiling.wait_for(|ceiling| *ceiling > now)).await;
        if self.shared.inner.lock().state.ceiling() == 0 { Err(NotKept) } else { Ok(user) }
    }

    /// How far it stands behind the wall clock because its ceiling cannot be put further; zero when
    /// nobody uses it.
    pub(super) fn behind(&self) -> Duration {
        let now = (self.shared.wall)();
        let inner = self.shared.inner.lock();
        let ceiling = if inner.users > 0 { inner.state.ceiling() } else { u64::MAX };
        Duration::from_millis(now.0.saturating_sub(ceiling))
    }

    /// Ends the clock, and leaves behind where it stood.
    pub(crate) fn stop(&self) {
        self.shared.inner.lock().stopped = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the clock ended in a panic");
        }
    }
}

impl Drop for ServerClock {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The clock in somebody's hands: its ceiling is put further as long as this lives.
pub(crate) struct InUse(Arc<Shared>);

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InUse")
    }
}

impl InUse {
    /// The next timestamp, above all that this store's clock ever gave.
    pub(crate) fn next(&self, wall: UnixMillis) -> Hlc {
        self.0.inner.lock().state.next(wall)
    }

    /// Takes note of a timestamp that was accepted: later ones are above it.
    pub(crate) fn see(&self, seen: &Hlc, wall: UnixMillis) {
        self.0.inner.lock().state.see(seen, wall);
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.inner.lock().users -= 1;
    }
}

impl Shared {
    /// Puts the ceiling further until the end.
    fn run(&self, store: &Store, mut kept: Kept) {
        let mut told = false;
        let mut inner = self.inner.lock();
        while !inner.stopped {
            let due = if inner.users > 0 { inner.state.due((self.wall)()) } else { None };
            if let Some(ceiling) = due {
                drop(inner);
                kept.ceiling = ceiling;
                let written = kept.write(store);
                inner = self.inner.lock();
                match written {
                    Ok(()) => {
                        inner.state.raise(ceiling);
                        self.ceiling.send_replace(ceiling);
                        told = false;
                    }
                    Err(error) if !told => {
                        tracing::warn!(%error, "the clock of maps cannot be kept, and stands still");
                        told = true;
                    }
                    Err(_) => {}
                }
            }
            if inner.stopped {
                break;
            }
            if inner.users > 0 {
                self.changed.wait_for(&mut inner, LOOK);
            } else {
                self.changed.wait(&mut inner);
            }
        }
        let settled = inner.state.settle();
        drop(inner);
        if let Some(ceiling) = settled {
            kept.ceiling = ceiling;
            // Else the next run begins at the ceiling, which is as safe.
            let _ = kept.write(store);
        }
    }
}

fn wall() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
