//! What a session and its room both know of one peer.
//!
//! The session lives with its connection and the room with its owner, each on a thread of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::dialect::UnixMillis;

/// How often a peer is told that something it sent was not taken, at most.
const COMPLAINT_EVERY_MS: u64 = 1000;

/// A peer's counters.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// Corrections that the room has sent it. Only the room counts here.
    resends: AtomicU64,
    /// When it may be told the next time.
    next_complaint_ms: AtomicU64,
}

impl Sender {
    /// The corrections the room has sent it.
    pub(super) fn resends(&self) -> u64 {
        self.resends.load(Ordering::Relaxed)
    }

    /// One more correction.
    pub(super) fn add_resend(&self) {
        self.resends.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it is told now that something was not taken.
    pub(super) fn may_complain(&self, now: UnixMillis) -> bool {
        let next = self.next_complaint_ms.load(Ordering::Relaxed);
        // A clock that was set back does not silence us.
        let due = now.0 >= next || next - now.0 > COMPLAINT_EVERY_MS;
        if due {
            self.next_complaint_ms.store(now.0 + COMPLAINT_EVERY_MS, Ordering::Relaxed);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_a_second_and_again_after_the_clock_was_set_back() {
        let sender = Sender::default();
        let told = [0, 1, 999, 1000, 1500, 2000, 500].map(|at| sender.may_complain(UnixMillis(at)));
        assert_eq!(told, [true, false, false, true, false, true, true]);
    }
}
