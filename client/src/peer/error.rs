//! What a caller is told when something cannot be done. Knows no cause of it.

use syncline_protocol::dialects::peer::{
    id::PeerId,
    participant::{OpenError, TakeKeysError, WriteError},
    store::StoreFailed,
};

use crate::{task::Stopped, transport::ConnectionError, websocket::AddressError};

/// Why a room was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The server's URL.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The name in the token is none: it is empty, or over 128 bytes, or has a control character.
    #[error("an identity has 1 to 128 bytes and no control character")]
    Identity,
    /// The store could not be opened: [`syncline_engine::Error::Locked`] when it is open elsewhere.
    #[error(transparent)]
    Store(#[from] syncline_engine::Error),
    /// The room cannot be opened with what is stored of it.
    #[error(transparent)]
    Room(#[from] OpenError),
    /// A room of this name is open already.
    #[error("the room {0:?} is open already")]
    Open(String),
    /// As many rooms are open as [`Settings::rooms_max`](super::Settings::rooms_max) says.
    #[error("{rooms_max} rooms are open, which is as many as may be")]
    TooMany {
        /// [`Settings::rooms_max`](super::Settings::rooms_max).
        rooms_max: usize,
    },
    /// The group could not be founded.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The system gives no random bytes for keys.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// There is no tokio runtime here.
    #[error("rooms run on a tokio runtime with time and I/O; open them inside one")]
    NoRuntime,
}

/// Why nobody was invited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// No group was founded in this room, or it has not come here yet.
    #[error("this room has no group that can invite")]
    NoGroup,
    /// The group has as many invites as are looked at, and none of them expired a day ago: take some back.
    #[error("the group has as many invites as it may have; take some of them back")]
    TooMany,
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The system gives no random bytes for the code.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
}

impl From<StoreFailed> for InviteError {
    fn from(failed: StoreFailed) -> Self {
        Self::Write(failed.into())
    }
}

/// Why keys were not taken out or in. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The text is none of keys.
    #[error("this is no text of the keys of a room")]
    NotKeys,
    /// Some of the text is missing or is another.
    #[error("the text of the keys is damaged or not whole: copy it again")]
    Damaged,
    /// It was made by a later version, with this number.
    #[error("the keys are of form {0}, which a newer client reads")]
    Version(u8),
    /// The passphrase is another.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// They are of another identity.
    #[error("these are the keys of {0}")]
    OtherIdentity(PeerId),
    /// The room is open: its keys are in use.
    #[error("the room {0:?} is open: take its keys in before")]
    Open(String),
    /// They could not be put into the store, which may have others.
    #[error(transparent)]
    Take(#[from] TakeKeysError),
    /// The system gives no random bytes for the salt.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
}

impl From<StoreFailed> for KeysError {
    fn from(failed: StoreFailed) -> Self {
        Self::Take(failed.into())
    }
}

/// Why a code did not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The invite room could not be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The code is wrong, expired or used. What the host said.
    #[error("the invite was refused: {0}")]
    Refused(String),
    /// Nobody answered within 15 s: no host of the group is there, or the connection to it is lost.
    #[error("nobody answered; no host of this group is online")]
    Unanswered,
    /// The server did not let this peer into the invite room.
    #[error("the invite room could not be entered: {0}")]
    NotLetIn(ConnectionError),
    /// It could not be asked.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The room was closed meanwhile.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
