//! A server in the test's own process, on a port and in a directory of its own.
//!
//! Knows the server crate's public API only.

use std::{net::SocketAddr, path::Path, sync::Arc};

use syncline::{Config, Server};
use syncline_engine::storage::sim::SimDisk;
use tempfile::TempDir;

/// A running server and its directory; both go when this is dropped.
#[derive(Debug)]
pub struct TestServer {
    server: Option<Server>,
    dir: Option<TempDir>,
    address: SocketAddr,
}

impl TestServer {
    /// Starts one with two shards on a free port; `adapt` changes what the test is about.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(adapt: impl FnOnce(&mut Config)) -> Self {
        let dir = TempDir::with_prefix("syncline-").expect("a temporary directory");
        Self::start_in(dir, adapt)
    }

    /// Starts one over a directory that a former one left.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_in(dir: TempDir, adapt: impl FnOnce(&mut Config)) -> Self {
        let server = Server::start(config(&dir, adapt)).expect("the server starts");
        let address = server.address();
        Self { server: Some(server), dir: Some(dir), address }
    }

    /// Starts one whose store is on this disk.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_on(disk: &SimDisk, adapt: impl FnOnce(&mut Config)) -> Self {
        let dir = TempDir::with_prefix("syncline-").expect("a temporary directory");
        let disk = Arc::new(disk.clone());
        let server = Server::start_on(config(&dir, adapt), disk).expect("the server starts");
        let address = server.address();
        Self { server: Some(server), dir: Some(dir), address }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The store's directory.
    ///
    /// # Panics
    /// Never: the directory is there until the server is stopped.
    #[must_use]
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.dir.as_ref().map(TempDir::path).map(|d: &Path| d.join("data")).expect("not stopped")
    }

    /// Shuts it down and hands over the directory, for the next one.
    ///
    /// # Panics
    /// When the shutdown fails.
    #[must_use]
    pub fn stop(mut self) -> TempDir {
        let server = self.server.take().expect("it runs until it is stopped");
        server.shutdown().expect("an orderly shutdown");
        self.dir.take().expect("it has a directory until it is stopped")
    }
}

fn config(dir: &TempDir, adapt: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.http.shards = 2;
    config.storage.dir = dir.path().join("data");
    adapt(&mut config);
    config
}
