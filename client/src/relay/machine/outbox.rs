//! The changes that are not known to be saved, in the order in which they are sent.
//! Knows places and payloads; nothing of what comes from others.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::relay::change_id::ChangeId;

/// A change's place in the outbox: ascending from 1, never given twice by one client. It is also
/// the id of its submit message.
pub(crate) type Place = u64;

/// The server broke the protocol: the connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// It accepted what was not sent.
    Accepted,
}

/// How much the outbox holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutboxLimits {
    /// Changes.
    pub(crate) changes_max: usize,
    /// Sealed bytes.
    pub(crate) bytes_max: usize,
}

#[derive(Debug)]
struct Waiting {
    place: Place,
    id: ChangeId,
    payload: Bytes,
}

/// The changes that are not known to be saved.
#[derive(Debug)]
pub(crate) struct Outbox {
    limits: OutboxLimits,
    /// Ascending by place.
    waiting: VecDeque<Waiting>,
    bytes: usize,
    next_place: Place,
    /// The last place sent on this connection; 0 for none.
    sent: Place,
    /// The last place that may have been sent on any connection.
    sent_ever: Place,
    /// Places sent on this connection and not answered, ascending. One may have left `waiting`
    /// already, because its change came back in the history.
    unanswered: VecDeque<Place>,
}

impl Outbox {
    /// An outbox with what an earlier run left; any of it may have been sent.
    pub(crate) fn new(limits: OutboxLimits, left: Vec<(ChangeId, Bytes)>) -> Self {
        let mut outbox = Self {
            limits,
            waiting: VecDeque::new(),
            bytes: 0,
            next_place: 1,
            sent: 0,
            sent_ever: 0,
            unanswered: VecDeque::new(),
        };
        for (id, payload) in left {
            outbox.push(id, payload);
        }
        outbox.sent_ever = outbox.next_place - 1;
        outbox
    }

    /// How many changes it holds.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a payload of this length still fits.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.waiting.len() < self.limits.changes_max
            && self.bytes.saturating_add(bytes) <= self.limits.bytes_max
    }

    /// Adds a change at the end. The caller has asked for room.
    pub(crate) fn push(&mut self, id: ChangeId, payload: Bytes) {
        let place = self.next_place;
        self.next_place += 1;
        self.bytes += payload.len();
        self.waiting.push_back(Waiting { place, id, payload });
    }

    /// A new connection: nothing has been sent on it.
    pub(crate) fn restart(&mut self) {
        self.sent = 0;
        self.unanswered.clear();
    }

    /// Whether the next change to send may have reached the server before.
    pub(crate) fn in_doubt(&self) -> bool {
        self.next_unsent().is_some_and(|waiting| waiting.place <= self.sent_ever)
    }

    /// The next change to send on this connection. It counts as sent.
    pub(crate) fn send_next(&mut self) -> Option<(Place, Bytes)> {
        let (place, payload) = self.next_unsent().map(|next| (next.place, next.payload.clone()))?;
        self.sent = place;
        self.sent_ever = self.sent_ever.max(place);
        self.unanswered.push_back(place);
        Some((place, payload))
    }

    /// The server saved everything sent on this connection up to a place, or, without one, the
    /// first change that it had not answered. Returns what leaves.
    ///
    /// # Errors
    /// [`Violation`] when nothing of that kind was sent.
    pub(crate) fn accepted(&mut self, up_to: Option<Place>) -> Result<Vec<ChangeId>, Violation> {
        let up_to = match up_to {
            None => *self.unanswered.front().ok_or(Violation::Accepted)?,
            Some(place) if place <= self.sent => place,
            Some(_) => return Err(Violation::Accepted),
        };
        let mut left = Vec::new();
        while let Some(&place) = self.unanswered.front()
            && place <= up_to
        {
            self.unanswered.pop_front();
            left.extend(self.remove(|waiting| waiting.place == place));
        }
        Ok(left)
    }

    /// A change came back in the history: it is saved. Says whether it was waiting.
    pub(crate) fn sighted(&mut self, id: ChangeId) -> bool {
        self.remove(|waiting| waiting.id == id).is_some()
    }

    fn remove(&mut self, which: impl Fn(&Waiting) -> bool) -> Option<ChangeId> {
        let at = self.waiting.iter().position(which)?;
        let gone = self.waiting.remove(at)?;
        self.bytes -= gone.payload.len();
        Some(gone.id)
    }

    fn next_unsent(&self) -> Option<&Waiting> {
        self.waiting.get(self.waiting.partition_point(|waiting| waiting.place <= self.sent))
    }
}
