//! Driving one connection: its task reads, understands, writes and feeds, a little at a time.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use syncline_protocol::dialect::Dialect;
use tokio::io::{AsyncRead, ReadBuf};

use crate::ws::{Event, Fault};

use super::{
    super::{follow::Fed, outbox::Flushed},
    Connection, Phase,
};

/// Reads of one poll before other connections get their turn.
const READS_PER_POLL: u32 = 4;
/// Chunks of history fed in one poll before other connections get their turn.
const FEEDS_PER_POLL: u32 = 4;

impl<D: Dialect> Connection<D> {
    /// Runs the connection until it ends, or is to move.
    pub(in crate::hub) async fn run(self: &Rc<Self>) {
        poll_fn(|context| {
            // A panic ends this connection and no other.
            catch_unwind(AssertUnwindSafe(|| self.poll(context))).unwrap_or_else(|_| {
                self.hub.counters().panics.increment(1);
                self.after_panic()
            })
        })
        .await;
    }

    /// The peer is told, unless telling it is what went wrong.
    fn after_panic(&self) -> Poll<()> {
        if !self.is_open() {
            return Poll::Ready(());
        }
        self.close(1011, "a defect of the server");
        Poll::Pending
    }

    fn poll(self: &Rc<Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        drop(waker);
        self.hub.begin_moment();
        // What has come goes first: a peer that speaks and leaves is heard, though it can be told
        // nothing any more.
        self.poll_input(context);
        let lagged = self.hub.lags(self);
        self.poll_output(context);
        if lagged && !self.hub.lags(self) {
            // What kept input from being read has just left, and nothing else wakes this task.
            context.waker().wake_by_ref();
        }
        match &*self.phase.borrow() {
            Phase::Dead | Phase::Moving => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    fn poll_input(self: &Rc<Self>, context: &mut Context<'_>) {
        let mut goes_on = self.process();
        for _ in 0..READS_PER_POLL {
            if !goes_on || self.poll_read(context).is_pending() {
                return;
            }
            goes_on = self.process();
        }
        if goes_on {
            context.waker().wake_by_ref();
        }
    }

    /// Reads once. A socket with nothing more to come is the end of the connection.
    fn poll_read(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = self.hub.scratch();
        let mut buffer = ReadBuf::new(&mut scratch);
        match Pin::new(&mut *self.socket.borrow_mut()).poll_read(context, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                self.ticks.heard.set(self.hub.tick());
                self.pings_unanswered.set(0);
                if self.is_open() {
                    self.decoder.borrow_mut().push(buffer.filled());
                }
            }
            Poll::Ready(_) => self.die(),
        }
        Poll::Ready(())
    }

    /// Takes the messages that have come whole. False when no more may be read for now.
    fn process(self: &Rc<Self>) -> bool {
        loop {
            match &*self.phase.borrow() {
                Phase::Open => {}
                Phase::Closing { .. } => return true,
                Phase::Moving | Phase::Dead => return false,
            }
            if self.hub.must_pause(self) {
                // Who is not listened to cannot be blamed for silence.
                self.ticks.heard.set(self.hub.tick());
                return false;
            }
            let next = self.decoder.borrow_mut().next();
            match next {
                Ok(None) => {
                    let held = self.decoder.borrow().held_bytes();
                    self.hub.note_unfinished(self, held);
                    return true;
                }
                Ok(Some(Event::Close(code))) => self.close_echo(code),
                Ok(Some(event)) => {
                    self.taken.set(self.taken.get() + 1);
                    self.hub.receive(self, event);
                }
                Err(fault) => {
                    let (code, reason) = self.close_for(fault);
                    self.hub.counters().violations.increment(1);
                    self.close(code, reason);
                }
            }
        }
    }

    /// How the peer is told of its fault.
    fn close_for(&self, fault: Fault) -> (u16, &'static str) {
        if fault == Fault::TooBig {
            let violation = self.hub.dialect().too_large();
            return (violation.code, violation.reason);
        }
        fault.close()
    }

    fn poll_output(self: &Rc<Self>, context: &mut Context<'_>) {
        for _ in 0..FEEDS_PER_POLL {
            loop {
                match self.flush() {
                    Ok(Flushed::All) => break,
                    Ok(Flushed::Blocked) => {}
                    Err(()) => return,
                }
                match self.socket.borrow().poll_write_ready(context) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return self.die(),
                }
            }
            if !self.is_open() {
                return self.finish_close();
            }
            match self.hub.feed(self) {
                Fed::Nothing => return,
                Fed::Some => {}
            }
        }
        context.waker().wake_by_ref();
    }
}
