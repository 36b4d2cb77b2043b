//! What a client keeps from one run to the next, behind a small seam.
//! Knows what is kept; not where.

use bytes::Bytes;

use super::{
    change_id::ChangeId,
    machine::{Handled, Kept},
};
use crate::kept::{Durable, StateError};

/// Where a client keeps its outbox and its place between runs.
///
/// Payloads come sealed: whoever reads the state learns no more than the server does. The calls
/// come under the client's lock and must not wait for a disk; what must wait goes into
/// [`Durable`].
pub trait State: Send + 'static {
    /// What the last run left. Called once, before anything else.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read; the client then does not start.
    fn load(&mut self) -> Result<Kept, StateError>;

    /// A change was submitted: it is kept in the outbox, and as seen, both or neither. What comes
    /// back, if anything, is awaited before the application is told.
    ///
    /// # Errors
    /// [`StateError`]; the change then counts as not submitted.
    fn submitted(&mut self, id: ChangeId, payload: &Bytes) -> Result<Option<Durable>, StateError>;

    /// A change is saved by the server and leaves the outbox. When that is lost, the change is
    /// sent again and every receiver passes it over.
    ///
    /// # Errors
    /// [`StateError`], which the application is told.
    fn saved(&mut self, id: ChangeId) -> Result<(), StateError>;

    /// The application has handled changes: the cursor and what it has seen move, both or
    /// neither. When that is lost, it gets them again.
    ///
    /// # Errors
    /// [`StateError`], which the application is told.
    fn handled(&mut self, handled: &Handled) -> Result<(), StateError>;
}

/// Keeps nothing: the next run starts with the whole history and an empty outbox.
#[derive(Clone, Copy, Debug, Default)]
pub struct InMemory;

impl State for InMemory {
    fn load(&mut self) -> Result<Kept, StateError> {
        Ok(Kept::default())
    }

    fn submitted(&mut self, _: ChangeId, _: &Bytes) -> Result<Option<Durable>, StateError> {
        Ok(None)
    }

    fn saved(&mut self, _: ChangeId) -> Result<(), StateError> {
        Ok(())
    }

    fn handled(&mut self, _: &Handled) -> Result<(), StateError> {
        Ok(())
    }
}
