//! Whether the server lives and is ready, as the probes tell it.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// The state of one server.
#[derive(Debug, Default)]
pub(crate) struct Health {
    draining: AtomicBool,
    failure: OnceLock<String>,
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

    /// The store takes no more writes. True the first time.
    pub(crate) fn fail(&self, why: String) -> bool {
        self.failure.set(why).is_ok()
    }

    /// Why the store takes no more writes.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }

    /// The checks of the readiness probe: a name, and what is wrong, if anything.
    pub(crate) fn checks(&self) -> [(&'static str, Option<&str>); 2] {
        let draining = self.is_draining().then_some("shutting down");
        [("accepting", draining), ("store", self.failure.get().map(String::as_str))]
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.checks().iter().all(|(_, wrong)| wrong.is_none())
    }

    /// Counts a connection that was accepted, unless `connections_max` are open already.
    pub(crate) fn open(self: &Arc<Self>, connections_max: usize) -> Option<OpenConnection> {
        let open = OpenConnection(self.clone());
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        (before < connections_max).then_some(open)
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Counts a connection for as long as it is open.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Health>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
