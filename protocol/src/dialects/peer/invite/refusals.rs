//! Refusals wait a while before they are told, so that guessing is slow.
//!
//! Knows no code: all are refused in the same words.

use std::{collections::VecDeque, time::Duration};

use crate::dialects::peer::{
    id::{PeerId, RequestId},
    now::Now,
};

/// What every refused joiner is told.
pub const REFUSAL: &str = "Invalid, expired, or used invite code.";

/// Refusals that wait, at most. Of more than that the first are never told.
pub const REFUSALS_MAX: usize = 64;

const DELAY: Duration = Duration::from_millis(500);

/// A refusal to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of which request.
    pub request: RequestId,
    /// To whom.
    pub joiner: PeerId,
}

/// Refusals that wait.
#[derive(Clone, Debug, Default)]
pub struct Refusals(VecDeque<(Duration, Refusal)>);

impl Refusals {
    /// Keeps a refusal until it may be told, unless it waits already.
    pub fn refuse(&mut self, now: Now, refusal: Refusal) {
        if self.0.iter().any(|(_, waiting)| *waiting == refusal) {
            return;
        }
        if self.0.len() >= REFUSALS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now.elapsed + DELAY, refusal));
    }

    /// Those that may be told now.
    pub fn due(&mut self, now: Now) -> Vec<Refusal> {
        let due = self.0.iter().take_while(|(at, _)| *at <= now.elapsed).count();
        self.0.drain(..due).map(|(_, refusal)| refusal).collect()
    }

    /// When one may be told, in [`Now::elapsed`].
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.0.front().map(|(at, _)| *at)
    }
}
