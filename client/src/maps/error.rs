//! What a caller is told when something cannot be done. Knows no reason's cause.

use crate::{kept::StateError, task::Stopped, websocket::AddressError};

/// Why a client did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The server's URL.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The store could not be opened: [`syncline_engine::Error::Locked`] when another client, in
    /// this process or another, has it open.
    #[error(transparent)]
    Store(syncline_engine::Error),
    /// What the last run left could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no tokio runtime here.
    #[error("a client runs on a tokio runtime with time and I/O; start it inside one")]
    NoRuntime,
}

/// Why a map was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No map can have this name.
    #[error("a map's name has 1 to 128 of the characters A-Z a-z 0-9 _ . : / -")]
    Name,
    /// As many maps are open as [`Settings::maps_max`](super::Settings::maps_max) says.
    #[error("{maps_max} maps are open, which is as many as may be")]
    TooMany {
        /// [`Settings::maps_max`](super::Settings::maps_max).
        maps_max: usize,
    },
    /// It could not be read from the store.
    #[error(transparent)]
    State(#[from] StateError),
    /// The client has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a key was not written. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The key is empty, or longer than [`Settings::key_bytes_max`](super::Settings::key_bytes_max).
    #[error("a key must be 1 to {bytes_max} bytes long, this one has {bytes}")]
    Key {
        /// Its length.
        bytes: usize,
        /// [`Settings::key_bytes_max`](super::Settings::key_bytes_max).
        bytes_max: usize,
    },
    /// The value is larger than
    /// [`Settings::value_bytes_max`](super::Settings::value_bytes_max).
    #[error("the value has {bytes} bytes, the limit is {bytes_max}")]
    Value {
        /// Its length.
        bytes: usize,
        /// [`Settings::value_bytes_max`](super::Settings::value_bytes_max).
        bytes_max: usize,
    },
    /// As many keys wait for the server as
    /// [`Settings::pending_keys_max`](super::Settings::pending_keys_max) says.
    #[error("{keys_max} keys wait for the server, which is as many as may")]
    Full {
        /// [`Settings::pending_keys_max`](super::Settings::pending_keys_max).
        keys_max: usize,
    },
    /// The map was closed ([`Client::close`](super::Client::close)).
    #[error("the map is closed; open it again")]
    Closed,
    /// The store did not take it.
    #[error(transparent)]
    State(#[from] StateError),
    /// The client has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
