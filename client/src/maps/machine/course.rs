//! How far one map has come on this connection, and what it does next. Knows no message.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use syncline_protocol::dialects::maps::Path;

use super::{buckets::Buckets, ranges::Ranges, rules::Rules};
use crate::backoff::Backoff;

/// What a map reads from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// What changed since its cursor.
    Changes,
    /// Everything, beside what is here.
    All,
    /// Everything, in the place of what is here.
    Replace,
}

/// How two replicas that differ find out where.
#[derive(Debug)]
pub(super) enum Repair {
    /// By ranges.
    Ranges(Box<Ranges>),
    /// By the tree of buckets.
    Buckets(Box<Buckets>),
}

/// What a map does.
#[derive(Debug)]
pub(super) enum Step {
    /// Sends what waits. What waited when it began is on its way in the push of this number and
    /// those before it; `None` until all of it is.
    Push(Option<u64>),
    /// Asks what the server has where a write was refused.
    Revert,
    /// Asks what is new.
    Pull(Reading),
    /// Asks where the two differ.
    Repair(Repair),
    /// Sends what the server was found not to have.
    Heal,
    /// Tries again later, as [`Course::wake`] says.
    Wait,
    /// Hears of changes as they come.
    Live,
}

/// How far one map has come on this connection.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) step: Step,
    /// A request of it is under way.
    pub(super) asked: bool,
    /// It stands in the row of those that want to ask.
    pub(super) queued: bool,
    /// It stands in the row of those that may have something to push.
    pub(super) dirty: bool,
    /// Its writes up to this order are on their way.
    pub(super) sent: u64,
    /// Writes on their way.
    pub(super) flying: usize,
    /// Pushes of it that were answered.
    pub(super) acks: u64,
    /// Records that the server was found not to have.
    pub(super) wanted: VecDeque<Path>,
    /// Of those, how many are on their way.
    pub(super) healing: usize,
    /// Of those, what the server does not take from this client.
    pub(super) unwelcome: BTreeSet<Path>,
    /// Writes were acknowledged in memory, and nothing since says that they are durable.
    pub(super) in_memory: bool,
    /// Proved equal on this connection, and nothing was missed since.
    pub(super) equal: bool,
    /// The number of the request whose answer proved it last.
    pub(super) proved: u64,
    /// A proof that was asked for with this number, or a lower one, is not new enough.
    pub(super) prove_behind: u64,
    /// A proof is wanted once nothing is on its way, not before this time.
    pub(super) prove_at: Option<Duration>,
    /// The server wants it read anew.
    pub(super) reset: bool,
    /// How far a reading of everything has come. It goes on over connections.
    pub(super) reading: Option<Bytes>,
    /// Repairs in a row that did not make it equal.
    pub(super) repairs: u32,
    /// Times in a row that the server wanted it read anew.
    pub(super) resets: u32,
    /// Changes in a row that came behind a gap, and the waits before they are asked for.
    pub(super) gaps: u32,
    pub(super) gap_waits: Backoff,
    /// Pages in a row that held nothing and were not the last.
    pub(super) empty_pages: u32,
    /// The server has no cursors, or no ranges, for this map.
    pub(super) without_cursor: bool,
    pub(super) without_ranges: bool,
    /// When it does something by itself.
    pub(super) wake: Option<Duration>,
    /// The waits before a failed request is made again.
    pub(super) retries: Backoff,
    /// The waits before a proof that could not be had is tried again.
    pub(super) proofs: Backoff,
    /// The waits of a map that is not equal after all.
    pub(super) waits: Backoff,
}

impl Course {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            step: Step::Push(None),
            asked: false,
            queued: false,
            dirty: false,
            sent: 0,
            flying: 0,
            acks: 0,
            wanted: VecDeque::new(),
            healing: 0,
            unwelcome: BTreeSet::new(),
            in_memory: false,
            equal: false,
            proved: 0,
            prove_behind: 0,
            prove_at: None,
            reset: false,
            reading: None,
            repairs: 0,
            resets: 0,
            gaps: 0,
            gap_waits: rules.retries(),
            empty_pages: 0,
            without_cursor: false,
            without_ranges: false,
            wake: None,
            retries: rules.retries(),
            proofs: rules.retries(),
            waits: rules.repairs(),
        }
    }

    /// The same map on another connection: how far a reading of everything came is kept, and how often
    /// repairs were in vain.
    pub(super) fn renewed(&mut self, rules: &Rules) {
        let former = std::mem::replace(self, Self::new(rules));
        let Self { reading, repairs, waits, retries, .. } = former;
        *self = Self { reading, repairs, waits, retries, ..Self::new(rules) };
    }

    /// Whether it has something to ask now.
    pub(super) fn wants_to_ask(&self) -> bool {
        !self.asked && matches!(self.step, Step::Revert | Step::Pull(_) | Step::Repair(_))
    }
}
