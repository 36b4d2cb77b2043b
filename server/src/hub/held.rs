//! The bytes of opening messages, from when they are made until the last peer has taken them.
//!
//! A peer may take its opening as slowly as it is let, and each may have one of its own: together
//! they have a bound. Knows no rooms and no sockets.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// As many messages of the largest size may be held as opening messages at a time.
const MESSAGES_MAX: usize = 32;

/// Bytes held of large opening messages.
#[derive(Debug)]
pub(crate) struct OpeningBytes {
    held: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// A large opening message that is counted until it is dropped.
#[derive(Debug)]
struct Counted {
    message: Bytes,
    all: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.fetch_sub(self.message.len(), Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Shared(Arc<Counted>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.message
    }
}

/// The last opening message of a room that was counted: it may be sent to many, and counts once.
#[derive(Debug, Default)]
pub(super) struct LastCounted(Weak<Counted>);

impl OpeningBytes {
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self { held: Arc::default(), bytes_max: message_bytes_max.saturating_mul(MESSAGES_MAX) }
    }

    /// The message, counted from now on until all its copies are dropped; `None` when too much is
    /// held already. What is no longer than `uncounted` is bounded like all that waits for a peer, and
    /// one message alone may be as long as it is.
    pub(super) fn hold(
        &self,
        message: Bytes,
        uncounted: usize,
        last: &mut LastCounted,
    ) -> Option<Bytes> {
        if message.len() <= uncounted {
            return Some(message);
        }
        let same = |held: &Arc<Counted>| {
            held.message.as_ptr() == message.as_ptr() && held.message.len() == message.len()
        };
        if let Some(held) = last.0.upgrade().filter(same) {
            return Some(Bytes::from_owner(Shared(held)));
        }
        let before = self.held.fetch_add(message.len(), Ordering::Relaxed);
        let counted = Arc::new(Counted { message, all: self.held.clone() });
        if before > 0 && before + counted.message.len() > self.bytes_max {
            return None;
        }
        last.0 = Arc::downgrade(&counted);
        Some(Bytes::from_owner(Shared(counted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_and_counts_once() {
        let message = |bytes: usize| Bytes::from(vec![0; bytes]);
        let (openings, mut last) = (OpeningBytes::new(100), LastCounted::default());
        let held = || openings.held.load(Ordering::Relaxed);
        let first = message(2_000);
        let copies: Vec<_> =
            (0..9).map(|_| openings.hold(first.clone(), 10, &mut last).unwrap()).collect();
        assert!(copies.iter().all(|copy| copy.as_ptr() == first.as_ptr()));
        assert_eq!(held(), 2_000);
        let mut other = LastCounted::default();
        assert!(openings.hold(message(1_201), 10, &mut other).is_none());
        assert_eq!(held(), 2_000, "what is not held does not count");
        assert!(openings.hold(message(10), 10, &mut other).is_some(), "short ones do not count");
        assert!(openings.hold(message(1_200), 10, &mut other).is_some());
        drop(copies);
        assert_eq!(held(), 0);
        let alone = openings.hold(message(3_201), 10, &mut other);
        assert!(alone.is_some(), "one alone may be as long as it is");
    }
}
