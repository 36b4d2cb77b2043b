//! What a client brings to the application: the newest value of each key that has changed.
//! Knows what the application is told; nothing of messages.

use std::sync::Arc;

use super::{
    json::{Json, JsonError},
    machine::Key,
    shared::Shared,
    watches::Look,
};
use crate::kept::StateError;

/// A key whose value has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The key.
    pub key: Key,
    /// Its value now; `None` when the server has lost it.
    pub value: Option<Json>,
    /// Whether the value is this client's own and not known to be kept by the server.
    pub pending: bool,
}

impl Change {
    /// The value as a type; `None` when there is none.
    ///
    /// # Errors
    /// [`JsonError`] when it is none of that type.
    pub fn to<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>, JsonError> {
        self.value.as_ref().map(Json::to).transpose()
    }
}

/// Something the application should know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A key has changed, by this client or another one.
    Changed(Change),
    /// The server did not take something that this client sent, and does not say what: the
    /// workspace is full, or the token may not write. It stays pending and is sent again with
    /// every connection; [`Client::discard`](super::Client::discard) gives it up.
    Refused(Arc<str>),
    /// What should be kept for the next run was not. The client goes on.
    StateFailed(StateError),
}

/// The changes of a workspace, or of one key.
///
/// It begins with what is there, and then brings what changes. A key that changes several times
/// before it is looked at comes once, with its newest value: a watch that is not read costs memory
/// for the keys that have changed, and holds up nobody.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    id: u64,
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, only: Option<Key>) -> Self {
        let id = shared.watch(only);
        Self { shared, id }
    }

    /// The next event; `None` once the client has ended and everything was seen.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        let (look, shown) = self.shared.look(self.id).await?;
        Some(match look {
            Look::Key(key) => {
                let (value, pending) = shown.map_or((None, false), |(v, p)| (Some(v), p));
                Event::Changed(Change { key, value, pending })
            }
            Look::Refused(reason) => Event::Refused(reason),
            Look::StateFailed(error) => Event::StateFailed(error),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.unwatch(self.id);
    }
}
