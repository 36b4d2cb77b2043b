//! One WebSocket connection on its shard: its socket, its session, what waits for it.
//!
//! A connection is one task, driven by [`Connection::poll`]. It knows its hub, and of rooms only
//! the key of the one it follows.

use std::{
    cell::{Cell, RefCell, RefMut},
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use syncline_protocol::dialect::{Dialect, Framing, Member, Session};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
};

use crate::health::OpenConnection;
use crate::ws::{Decoder, Event, close_frame, ping_frame};

use super::{
    Hub,
    catchup::{CatchUp, Fed},
    outbox::{Flushed, Outbox},
    room::RoomKey,
};

/// Reads of one poll before other connections get their turn.
const READS_PER_POLL: u32 = 4;
/// Chunks of history fed in one poll before other connections get their turn.
const FEEDS_PER_POLL: u32 = 4;

/// Where a connection is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// It is to be given to the shard that owns the room.
    Moving {
        room: Arc<str>,
        after: u64,
    },
    /// A close frame is queued; what still comes is passed over until the peer ends too.
    Closing {
        write_shut: bool,
    },
    Dead,
}

/// How a connection follows its room.
#[derive(Debug)]
pub(super) enum Follow {
    /// It has joined no room.
    Nothing,
    /// It reads the log at its own pace.
    CatchUp(Box<CatchUp>),
    /// It is sent what becomes visible.
    Live,
}

/// Ticks of the hub's clock at which something last happened.
#[derive(Debug)]
struct Ticks {
    opened: u32,
    heard: Cell<u32>,
    /// When it last took a byte, or had nothing to take.
    wrote: Cell<u32>,
    closing: Cell<u32>,
}

/// What a connection is made of: what moves when it moves.
pub(super) struct Parts<D: Dialect> {
    pub(super) socket: TcpStream,
    pub(super) session: D::Session,
    /// Bytes read and not yet understood.
    pub(super) unread: BytesMut,
    /// Frames that still wait to be written.
    pub(super) outbox: Outbox,
    pub(super) open: OpenConnection,
}

/// A connection.
pub(crate) struct Connection<D: Dialect> {
    hub: Rc<Hub<D>>,
    member: Member,
    framing: Framing,
    socket: RefCell<TcpStream>,
    decoder: RefCell<Decoder>,
    session: RefCell<D::Session>,
    outbox: RefCell<Outbox>,
    follow: RefCell<Follow>,
    phase: RefCell<Phase>,
    room: Cell<Option<RoomKey>>,
    place: Cell<usize>,
    /// The shard that owns the room.
    owner: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    dirty: Cell<bool>,
    /// Messages taken in this tick of the hub's clock.
    taken: Cell<u32>,
    pings_unanswered: Cell<u8>,
    ticks: Ticks,
    /// Counted as open until it ends.
    open: OpenConnection,
}

impl<D: Dialect> Connection<D> {
    pub(super) fn new(hub: Rc<Hub<D>>, member: Member, parts: Parts<D>) -> Self {
        let Parts { socket, session, unread, outbox, open } = parts;
        let tick = hub.tick();
        let decoder = Decoder::new(hub.limits().message_bytes_max, unread);
        Self {
            member,
            framing: session.framing(),
            socket: RefCell::new(socket),
            decoder: RefCell::new(decoder),
            session: RefCell::new(session),
            outbox: RefCell::new(outbox),
            follow: RefCell::new(Follow::Nothing),
            phase: RefCell::new(Phase::Open),
            room: Cell::new(None),
            place: Cell::new(0),
            owner: Cell::new(hub.shard()),
            waker: RefCell::new(None),
            dirty: Cell::new(false),
            taken: Cell::new(0),
            pings_unanswered: Cell::new(0),
            ticks: Ticks {
                opened: tick,
                heard: Cell::new(tick),
                wrote: Cell::new(tick),
                closing: Cell::new(tick),
            },
            open,
            hub,
        }
    }

    pub(super) fn member(&self) -> Member {
        self.member
    }

    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    pub(super) fn room(&self) -> Option<RoomKey> {
        self.room.get()
    }

    pub(super) fn owner(&self) -> usize {
        self.owner.get()
    }

    pub(super) fn place(&self) -> usize {
        self.place.get()
    }

    pub(super) fn set_place(&self, place: usize) {
        self.place.set(place);
    }

