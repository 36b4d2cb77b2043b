//! Which packets were done already (dossier, section 4, H3).
//!
//! A packet is known by its sender's key and its signature: what a sender signs anew, as a request that
//! is asked again, is another packet. Bounded by count and time; knows no clock.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use sha2::{Digest, Sha256};

/// What is remembered of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark([u8; 16]);

impl Mark {
    /// The mark of a packet with this sender's key and this signature.
    pub(super) fn of(sender: &[u8; 32], signature: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(sender).chain_update(signature).finalize();
        let mut mark = [0; 16];
        mark.copy_from_slice(&hash[..16]);
        Self(mark)
    }
}

/// The packets of the last while.
#[derive(Debug)]
pub(super) struct Replays {
    most: usize,
    memory: Duration,
    seen: HashSet<Mark>,
    /// In the order they came; may name marks that were forgotten.
    order: VecDeque<(Duration, Mark)>,
}

impl Replays {
    pub(super) fn new(most: usize, memory: Duration) -> Self {
        Self { most: most.max(1), memory, seen: HashSet::new(), order: VecDeque::new() }
    }

    /// Remembers a packet; false when it is remembered already.
    pub(super) fn first(&mut self, mark: Mark, now: Duration) -> bool {
        while let Some((at, oldest)) = self.order.front()
            && (*at + self.memory <= now || self.order.len() >= self.most)
        {
            self.seen.remove(oldest);
            self.order.pop_front();
        }
        let is_first = self.seen.insert(mark);
        if is_first {
            self.order.push_back((now, mark));
        }
        is_first
    }

    /// Forgets a packet that was not done after all: it waits and comes again.
    pub(super) fn forget(&mut self, mark: Mark) {
        if self.seen.remove(&mark)
            && let Some(at) = self.order.iter().rposition(|(_, other)| *other == mark)
        {
            self.order.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn mark(n: u64) -> Mark {
        Mark::of(&[1; 32], &n.to_be_bytes())
    }

    #[test]
    fn a_packet_is_new_once_until_it_is_forgotten() {
        let mut replays = Replays::new(8, 600 * SECOND);
        assert!(replays.first(mark(1), SECOND));
        assert!(!replays.first(mark(1), SECOND));
        assert!(replays.first(Mark::of(&[2; 32], &1u64.to_be_bytes()), SECOND), "another's");
        replays.forget(mark(1));
        assert!(replays.first(mark(1), SECOND));
        assert!(!replays.first(mark(1), 600 * SECOND));
        assert!(replays.first(mark(1), 601 * SECOND));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let mut replays = Replays::new(8, 600 * SECOND);
        for n in 0..1000 {
            assert!(replays.first(mark(n), SECOND));
            assert!(replays.seen.len() <= 8 && replays.order.len() <= 8);
        }
        assert!(!replays.first(mark(999), SECOND));
        assert!(replays.first(mark(100), SECOND));
    }
}
