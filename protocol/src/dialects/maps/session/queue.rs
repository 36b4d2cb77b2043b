//! How much of what a client asks is under way at once, and what waits for its turn.
//!
//! A client is told how many requests it may have under way; one that sends more does no harm and loses
//! nothing: what goes beyond waits here in its order, up to as much again, and only what goes beyond that
//! is refused with RATE_LIMITED before anything of it is done. A request weighs as many as it has
//! operations, or its share of the bytes of a full batch; one that reads weighs as a full batch.

use std::collections::VecDeque;

use super::super::{
    proto::{AuthRequest, OperationMessage, Subscribe, SyncRequest, Unsubscribe},
    settings::Limits,
};

/// A request that can be begun.
#[derive(Debug)]
pub(super) enum Work {
    Auth(AuthRequest),
    Write(Vec<OperationMessage>),
    Read(Box<SyncRequest>),
    Directory,
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
}

/// Requests under way, and those that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// What those under way weigh.
    busy: u32,
    /// What those that wait weigh.
    waiting: u32,
    work: VecDeque<(u64, u32, Work)>,
}

/// What a batch of so many operations and bytes weighs.
pub(super) fn weight(ops: usize, bytes: usize, limits: &Limits) -> u32 {
    let share = bytes.saturating_mul(limits.batch_ops_max) / limits.batch_bytes_max.max(1);
    u32::try_from(ops.max(share).max(1)).unwrap_or(u32::MAX)
}

/// What a request weighs that reads.
pub(super) fn full_weight(limits: &Limits) -> u32 {
    weight(limits.batch_ops_max, 0, limits)
}

/// What may be under way at once, and wait.
fn weight_max(limits: &Limits) -> u32 {
    full_weight(limits).saturating_mul(limits.in_flight_max.max(1))
}

impl Queue {
    /// Whether a request of this weight may begin now. One may always, when there is no other.
    pub(super) fn has_room(&self, weight: u32, limits: &Limits) -> bool {
        self.busy == 0 || self.busy.saturating_add(weight) <= weight_max(limits)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.work.is_empty()
    }

    /// Lets a request wait; gives it back when too many do.
    pub(super) fn push(
        &mut self,
        place: u64,
        weight: u32,
        work: Work,
        limits: &Limits,
    ) -> Result<(), Work> {
        if !self.is_empty() && self.waiting.saturating_add(weight) > weight_max(limits) {
            return Err(work);
        }
        self.waiting = self.waiting.saturating_add(weight);
        self.work.push_back((place, weight, work));
        Ok(())
    }

    /// The next that waits, if it may begin now.
    pub(super) fn next(&mut self, limits: &Limits) -> Option<(u64, u32, Work)> {
        let weight = self.work.front()?.1;
        if !self.has_room(weight, limits) {
            return None;
        }
        self.waiting = self.waiting.saturating_sub(weight);
        self.work.pop_front()
    }

    /// A request of this weight has begun.
    pub(super) fn begin(&mut self, weight: u32) {
        self.busy = self.busy.saturating_add(weight);
    }

    /// A request of this weight has its answer.
    pub(super) fn end(&mut self, weight: u32) {
        self.busy = self.busy.saturating_sub(weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { batch_ops_max: 10, batch_bytes_max: 1000, in_flight_max: 2, ..Limits::default() }
    }

    #[test]
    fn a_batch_weighs_its_operations_or_its_share_of_bytes() {
        let weights = [(0, 0), (1, 99), (1, 100), (3, 250), (10, 1000)];
        let weights = weights.map(|(ops, bytes)| weight(ops, bytes, &limits()));
        assert_eq!(weights, [1, 1, 1, 3, 10]);
        assert_eq!(weight(1, 550, &limits()), 5);
        assert_eq!(full_weight(&limits()), 10);
    }

    #[test]
    fn as_much_as_may_be_under_way_may_wait_and_no_more() {
        let (limits, mut queue) = (limits(), Queue::default());
        queue.begin(15);
        assert!(queue.has_room(5, &limits) && !queue.has_room(6, &limits));
        assert!(queue.push(1, 10, Work::Directory, &limits).is_ok());
        assert!(queue.push(2, 10, Work::Directory, &limits).is_ok());
        assert!(queue.push(3, 1, Work::Directory, &limits).is_err());
        assert!(queue.next(&limits).is_none(), "there is no room for 10");
        queue.end(15);
        assert!(matches!(queue.next(&limits), Some((1, 10, Work::Directory))));
        queue.begin(10);
        assert!(matches!(queue.next(&limits), Some((2, 10, Work::Directory))));
        assert!(queue.is_empty() && queue.next(&limits).is_none());
    }

    #[test]
    fn one_that_is_too_heavy_begins_alone() {
        let (limits, mut queue) = (limits(), Queue::default());
        assert!(queue.has_room(100, &limits));
        queue.begin(1);
        assert!(!queue.has_room(100, &limits));
        assert!(queue.push(1, 100, Work::Directory, &limits).is_ok());
        queue.end(1);
        assert!(queue.next(&limits).is_some());
    }
}