    pub(super) fn follow(&self) -> RefMut<'_, Follow> {
        self.follow.borrow_mut()
    }

    pub(super) fn session(&self) -> RefMut<'_, D::Session> {
        self.session.borrow_mut()
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(&*self.phase.borrow(), Phase::Open)
    }

    /// Messages taken since the last tick of the hub's clock.
    pub(super) fn taken(&self) -> u32 {
        self.taken.get()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.outbox.borrow().bytes()
    }

    /// Begins to follow a room at `next`.
    pub(super) fn set_room(&self, room: RoomKey, owner: usize, follow: Follow) {
        self.owner.set(owner);
        self.room.set(Some(room));
        *self.follow.borrow_mut() = follow;
    }

    /// Asks for this connection to be given to the shard that owns the room.
    pub(super) fn move_to(&self, room: Arc<str>, after: u64) {
        *self.phase.borrow_mut() = Phase::Moving { room, after };
    }

    /// Runs the connection until it ends; then tells where it is to move, if anywhere.
    pub(super) async fn run(self: &Rc<Self>) -> Option<(Arc<str>, u64)> {
        poll_fn(|context| {
            // A panic ends this connection and no other.
            catch_unwind(AssertUnwindSafe(|| self.poll(context))).unwrap_or_else(|_| {
                self.hub.counters().panics.increment(1);
                Poll::Ready(())
            })
        })
        .await;
        match &*self.phase.borrow() {
            Phase::Moving { room, after } => Some((room.clone(), *after)),
            _ => None,
        }
    }

    /// The parts that move to another shard.
    pub(super) fn into_parts(self) -> Parts<D> {
        Parts {
            socket: self.socket.into_inner(),
            session: self.session.into_inner(),
            unread: self.decoder.into_inner().unread(),
            outbox: self.outbox.into_inner(),
            open: self.open,
        }
    }

    fn poll(self: &Rc<Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        drop(waker);
        // What waits goes first: it may be what keeps input from being read.
        self.poll_output(context);
        self.poll_input(context);
        self.poll_output(context);
        match &*self.phase.borrow() {
            Phase::Dead | Phase::Moving { .. } => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    fn poll_input(self: &Rc<Self>, context: &mut Context<'_>) {
        for _ in 0..READS_PER_POLL {
            if !self.process() {
                return;
            }
            let mut scratch = self.hub.scratch();
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = Pin::new(&mut *self.socket.borrow_mut()).poll_read(context, &mut buffer);
            match read {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.ticks.heard.set(self.hub.tick());
                    self.pings_unanswered.set(0);
                    if self.is_open() {
                        self.decoder.borrow_mut().push(buffer.filled());
                    }
                }
                Poll::Ready(_) => return self.die(),
            }
        }
        context.waker().wake_by_ref();
    }

    /// Takes the messages that have come whole. False when no more may be read for now.
    fn process(self: &Rc<Self>) -> bool {
        loop {
            match &*self.phase.borrow() {
                Phase::Open => {}
                Phase::Closing { .. } => return true,
                Phase::Moving { .. } | Phase::Dead => return false,
            }
            if self.hub.must_pause(self) {
                return false;
            }
            let next = self.decoder.borrow_mut().next();
            match next {
                Ok(None) => return true,
                Ok(Some(Event::Close(code))) => self.close_echo(code),
                Ok(Some(event)) => {
                    self.taken.set(self.taken.get() + 1);
                    self.hub.receive(self, event);
                }
                Err(fault) => {
                    let (code, reason) = fault.close();
                    self.hub.counters().violations.increment(1);
                    self.close(code, reason);
                }
            }
        }
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

    /// Writes what waits. On an error the connection is dead.
    fn flush(&self) -> Result<Flushed, ()> {
        let mut outbox = self.outbox.borrow_mut();
        let before = outbox.bytes();
        let flushed = outbox.flush(&self.socket.borrow());
        if outbox.bytes() < before || before == 0 {
            self.ticks.wrote.set(self.hub.tick());
        }
        drop(outbox);
        flushed.map_err(|_| self.die())
    }

    /// Queues finished frames to be written at the end of the release.
    pub(super) fn send(self: &Rc<Self>, frames: Bytes) {
        if !self.is_open() {
            // Nothing may follow a close frame.
            return;
        }
        let mut outbox = self.outbox.borrow_mut();
        // A socket that takes no more has its own task waiting to go on.
        let blocked = !outbox.is_empty();
        outbox.push(frames);
        if !blocked && !self.dirty.replace(true) {
            self.hub.mark_dirty(self);
        }
    }

    /// Queues finished frames; the connection's own task, which is running, writes them.
    pub(super) fn send_from_task(&self, frames: Bytes) {
        self.outbox.borrow_mut().push(frames);
    }

    /// Writes what was queued by [`Connection::send`].
    pub(super) fn flush_dirty(&self) {
        self.dirty.set(false);
        match self.flush() {
            Ok(Flushed::All) if self.is_open() && !self.is_catching_up() => {}
            _ => self.wake(),
        }
    }

    fn is_catching_up(&self) -> bool {
        matches!(&*self.follow.borrow(), Follow::CatchUp(_))
    }

    /// Lets the connection's task run.
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Says goodbye: the close frame leaves after what is queued.
    pub(super) fn close(&self, code: u16, reason: &str) {
        if !self.is_open() {
            return;
        }
        self.hub.counters().closed(code);
        self.outbox.borrow_mut().push(close_frame(code, reason));
        self.begin_closing();
    }

    /// Answers the peer's close frame with its own code (RFC 6455, section 5.5.1).
    fn close_echo(&self, code: Option<u16>) {
        self.outbox.borrow_mut().push(close_frame(code.unwrap_or(1000), ""));
        self.begin_closing();
    }

    fn begin_closing(&self) {
        self.ticks.closing.set(self.hub.tick());
        *self.phase.borrow_mut() = Phase::Closing { write_shut: false };
        self.wake();
    }

    /// Everything is written: ends the writing half. The peer, seeing that, ends its own.
    fn finish_close(&self) {
        if let Phase::Closing { write_shut: write_shut @ false } = &mut *self.phase.borrow_mut() {
            *write_shut = true;
            // The peer may be gone already; then there is nobody to tell.
            let _ = rustix::net::shutdown(&*self.socket.borrow(), rustix::net::Shutdown::Write);
        }
    }

    /// Ends the connection without a word.
    pub(super) fn die(&self) {
        *self.phase.borrow_mut() = Phase::Dead;
        self.wake();
    }

    /// Enforces deadlines; called now and then with the hub's clock.
    pub(super) fn check_deadlines(self: &Rc<Self>, now: u32) {
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
