//! How often each participant is given a key, or told that it is no member, however often it asks. Knows names and times only.

use std::{collections::BTreeMap, time::Duration};

use crate::dialects::peer::{id::PeerId, now::Now};

/// Between two answers to the same participant.
const EVERY: Duration = Duration::from_secs(2);
/// Participants whose last answer is remembered.
const REMEMBERED_MAX: usize = 4096;

/// When each participant was last answered.
#[derive(Debug, Default)]
pub(super) struct Paced(BTreeMap<PeerId, Duration>);

impl Paced {
    /// Whether this one may be answered now; if so, that is remembered.
    pub(super) fn may(&mut self, peer: &PeerId, now: Now) -> bool {
        if self.0.len() >= REMEMBERED_MAX {
            self.0.retain(|_, at| *at + EVERY > now.elapsed);
        }
        let is_over = self.0.get(peer).is_none_or(|at| *at + EVERY <= now.elapsed);
        if !is_over || self.0.len() >= REMEMBERED_MAX {
            return false;
        }
        self.0.insert(peer.clone(), now.elapsed);
        true
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
