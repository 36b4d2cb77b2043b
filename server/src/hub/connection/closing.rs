//! How a connection ends: with a close frame, by a deadline, or with the peer's own goodbye.

use std::{cell::Cell, rc::Rc};

use syncline_protocol::dialect::{Dialect, Ended, Session, Violation};

use crate::ws::close_frame;

use super::{Connection, Phase};

impl<D: Dialect> Connection<D> {
    /// Says goodbye: the close frame leaves after what is queued.
    pub(in crate::hub) fn close(&self, code: u16, reason: &str) {
        if !self.is_open() {
            return;
        }
        self.hub.counters().closed(code);
        self.outbox.borrow_mut().push(close_frame(code, reason));
        self.begin_closing();
    }

    /// Answers the peer's close frame with its own code (RFC 6455, section 5.5.1).
    pub(super) fn close_echo(&self, code: Option<u16>) {
        self.outbox.borrow_mut().push(close_frame(code.unwrap_or(1000), ""));
        self.begin_closing();
    }

    fn begin_closing(&self) {
        self.ticks.closing.set(self.hub.tick());
        *self.phase.borrow_mut() = Phase::Closing { write_shut: false };
        self.decoder.borrow_mut().clear();
        self.hub.note_unfinished(self, 0);
        self.hub.note_closing(self);
        self.wake();
    }

    /// Whether its session's last word was not said yet; it is about to be.
    pub(in crate::hub) fn begin_end(&self) -> bool {
        !self.ended.replace(true)
    }

    /// How it ended, for its session.
    pub(in crate::hub) fn how_it_ended(&self) -> Ended {
        if self.timed_out.get() { Ended::TimedOut } else { Ended::Closed }
    }

    /// Everything is written: ends the writing half. The peer, seeing that, ends its own.
    pub(super) fn finish_close(&self) {
        if let Phase::Closing { write_shut: write_shut @ false } = &mut *self.phase.borrow_mut() {
            *write_shut = true;
            self.ticks.closing.set(self.hub.tick());
            // The peer may be gone already; then there is nobody to tell.
            let _ = rustix::net::shutdown(&*self.socket.borrow(), rustix::net::Shutdown::Write);
        }
    }

    /// Enforces deadlines; called now and then with the hub's clock.
    pub(in crate::hub) fn check_deadlines(self: &Rc<Self>, now: u32) {
        self.taken.set(0);
        let since = |tick: &Cell<u32>| now.saturating_sub(tick.get());
        let deadlines = self.hub.deadlines();
        let waits = !self.outbox.borrow().is_empty();
        if !self.is_open() {
            if self.has_closed_long_enough(since) {
                self.die();
            }
        } else if waits && since(&self.ticks.wrote) > deadlines.write {
            self.hub.counters().stalled.increment(1);
            self.timed_out.set(true);
            self.die();
        } else if let Some(violation) = self.expired() {
            self.close(violation.code, violation.reason);
        } else if now.saturating_sub(self.ticks.opened) > deadlines.join && self.has_said_nothing()
        {
            self.close(1008, "no hello in time");
        } else if !waits && since(&self.ticks.heard) > deadlines.ping {
            // No ping overtakes what waits: until then, taking it is the sign of life.
            self.ping(now);
        }
    }

    /// How the session's right to be here has ended, if it has.
    fn expired(&self) -> Option<Violation> {
        let (until, violation) = self.session.borrow().expires()?;
        (until <= self.hub.now()).then_some(violation)
    }

    /// Whether its session has joined no room and speaks with none, and sets itself no deadline either.
    fn has_said_nothing(&self) -> bool {
        self.room.get().is_none()
            && !self.speaks_with_many()
            && self.session.borrow().expires().is_none()
    }

    /// Whether the peer had its time: to take what waits, or to end its half after that.
    fn has_closed_long_enough(&self, since: impl Fn(&Cell<u32>) -> u32) -> bool {
        let deadlines = self.hub.deadlines();
        let closing = since(&self.ticks.closing);
        match &*self.phase.borrow() {
            Phase::Closing { write_shut: true } => closing > self.hub.patience_with_the_closed(),
            Phase::Closing { write_shut: false } => {
                closing > deadlines.write || closing.min(since(&self.ticks.wrote)) > deadlines.close
            }
            _ => false,
        }
    }

    fn ping(self: &Rc<Self>, now: u32) {
        if self.pings_unanswered.get() >= 2 {
            self.timed_out.set(true);
            return self.close(1008, "no answer to pings");
        }
        self.pings_unanswered.set(self.pings_unanswered.get() + 1);
        self.ticks.heard.set(now);
        let ping = self.keep_alive();
        self.send(ping);
    }
}
