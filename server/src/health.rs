//! Whether the server lives and is ready, as the probes tell it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::watch;

/// The state of one server.
#[derive(Debug, Default)]
pub(crate) struct Health {
    draining: AtomicBool,
    failure: watch::Sender<Option<Arc<str>>>,
    connections: AtomicUsize,
}

impl Health {
    /// No new connections from now on.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The server cannot go on. Only the first reason is kept.
    pub(crate) fn fail(&self, why: &str) {
        let first = self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            failure.get_or_insert_with(|| why.into());
            first
        });
        if first {
            tracing::error!(why, "the server has failed and takes no more writes");
        }
    }

    /// Whether the server cannot go on.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    /// Why the server cannot go on, as it changes.
    pub(crate) fn failure(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.failure.subscribe()
    }

    /// The checks of the readiness probe: a name, and what is wrong, if anything.
    pub(crate) fn checks(&self) -> [(&'static str, Option<Arc<str>>); 2] {
        let draining = self.is_draining().then(|| "shutting down".into());
        [("accepting", draining), ("store", self.failure.borrow().clone())]
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.checks().iter().all(|(_, wrong)| wrong.is_none())
    }

    /// Counts a connection that was accepted, unless `connections_max` are open already.
    pub(crate) fn open(self: &Arc<Self>, connections_max: usize) -> Option<OpenConnection> {
        let open = OpenConnection { health: self.clone(), kept: Vec::new() };
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        (before < connections_max).then_some(open)
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Counts a connection for as long as it is open, whichever shard it is on.
pub(crate) struct OpenConnection {
    health: Arc<Health>,
    kept: Vec<Box<dyn Send>>,
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenConnection").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

impl OpenConnection {
    /// Keeps something that is dropped when the connection ends.
    pub(crate) fn keep(&mut self, kept: Box<dyn Send>) {
        self.kept.push(kept);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.health.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
