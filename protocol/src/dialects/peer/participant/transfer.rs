//! One's own keys of a room on their way to another device: out of a participant, and into a store that has
//! none yet. Knows no form that they travel in.

use super::{Participant, marks};
use crate::dialects::peer::{
    keys::RoomKeys,
    store::{Store, StoreFailed},
};

/// Why keys were not taken in. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TakeKeysError {
    /// There are other keys, which others may know.
    #[error("the store has other keys of this room, which are not overwritten")]
    OtherKeys,
    /// The local store failed.
    #[error(transparent)]
    Store(#[from] StoreFailed),
}

/// Puts keys into the store of a room before its participant is [opened](Participant::open) for the first
/// time, which makes new ones where there are none. On the device when this returns.
///
/// # Errors
/// [`TakeKeysError`].
pub fn take_keys(store: &mut dyn Store, keys: &RoomKeys) -> Result<(), TakeKeysError> {
    match marks::kept_keys(store)? {
        Some(kept) if kept.to_bytes() != keys.to_bytes() => Err(TakeKeysError::OtherKeys),
        Some(_) => Ok(()),
        None => {
            marks::keep_keys(store, keys)?;
            Ok(store.sync()?)
        }
    }
}

impl<S: Store> Participant<S> {
    /// The keys of this participant in this room, with what is secret of them.
    #[must_use]
    pub fn secret_keys(&self) -> RoomKeys {
        self.keys.clone()
    }
}
