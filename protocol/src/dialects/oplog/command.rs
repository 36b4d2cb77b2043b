//! What a dataset can be asked, as it crosses to the shard that owns it.
//!
//! Knows the requests; nothing of what becomes of them.

use std::sync::Arc;

use super::request::{Checkpoint, Pull, Push, Reset};

/// What a dataset is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Request {
    /// Everything there is.
    Bootstrap,
    /// Store operations.
    Push(Push),
    /// What is new?
    Pull(Pull),
    /// Begin a new generation with a snapshot.
    Reset(Reset),
    /// Let a snapshot stand for the first operations of the generation.
    Checkpoint(Checkpoint),
    /// Keep everything under a new key, so that every client begins anew: after an older state of
    /// the dataset was restored, clients may be ahead of it.
    Rotate,
}

/// A request and the key for a generation that may have to begin with it.
#[derive(Clone, Debug)]
pub struct Command {
    pub(super) request: Request,
    pub(super) candidate: Arc<str>,
}

impl Command {
    /// A command with a `candidate` that was never given for any other command, such as a random
    /// UUID: it becomes the key of a dataset that has none, or the next key of one that needs another.
    #[must_use]
    pub fn new(request: Request, candidate: impl Into<Arc<str>>) -> Self {
        Self { request, candidate: candidate.into() }
    }
}
