//! What sessions are told that speak with many rooms, in the order in which it became known.
//!
//! Told by the pump and not where it became known: what a session does then may ask again, and must
//! meet no turn that is being ended. What waits to be told counts as pressure, so that a hub that ends
//! waits for it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use bytes::Bytes;
use syncline_protocol::dialect::{Act, Dialect, Member, Moment, Session, Unanswered};

use super::{
    COMMAND_BYTES_EXTRA, Hub,
    call::{AnswerTo, Answered, CallFailed, Outcome},
    connection::Connection,
    follow::Follow,
    frames::{message_frame, message_head},
    mail::Mail,
    release::To,
    shard_of,
};

/// A message up to this length is copied behind its frame's head: one piece to write instead of two.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// Something that sessions of this shard are to be told.
pub(super) enum Telling<D: Dialect> {
    /// The end of a question.
    Answer { to: Rc<Connection<D>>, ticket: u64, outcome: Outcome<D> },
}

impl From<CallFailed> for Unanswered {
    fn from(failed: CallFailed) -> Self {
        match failed {
            CallFailed::Unreadable => Self::Unreadable,
            CallFailed::Full => Self::Full,
            CallFailed::RoomFull => Self::RoomFull,
            CallFailed::Stopped => Self::Stopped,
        }
    }
}

impl<D: Dialect> Hub<D> {
    /// Tells whoever asked how it ended; a session soon, in its turn.
    pub(super) fn tell(&self, answered: Answered<D>) {
        let Answered { to, outcome } = answered;
        match to {
            AnswerTo::Caller(caller) => {
                // It may wait no more.
                let _ = caller.send(outcome);
            }
            AnswerTo::Session { to: To::Here(to), ticket } => {
                self.env.press(self.shard, COMMAND_BYTES_EXTRA);
                self.tell_later(Telling::Answer { to, ticket, outcome });
            }
            AnswerTo::Session { to: To::There(to), ticket } => {
                let shard = shard_of(to);
                self.env.press(shard, COMMAND_BYTES_EXTRA);
                self.post(shard, Mail::Answer { to, ticket, outcome });
            }
            AnswerTo::Session { to: To::Caller, .. } => {}
        }
    }

    /// Mail from a room's owner: the end of a question of a session of this shard.
    pub(super) fn answer_from_afar(&self, to: Member, ticket: u64, outcome: Outcome<D>) {
        match self.find(to) {
            Some(to) => self.tell_later(Telling::Answer { to, ticket, outcome }),
            None => self.env.relieve(self.shard, COMMAND_BYTES_EXTRA),
        }
    }

    fn tell_later(&self, telling: Telling<D>) {
        let mut tellings = self.tellings.borrow_mut();
        if tellings.is_empty() {
            self.env.signals[self.shard].work.notify_one();
        }
        tellings.push_back(telling);
    }

    /// Tells everything that waits to be told. What comes of it meanwhile is told in the next round.
    pub(super) fn tell_all(&self) {
        if self.tellings.borrow().is_empty() {
            return;
        }
        self.read_clock();
        for telling in self.tellings.take() {
            match telling {
                Telling::Answer { to, ticket, outcome } => {
                    self.tell_answer(&to, ticket, outcome);
                    self.env.relieve(self.shard, COMMAND_BYTES_EXTRA);
                }
            }
        }
    }

    fn tell_answer(&self, to: &Rc<Connection<D>>, ticket: u64, outcome: Outcome<D>) {
        if let Follow::Many(many) = &mut *to.follow()
            && many.note_answered()
        {
            to.wake();
        }
        let outcome = outcome.map_err(Unanswered::from);
        self.with_session(to, |session, moment| session.answered(ticket, outcome, moment));
    }

    /// Lets a session take something, and does what it wants then. A panic ends its connection and no
    /// other.
    pub(super) fn with_session(
        &self,
        connection: &Rc<Connection<D>>,
        take: impl FnOnce(&mut D::Session, Moment) -> Vec<Act<D::Command>>,
    ) {
        if !connection.is_open() {
            return;
        }
        let moment = connection.moment(self.now());
        let taken = catch_unwind(AssertUnwindSafe(|| {
            let acts = take(&mut connection.session(), moment);
            self.act(connection, acts, 0);
        }));
        if taken.is_err() {
            self.counters().panics.increment(1);
            connection.close(1011, "a defect of the server");
        }
    }

    /// Sends a whole message.
    pub(super) fn send_message(&self, connection: &Rc<Connection<D>>, message: Bytes) {
        let framing = connection.framing();
        if message.len() <= COPIED_BYTES_MAX {
            return connection.send(message_frame(framing, &message));
        }
        connection.send(message_head(framing, message.len()));
        connection.send(message);
    }
}
