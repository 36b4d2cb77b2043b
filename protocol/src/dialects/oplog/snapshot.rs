//! The snapshot in memory: one copy for all answers that are under way, and none without them.
//!
//! Knows bytes; nothing of what they are read from.

use std::sync::{Arc, Weak};

use bytes::Bytes;

/// What answers share of one snapshot. It may be large, and many may be slow to take it.
#[derive(Debug, Default)]
pub(super) struct Shared(Weak<Bytes>);

/// One who shares it.
struct Share(Arc<Bytes>);

impl AsRef<[u8]> for Share {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Shared {
    /// What somebody still holds, or else what `read` gives.
    pub(super) fn share<E>(&mut self, read: impl FnOnce() -> Result<Bytes, E>) -> Result<Bytes, E> {
        let held = match self.0.upgrade() {
            Some(held) => held,
            None => Arc::new(read()?),
        };
        self.0 = Arc::downgrade(&held);
        Ok(Bytes::from_owner(Share(held)))
    }
}
