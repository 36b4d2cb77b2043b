//! Whether commits may take space of the disk, and whether the background work is called for.
//!
//! Knows flags; nothing of disks or of what is done.

use std::time::Duration;

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How the store stands with the disk's space.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// A commit found no space since the background work last looked.
    is_wanted: AtomicBool,
    /// What is free is for winning back space: commits that need a new segment fail at once.
    is_shut: AtomicBool,
    /// A segment has begun since the background work last looked.
    has_rolled: AtomicBool,
    /// Nanoseconds that a KiB of a batch waits for, while the background work does not keep up.
    pace_ns: AtomicU64,
    /// Nanoseconds that commits have to wait for and have not waited yet.
    owed_ns: AtomicU64,
}

/// What is owed is waited for when it is so much: shorter sleeps take longer than they are asked to.
const OWED_NS_MIN: u64 = 1_000_000;
/// Longest wait of a commit.
const WAIT_NS_MAX: u64 = 5_000_000;
/// Longest wait for a KiB: writers are never slower than this.
const PACE_NS_MAX: u64 = 50_000;

impl Gate {
    /// Whether commits are kept from taking space.
    pub(crate) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Acquire)
    }

    /// Shuts or opens it; returns how it was.
    pub(crate) fn shut(&self, shut: bool) -> bool {
        self.is_shut.swap(shut, Ordering::AcqRel)
    }

    /// A commit needs space that is not there.
    pub(crate) fn want_space(&self) {
        self.is_wanted.store(true, Ordering::Release);
    }

    /// Whether a commit needed space since this was last asked.
    pub(crate) fn take_wanted(&self) -> bool {
        self.is_wanted.swap(false, Ordering::AcqRel)
    }

    /// A segment has begun.
    pub(crate) fn note_roll(&self) {
        self.has_rolled.store(true, Ordering::Release);
    }

    /// Slows commits when more bytes are dead than allowed: they share the disk and the processor with
    /// the work that wins space back.
    pub(crate) fn set_pace(&self, dead_bytes: u64, allowed_bytes: u64) {
        let over = dead_bytes.saturating_sub(allowed_bytes) as f64 / allowed_bytes.max(1) as f64;
        // All of it when a fifth more is dead.
        let pace = (over * 5.0).min(1.0) * PACE_NS_MAX as f64;
        self.pace_ns.store(pace as u64, Ordering::Relaxed);
    }

    /// How long a commit of so many bytes is to wait before it is placed; mostly not at all.
    pub(crate) fn wait_for(&self, bytes: usize) -> Option<Duration> {
        let pace = self.pace_ns.load(Ordering::Relaxed);
        if pace == 0 {
            return None;
        }
        let own = pace.saturating_mul(bytes as u64) / 1024;
        let owed = self.owed_ns.fetch_add(own, Ordering::Relaxed) + own;
        if owed < OWED_NS_MIN {
            return None;
        }
        self.owed_ns.store(0, Ordering::Relaxed);
        Some(Duration::from_nanos(owed.min(WAIT_NS_MAX)))
    }

    /// The background work looks now.
    pub(crate) fn look(&self) {
        self.has_rolled.store(false, Ordering::Release);
    }

    /// Whether anything happened that the background work has not looked at.
    pub(crate) fn wants_a_look(&self) -> bool {
        self.is_wanted.load(Ordering::Acquire) || self.has_rolled.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_wait_only_when_too_much_is_dead_and_never_long() {
        let gate = Gate::default();
        gate.set_pace(1000, 1000);
        assert_eq!(gate.wait_for(1 << 30), None);
        gate.set_pace(1100, 1000);
        // 25 microseconds for each KiB, owed until they are a millisecond.
        let waits: Vec<_> = (0..80).filter_map(|_| gate.wait_for(1024)).collect();
        assert_eq!(waits, [Duration::from_millis(1); 2]);
        gate.set_pace(5000, 1000);
        assert_eq!(gate.wait_for(20 << 10), Some(Duration::from_millis(1)));
        assert_eq!(gate.wait_for(1 << 30), Some(Duration::from_millis(5)));
        gate.set_pace(0, 0);
        assert_eq!(gate.wait_for(1 << 30), None);
    }
}
