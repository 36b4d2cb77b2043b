//! The state of one client as a pure machine: outbox, acknowledgements, resuming, duplicates.
//!
//! It takes what happened and says what to do. No I/O, clock, randomness or cipher is here:
//! payloads come in sealed, changes from others come in opened.

mod outbox;
mod progress;
mod seen;

use bytes::Bytes;

use outbox::Outbox;
pub(crate) use outbox::{OutboxLimits, Place, Violation};
pub use progress::Handled;
use progress::Progress;
pub(crate) use progress::Ticket;
pub use seen::{Noted, Seen};

use super::change_id::{ChangeId, Origin};

/// What an earlier run left.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The application has done with everything up to this sequence number.
    pub cursor: u64,
    /// Sealed changes that are not known to be saved, in the order in which they were submitted.
    pub outbox: Vec<(ChangeId, Bytes)>,
    /// The changes that the application has, its own among them.
    pub seen: Seen,
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is none.
    Offline,
    /// The server sends what this client has missed.
    CatchingUp,
    /// Changes come as they are made.
    Live,
}

/// What this server can be relied on for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// It says what it has saved. Otherwise a change is taken for saved once it is written.
    pub(crate) acks: bool,
    /// It says when the history has been sent. Otherwise a connection counts as live at once.
    pub(crate) caught_up: bool,
}

/// What to do with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes to the application, which hands back the ticket.
    Deliver(Ticket),
    /// The application has it, or made it.
    Skip,
    /// It is ours, and was waiting: it is saved.
    Saved,
    /// The server's numbers started again: the connection must end, and the next one gets
    /// everything from the start.
    Rewound,
}

/// The state of one client.
#[derive(Debug)]
pub(crate) struct Machine {
    habits: Habits,
    phase: Phase,
    origin: Origin,
    counter: u64,
    outbox: Outbox,
    seen: Seen,
    progress: Progress,
    /// The last sequence number received.
    received: u64,
    /// The sequence number after which this connection resumed.
    resumed_after: u64,
}

impl Machine {
    /// A client of this origin, which goes on where an earlier run stopped.
    pub(crate) fn new(habits: Habits, limits: OutboxLimits, origin: Origin, kept: Kept) -> Self {
        let Kept { cursor, outbox, mut seen } = kept;
        for (id, _) in &outbox {
            seen.insert(*id, cursor);
        }
        Self {
            habits,
            phase: Phase::Offline,
            origin,
            counter: 0,
            outbox: Outbox::new(limits, outbox),
            seen,
            progress: Progress::new(cursor),
            received: cursor,
            resumed_after: cursor,
        }
    }

    /// Where the connection stands.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// How many changes are not known to be saved.
    pub(crate) fn unsaved(&self) -> usize {
        self.outbox.len()
    }

    /// The id of a new change of ours.
    pub(crate) fn next_id(&mut self) -> ChangeId {
        self.counter += 1;
        ChangeId { origin: self.origin, counter: self.counter }
    }

    /// Whether the outbox has room for a payload of this length.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.outbox.has_room(bytes)
    }

    /// Puts a change of ours into the outbox. The caller has asked for room.
    pub(crate) fn submit(&mut self, id: ChangeId, payload: Bytes) {
        self.seen.insert(id, self.received);
        self.outbox.push(id, payload);
    }

    /// A connection stands. Returns the sequence number to resume after.
    pub(crate) fn connected(&mut self) -> u64 {
        self.phase = if self.habits.caught_up { Phase::CatchingUp } else { Phase::Live };
        self.outbox.restart();
        self.resumed_after = self.received;
        self.resumed_after
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self) {
        self.phase = Phase::Offline;
    }

    /// The next change to send.
    ///
    /// What an earlier connection may have brought to the server waits until the history says
    /// whether it did, so that a reconnect does not grow the document's log.
    pub(crate) fn send_next(&mut self) -> Option<(Place, Bytes)> {
        let wait = match self.phase {
            Phase::Offline => true,
            Phase::CatchingUp => self.outbox.in_doubt(),
            Phase::Live => false,
        };
        if wait { None } else { self.outbox.send_next() }
    }

    /// A change has been written to the connection. Returns what counts as saved by that.
    pub(crate) fn written(&mut self) -> Vec<ChangeId> {
        if self.habits.acks {
            return Vec::new();
        }
        self.outbox.accepted(None).unwrap_or_default()
    }

    /// The server saved what was sent up to a place; without one, the next that it had not
    /// answered.
    ///
    /// # Errors
    /// [`Violation`] when nothing of that kind was sent.
    pub(crate) fn accepted(&mut self, up_to: Option<Place>) -> Result<Vec<ChangeId>, Violation> {
        if !self.habits.acks {
            return Ok(Vec::new());
        }
        self.outbox.accepted(up_to)
    }

    /// A change came, with its id when it was sealed with one.
    pub(crate) fn change(&mut self, sequence: u64, id: Option<ChangeId>) -> Verdict {
        if sequence <= self.resumed_after {
            return self.rewind();
        }
        if sequence <= self.received {
            return Verdict::Skip;
        }
        self.received = sequence;
        let known = id.is_some_and(|id| !self.seen.insert(id, sequence).new);
        if !known {
            return Verdict::Deliver(self.progress.deliver(sequence, id));
        }
        self.progress.pass(sequence);
        let saved = id.is_some_and(|id| self.outbox.sighted(id));
        if saved { Verdict::Saved } else { Verdict::Skip }
    }

    /// The history has been sent up to a sequence number. False when the server's numbers started
    /// again, as [`Verdict::Rewound`].
    pub(crate) fn caught_up(&mut self, sequence: u64) -> bool {
        if sequence < self.resumed_after {
            self.rewind();
            return false;
        }
        self.received = self.received.max(sequence);
        self.progress.pass(sequence);
        self.phase = Phase::Live;
        true
    }

    /// The application has done with a delivery and all before it.
    pub(crate) fn handled(&mut self, ticket: Ticket) {
        self.progress.handled(ticket);
    }

    /// What is to be kept for the next run, if anything is new.
    pub(crate) fn report(&mut self) -> Option<Handled> {
        self.progress.report()
    }

    /// A server that sends what it was told not to send has lost its history. Ids tell what the
    /// application has already, so starting again delivers nothing twice.
    fn rewind(&mut self) -> Verdict {
        self.received = 0;
        self.progress.rewind();
        self.phase = Phase::Offline;
        Verdict::Rewound
    }
}

#[cfg(test)]
mod tests;
