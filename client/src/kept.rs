//! What the states of all clients have in common: how they fail, and how they say that something
//! is durable. Knows no dialect.

use std::{error::Error, fmt, sync::Arc};

/// Waits until what was kept survives what the state promises. It may block for the disk.
pub type Durable = Box<dyn FnOnce() -> Result<(), StateError> + Send>;

/// The client's state could not be read or kept.
#[derive(Clone, Debug)]
pub struct StateError(Arc<dyn Error + Send + Sync>);

impl StateError {
    /// An error of what lies behind the state.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// A store holds what this version does not know.
    pub(crate) fn foreign() -> Self {
        Self::new("the store holds the state of a newer client; update this program")
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the client's state could not be kept: {}", self.0)
    }
}

impl Error for StateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

impl From<syncline_engine::Error> for StateError {
    fn from(error: syncline_engine::Error) -> Self {
        Self::new(error)
    }
}
