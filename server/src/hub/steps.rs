//! What a session wants done: after a message of its peer, and before the first one.

use std::rc::Rc;

use syncline_protocol::dialect::{Dialect, Incoming, Session, Step};

use crate::ws::{Event, pong_frame};

use super::{
    COMMAND_BYTES_EXTRA, Hub, connection::Connection, follow::Wish, frames::message_frame,
};

impl<D: Dialect> Hub<D> {
    /// Asks a new session what it wants before its peer says anything.
    pub(super) fn start_session(&self, connection: &Rc<Connection<D>>) {
        if connection.is_open() {
            let step = connection.session().start();
            self.take_step(connection, step, 0);
        }
    }

    /// Takes one message of a session that is open.
    pub(super) fn receive(&self, connection: &Rc<Connection<D>>, event: Event) {
        let moment = connection.moment(self.now());
        let (step, bytes) = match event {
            Event::Text(text) => {
                let message = Incoming::Text(text.as_str());
                (connection.session().receive(message, moment), text.len())
            }
            Event::Binary(message) => {
                let bytes = message.len();
                (connection.session().receive(Incoming::Binary(message), moment), bytes)
            }
            Event::Ping(payload) => return connection.send_from_task(pong_frame(&payload)),
            Event::Pong(payload) => return connection.pong(&payload),
            Event::Close(_) => return,
        };
        match step {
            Ok(step) => self.take_step(connection, step, bytes),
            Err(violation) => {
                self.counters().violations.increment(1);
                connection.close(violation.code, violation.reason);
            }
        }
    }

    /// `bytes` came with the message.
    fn take_step(&self, connection: &Rc<Connection<D>>, step: Step<D::Command>, bytes: usize) {
        match step {
            Step::None => self.note_unasked(connection, bytes),
            Step::Ignored(reason) => self.counters().ignored(reason),
            Step::Answered { reason, message } => {
                self.counters().ignored(reason);
                connection.tell_from_task(message_frame(connection.framing(), &message));
            }
            Step::Refused { reason, command } => {
                self.counters().ignored(reason);
                self.command(connection, command, bytes + COMMAND_BYTES_EXTRA, false);
            }
            Step::Join { room, after } => self.join(connection, &room, Wish::Join { after }),
            Step::Open { room, opening } => self.join(connection, &room, Wish::Open(opening)),
            Step::Acts(acts) => self.begin_acts(connection, acts, bytes),
            Step::Command(command) => {
                self.command(connection, command, bytes + COMMAND_BYTES_EXTRA, false);
            }
        }
    }
}
