//! What a client keeps from one run to the next, behind a small seam.
//! Knows what is kept; not where.

use super::machine::{Key, Known, Own};
use crate::kept::{Durable, StateError};

/// What an earlier run left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The last timestamp given, in microseconds; 0 when there was none.
    pub stamp: i64,
    /// What the server had, as far as it was heard of.
    pub known: Vec<(Key, Known)>,
    /// Values of this client's own that the server is not known to have.
    pub own: Vec<(Key, Own)>,
}

/// What has changed of what is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The last timestamp given, if it has changed.
    pub stamp: Option<i64>,
    /// Values of this client's own; `None` where one is gone.
    pub own: Vec<(Key, Option<Own>)>,
    /// What the server has; `None` where it has nothing any more.
    pub known: Vec<(Key, Option<Known>)>,
}

impl Update {
    pub(super) fn is_empty(&self) -> bool {
        self.stamp.is_none() && self.own.is_empty() && self.known.is_empty()
    }
}

/// Where a client keeps the workspace and what waits for the server, between runs.
///
/// The calls come under the client's lock and must not wait for a disk; what must wait goes into
/// [`Durable`].
pub trait State: Send + 'static {
    /// What the last run left. Called once, before anything else.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read; the client then does not start.
    fn load(&mut self) -> Result<Kept, StateError>;

    /// Keeps an update: all of it or nothing, except that `known` may be kept in part.
    ///
    /// # Errors
    /// [`StateError`], which the application is told.
    fn keep(&mut self, update: &Update) -> Result<(), StateError>;

    /// Waits for what was kept so far; `None` when there is nothing to wait for. It is awaited
    /// before the application is told that a value is set, and before that value is sent.
    fn durable(&mut self) -> Option<Durable>;
}

/// Keeps nothing: the next run starts with an empty cache and an empty queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct InMemory;

impl State for InMemory {
    fn load(&mut self) -> Result<Kept, StateError> {
        Ok(Kept::default())
    }

    fn keep(&mut self, _: &Update) -> Result<(), StateError> {
        Ok(())
    }

    fn durable(&mut self) -> Option<Durable> {
        None
    }
}
