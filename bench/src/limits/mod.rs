//! The yardsticks: the least that a server, or a disk, can do. Every goal is a ratio against one of them.
//!
//! They store nothing that is read again, check little and trust their peer: never more than a measure.

mod connection;
mod journal;
mod room;
mod server;
mod sync;

use std::{net::SocketAddr, path::Path};

use crate::error::Error;

pub(crate) use self::sync::{SyncOptions, measure_sync};
use self::{journal::Journal, server::Server};

/// What a yardstick server does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yardstick {
    /// Every submit goes to the other members of its room: `limit-bcast`.
    Broadcast,
    /// The same after one write and one sync per turn, then cumulative acknowledgements: `limit-ack`.
    Acknowledge,
    /// A hello is answered and nothing is kept: `limit-accept`.
    Accept,
}

/// Serves as a yardstick until the process ends. `dir` holds the file of [`Yardstick::Acknowledge`].
pub(crate) fn serve(kind: Yardstick, listen: SocketAddr, dir: &Path) -> Result<(), Error> {
    let journal = match kind {
        Yardstick::Acknowledge => Some(Journal::create(dir)?),
        Yardstick::Broadcast | Yardstick::Accept => None,
    };
    let mut server = Server::bind(listen, kind, journal)?;
    loop {
        server.turn()?;
    }
}
