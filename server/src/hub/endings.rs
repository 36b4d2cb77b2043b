//! The last word of a session to its room: once, as soon as nothing reaches the session any more.
//!
//! A connection may be closed in the midst of what its room does. So those that are closed are noted, and
//! their sessions asked when that is done.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use syncline_protocol::dialect::{Dialect, Session as _};

use super::{COMMAND_BYTES_EXTRA, Hub, connection::Connection};

impl<D: Dialect> Hub<D> {
    /// A connection says goodbye. Rooms that show things at once hear of it at once, others when it has
    /// ended.
    pub(super) fn note_closing(&self, connection: &Connection<D>) {
        if D::WRITES_BEHIND && connection.room().is_some() {
            self.closing.borrow_mut().push(connection.member());
            self.env.signals[self.shard].work.notify_one();
        }
    }

    /// Lets the sessions that were closed say their last word.
    pub(super) fn end_closed(&self) {
        for member in self.closing.take() {
            if let Some(connection) = self.find(member) {
                self.end_session(&connection);
            }
        }
    }

    /// Lets a session that gets nothing any more say its last word, unless it has or was in no room.
    pub(super) fn end_session(&self, connection: &Rc<Connection<D>>) {
        let is_in_room = connection.room().is_some();
        if !is_in_room || !connection.begin_end() || self.env.signals[self.shard].has_failed() {
            return;
        }
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let command = connection.session().ended(connection.how_it_ended());
            if let Some(command) = command {
                self.command(connection, command, COMMAND_BYTES_EXTRA, false);
            }
        }));
        if ended.is_err() {
            self.counters().panics.increment(1);
            tracing::error!("a room or a session has panicked when a connection ended");
        }
    }
}
