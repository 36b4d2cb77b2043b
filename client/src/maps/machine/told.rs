//! What the machine tells its driver: what happened, and why a connection must end.

use syncline_protocol::dialects::maps::proto::{AuthStatus, ErrorCode};

use super::super::replica::MapName;
use crate::kept::StateError;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The server has let this client in.
    Online,
    /// A map is proved to be what the server has.
    Equal(MapName),
    /// Repairs have not made a map equal to the server's; the next ones come later.
    Unequal(MapName),
    /// The server does not let this client read a map.
    Unreadable(MapName),
    /// The token's end is near or past: a new one is wanted for [`Machine::authenticate`].
    ///
    /// [`Machine::authenticate`]: super::Machine::authenticate
    TokenWanted,
    /// The server's clock is so far ahead of this device's. Its timestamps are followed.
    ServerAhead {
        /// Milliseconds.
        ms: u64,
    },
    /// Operations of a map that the server sent could not be read, and are missing here.
    Skipped {
        /// The map.
        map: MapName,
        /// How many.
        ops: usize,
    },
}

/// Why a connection must end.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// The server broke the protocol.
    #[error("the server broke the protocol: {0}")]
    Violation(&'static str),
    /// The server does not let this client in.
    #[error("the server does not let this client in: {message}")]
    Denied {
        /// What it says of the token or the node.
        status: AuthStatus,
        /// Its own words, cut to 200 bytes.
        message: String,
    },
    /// The server ends the connection with an error.
    #[error("the server ended the connection: {message}")]
    Refused {
        /// What kind of error.
        code: ErrorCode,
        /// Its own words, cut to 200 bytes.
        message: String,
        /// How long it wants not to be asked, in milliseconds; 0 if it does not say.
        retry_after_ms: u64,
    },
    /// The server owes an answer and says nothing.
    #[error("the server did not answer in time")]
    TimedOut,
    /// What this client keeps could not be read or kept.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The words of a server, for a person: cut to a length that a line of a log can hold.
pub(super) fn words(message: &str) -> String {
    const BYTES_MAX: usize = 200;
    let end = (0..=message.len().min(BYTES_MAX)).rev().find(|at| message.is_char_boundary(*at));
    message[..end.unwrap_or(0)].to_owned()
}
