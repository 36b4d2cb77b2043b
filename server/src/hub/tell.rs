//! What sessions are told that speak with many rooms, in the order in which it became known.
//!
//! Told by the pump and not where it became known: what a session does then may ask again, and must
//! meet no turn that is being ended. What waits to be told counts as pressure, so that a hub that ends
//! waits for it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use syncline_protocol::dialect::{
    Act, Dialect, Framing, Member, Moment, Notices, Session, Unanswered,
};

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
    /// What became visible in a room that some of them watch. So many bytes press on the shard that
    /// it is from.
    Window { notices: Arc<Notices<D::Window>>, from: usize, bytes: usize },
}

/// A message, and the frame that was made of it.
#[derive(Default)]
pub(super) struct LastFrame(Option<(Framing, Bytes, Bytes)>);

impl LastFrame {
    /// The frame of a message, made once for those who get the same message in a row.
    pub(super) fn of(&mut self, framing: Framing, message: Bytes) -> Bytes {
        let is_same = |(of, last, _): &&(Framing, Bytes, Bytes)| {
            *of == framing && last.as_ptr() == message.as_ptr() && last.len() == message.len()
        };
        if let Some((.., frame)) = self.0.as_ref().filter(is_same) {
            return frame.clone();
        }
        let frame = message_frame(framing, &message);
        self.0 = Some((framing, message, frame.clone()));
        frame
    }
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
        let Answered { to, outcome, .. } = answered;
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

    pub(super) fn tell_later(&self, telling: Telling<D>) {
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
        for telling in self.tellings.take() {
            match telling {
                Telling::Answer { to, ticket, outcome } => {
                    self.tell_answer(&to, ticket, outcome);
                    self.env.relieve(self.shard, COMMAND_BYTES_EXTRA);
                }
                Telling::Window { notices, from, bytes } => {
                    self.tell_window(&notices);
                    self.env.relieve(from, bytes);
                }
            }
        }
        // What was said once must not be kept for who may never say it again.
        *self.last_frame.borrow_mut() = LastFrame::default();
    }

    fn tell_answer(&self, to: &Rc<Connection<D>>, ticket: u64, outcome: Outcome<D>) {
        if let Follow::Many(many) = &mut *to.follow()
            && many.note_answered()
        {
            to.wake();
        }
        let outcome = outcome.map_err(Unanswered::from);
        self.with_session(to, |session, moment| session.answered(ticket, outcome, moment));
        if let Follow::Many(many) = &mut *to.follow() {
            self.env.relieve(self.shard, many.take_settled());
        }
    }

    fn tell_window(&self, notices: &Notices<D::Window>) {
        let watchers = self.watchers.borrow().of(&notices.room);
        self.env.counters.deliveries.increment(watchers.len() as u64);
        for connection in &watchers {
            let keeps_up = self.keeps_up(connection);
            self.with_session(connection, |session, _| session.noticed(notices, keeps_up));
        }
    }

    /// Whether a watcher has taken enough to be sent more. When it has not, it is told once it has
    /// taken all.
    fn keeps_up(&self, connection: &Connection<D>) -> bool {
        let is_full = connection.queued_bytes() > self.env.limits.queue_bytes_max;
        let Follow::Many(many) = &mut *connection.follow() else { return true };
        if is_full && many.set_behind(true) {
            self.env.counters.lagged.increment(1);
            connection.wake();
        }
        !many.is_behind()
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
            if !acts.is_empty() {
                self.begin_acts(connection, acts, 0);
            }
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
            let frame = self.last_frame.borrow_mut().of(framing, message);
            return connection.send(frame);
        }
        connection.send(message_head(framing, message.len()));
        connection.send(message);
    }
}
