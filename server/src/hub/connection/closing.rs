//! How a connection ends: with a close frame, by a deadline, or with the peer's own goodbye.

use std::rc::Rc;

use syncline_protocol::dialect::Dialect;

use crate::ws::{close_frame, ping_frame};

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
        self.wake();
    }

    /// Everything is written: ends the writing half. The peer, seeing that, ends its own.
    pub(super) fn finish_close(&self) {
        if let Phase::Closing { write_shut: write_shut @ false } = &mut *self.phase.borrow_mut() {
            *write_shut = true;
            // The peer may be gone already; then there is nobody to tell.
            let _ = rustix::net::shutdown(&*self.socket.borrow(), rustix::net::Shutdown::Write);
        }
    }

    /// Enforces deadlines; called now and then with the hub's clock.
    pub(in crate::hub) fn check_deadlines(self: &Rc<Self>, now: u32) {
        self.taken.set(0);
        let deadlines = self.hub.deadlines();
        let closing = matches!(&*self.phase.borrow(), Phase::Closing { .. });
        if closing {
            if now.saturating_sub(self.ticks.closing.get()) > deadlines.close {
                self.die();
            }
        } else if !self.outbox.borrow().is_empty()
            && now.saturating_sub(self.ticks.wrote.get()) > deadlines.write
        {
            self.hub.counters().stalled.increment(1);
            self.die();
        } else if self.room.get().is_none()
            && now.saturating_sub(self.ticks.opened) > deadlines.join
        {
            self.close(1008, "no hello in time");
        } else if now.saturating_sub(self.ticks.heard.get()) > deadlines.ping {
            self.ping(now);
        }
    }

    fn ping(self: &Rc<Self>, now: u32) {
        if self.pings_unanswered.get() >= 2 {
            return self.close(1008, "no answer to pings");
        }
        self.pings_unanswered.set(self.pings_unanswered.get() + 1);
        self.ticks.heard.set(now);
        self.send(ping_frame());
    }
}
