//! How far the application has come, which is behind what has been received: where the next run
//! goes on, and which changes it must know as seen. Knows no payload.

use std::collections::VecDeque;

use crate::relay::change_id::ChangeId;

/// The number of one delivery to the application: ascending from 1, never given twice.
pub(crate) type Ticket = u64;

/// What the application has done with since the last time it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Go on after this sequence number.
    pub cursor: u64,
    /// The changes that were handled, each with its sequence number; none twice.
    pub changes: Vec<(ChangeId, u64)>,
}

#[derive(Debug)]
struct Delivery {
    ticket: Ticket,
    id: Option<ChangeId>,
    sequence: u64,
    /// Everything up to here needs no delivery, or is this one or an earlier one.
    through: u64,
}

/// Follows deliveries until the application has done with them.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    next_ticket: Ticket,
    deliveries: VecDeque<Delivery>,
    cursor: u64,
    /// Not yet reported changes.
    changes: Vec<(ChangeId, u64)>,
    reported: u64,
}

impl Progress {
    /// The application has done with everything up to `cursor`.
    pub(crate) fn new(cursor: u64) -> Self {
        Self { cursor, reported: cursor, ..Self::default() }
    }

    /// A change goes to the application.
    pub(crate) fn deliver(&mut self, sequence: u64, id: Option<ChangeId>) -> Ticket {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        self.deliveries.push_back(Delivery { ticket, id, sequence, through: sequence });
        ticket
    }

    /// Nothing up to this sequence number needs another delivery.
    pub(crate) fn pass(&mut self, sequence: u64) {
        match self.deliveries.back_mut() {
            Some(last) => last.through = last.through.max(sequence),
            None => self.cursor = self.cursor.max(sequence),
        }
    }

    /// The application has done with this delivery and all before it.
    pub(crate) fn handled(&mut self, ticket: Ticket) {
        while let Some(delivery) = self.deliveries.front()
            && delivery.ticket <= ticket
        {
            self.cursor = self.cursor.max(delivery.through);
            self.changes.extend(delivery.id.map(|id| (id, delivery.sequence)));
            self.deliveries.pop_front();
        }
    }

    /// The numbers of the server started again: so does the cursor. Deliveries under way keep
    /// their tickets, but no longer move it.
    pub(crate) fn rewind(&mut self) {
        for delivery in &mut self.deliveries {
            (delivery.sequence, delivery.through) = (0, 0);
        }
        self.cursor = 0;
    }

    /// What is new since the last call, if anything.
    pub(crate) fn report(&mut self) -> Option<Handled> {
        if self.cursor == self.reported && self.changes.is_empty() {
            return None;
        }
        self.reported = self.cursor;
        Some(Handled { cursor: self.cursor, changes: std::mem::take(&mut self.changes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::change_id::Origin;

    fn id(counter: u64) -> ChangeId {
        ChangeId { origin: Origin::new([1; 16]), counter }
    }

    #[test]
    fn the_cursor_stays_before_what_the_application_has_not_handled() {
        let mut progress = Progress::new(10);
        let first = progress.deliver(11, Some(id(1)));
        progress.pass(12);
        let second = progress.deliver(13, Some(id(2)));
        assert_eq!(progress.report(), None);
        progress.handled(first);
        assert_eq!(progress.report(), Some(Handled { cursor: 12, changes: vec![(id(1), 11)] }));
        assert_eq!(progress.report(), None, "reported once");
        progress.handled(second);
        assert_eq!(progress.report(), Some(Handled { cursor: 13, changes: vec![(id(2), 13)] }));
    }

    #[test]
    fn what_needs_no_delivery_moves_the_cursor_at_once() {
        let mut progress = Progress::new(0);
        progress.pass(7);
        assert_eq!(progress.report(), Some(Handled { cursor: 7, changes: vec![] }));
    }

    #[test]
    fn after_a_rewind_old_deliveries_do_not_move_the_cursor() {
        let mut progress = Progress::new(10);
        let old = progress.deliver(11, Some(id(1)));
        progress.rewind();
        assert_eq!(progress.report(), Some(Handled { cursor: 0, changes: vec![] }));
        let new = progress.deliver(1, Some(id(2)));
        progress.handled(old);
        assert_eq!(progress.report(), Some(Handled { cursor: 0, changes: vec![(id(1), 0)] }));
        progress.handled(new);
        assert_eq!(progress.report(), Some(Handled { cursor: 1, changes: vec![(id(2), 1)] }));
    }
}
