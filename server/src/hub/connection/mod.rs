//! One WebSocket connection on its shard: its socket, its session, what waits for it.
//!
//! A connection is one task, driven by [`Connection::poll`]. It knows its hub, and of rooms only
//! the key of the one it follows.

mod closing;
mod drive;
mod marks;
mod receipt;
mod waiting;

use std::{
    cell::{Cell, RefCell, RefMut},
    rc::Rc,
    sync::Arc,
    task::Waker,
};

use bytes::{Bytes, BytesMut};
use syncline_protocol::dialect::{Dialect, Framing, Member, Session};
use tokio::net::TcpStream;

use crate::{health::OpenConnection, ws::Decoder};

use self::marks::Marks;
use super::{
    Hub,
    follow::{Follow, Wish},
    outbox::{Flushed, Outbox},
    room::RoomKey,
};

/// Where a connection is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// It is to be given to the shard that owns the room.
    Moving,
    /// A close frame is queued; what still comes is passed over until the peer ends too.
    Closing {
        write_shut: bool,
    },
    Dead,
}

/// Ticks of the hub's clock at which something last happened.
#[derive(Debug)]
struct Ticks {
    opened: u32,
    heard: Cell<u32>,
    /// When it last took a byte, or had nothing to take.
    wrote: Cell<u32>,
    /// When the goodbye began, and then when all of it was written.
    closing: Cell<u32>,
}

/// What a connection is made of: what moves when it moves.
pub(in crate::hub) struct Parts<D: Dialect> {
    pub(in crate::hub) socket: TcpStream,
    pub(in crate::hub) session: D::Session,
    /// Bytes read and not yet understood.
    pub(in crate::hub) unread: BytesMut,
    /// Frames that still wait to be written.
    pub(in crate::hub) outbox: Outbox,
    pub(in crate::hub) open: OpenConnection,
}

/// The room that a connection is to move to, and what it wants there.
type Moving<D> = RefCell<Option<Box<(Arc<str>, Wish<<D as Dialect>::Command>)>>>;

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
    marks: RefCell<Option<Box<Marks>>>,
    phase: RefCell<Phase>,
    moving: Moving<D>,
    room: Cell<Option<RoomKey>>,
    place: Cell<usize>,
    /// The shard that owns the room.
    owner: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    dirty: Cell<bool>,
    /// Bytes of an unfinished message, as counted by the server.
    counted: Cell<usize>,
    /// Messages taken in this tick of the hub's clock.
    taken: Cell<u32>,
    pings_unanswered: Cell<u8>,
    /// Its peer was not heard of for too long.
    timed_out: Cell<bool>,
    /// Its session has said its last word to its room.
    ended: Cell<bool>,
    ticks: Ticks,
    /// Counted as open until it ends.
    open: OpenConnection,
}

impl<D: Dialect> Connection<D> {
    pub(in crate::hub) fn new(hub: Rc<Hub<D>>, member: Member, parts: Parts<D>) -> Self {
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
            marks: RefCell::default(),
            phase: RefCell::new(Phase::Open),
            moving: RefCell::default(),
            room: Cell::new(None),
            place: Cell::new(0),
            owner: Cell::new(hub.shard()),
            waker: RefCell::new(None),
            dirty: Cell::new(false),
            counted: Cell::new(0),
            taken: Cell::new(0),
            pings_unanswered: Cell::new(0),
            timed_out: Cell::new(false),
            ended: Cell::new(false),
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

    pub(in crate::hub) fn member(&self) -> Member {
        self.member
    }

    pub(in crate::hub) fn framing(&self) -> Framing {
        self.framing
    }

    pub(in crate::hub) fn room(&self) -> Option<RoomKey> {
        self.room.get()
    }

    pub(in crate::hub) fn owner(&self) -> usize {
        self.owner.get()
    }

    pub(in crate::hub) fn place(&self) -> usize {
        self.place.get()
    }

    pub(in crate::hub) fn set_place(&self, place: usize) {
        self.place.set(place);
    }

    pub(in crate::hub) fn follow(&self) -> RefMut<'_, Follow> {
        self.follow.borrow_mut()
    }

    pub(in crate::hub) fn session(&self) -> RefMut<'_, D::Session> {
        self.session.borrow_mut()
    }

    pub(in crate::hub) fn is_open(&self) -> bool {
        matches!(&*self.phase.borrow(), Phase::Open)
    }

    pub(in crate::hub) fn counted(&self) -> &Cell<usize> {
        &self.counted
    }

    /// Messages taken since the last tick of the hub's clock.
    pub(in crate::hub) fn taken(&self) -> u32 {
        self.taken.get()
    }

    pub(in crate::hub) fn queued_bytes(&self) -> usize {
        self.outbox.borrow().bytes()
    }

    /// Whether its session speaks with many rooms and follows none.
    pub(in crate::hub) fn speaks_with_many(&self) -> bool {
        matches!(&*self.follow.borrow(), Follow::Many(_))
    }

    /// Begins to follow a room at `next`.
    pub(in crate::hub) fn set_room(&self, room: RoomKey, owner: usize, follow: Follow) {
        self.owner.set(owner);
        self.room.set(Some(room));
        *self.follow.borrow_mut() = follow;
    }

    /// Asks for this connection to be given to the shard that owns the room.
    pub(in crate::hub) fn move_to(&self, room: Arc<str>, wish: Wish<D::Command>) {
        *self.moving.borrow_mut() = Some(Box::new((room, wish)));
        *self.phase.borrow_mut() = Phase::Moving;
    }

    /// Where the connection is to move, if anywhere.
    pub(in crate::hub) fn take_move(&self) -> Option<(Arc<str>, Wish<D::Command>)> {
        let is_moving = *self.phase.borrow() == Phase::Moving;
        self.moving.take().filter(|_| is_moving).map(|moving| *moving)
    }

    /// The parts that move to another shard.
    pub(in crate::hub) fn into_parts(self) -> Parts<D> {
        Parts {
            socket: self.socket.into_inner(),
            session: self.session.into_inner(),
            unread: self.decoder.into_inner().unread(),
            outbox: self.outbox.into_inner(),
            open: self.open,
        }
    }

    /// Writes what waits. On an error the connection is dead.
    fn flush(&self) -> Result<Flushed, ()> {
        let mut outbox = self.outbox.borrow_mut();
        let before = outbox.bytes();
        if before == 0 {
            self.ticks.wrote.set(self.hub.tick());
            return Ok(Flushed::All);
        }
        let flushed = outbox.flush(&self.socket.borrow());
        let written = before - outbox.bytes();
        if written > 0 {
            self.ticks.wrote.set(self.hub.tick());
        }
        drop(outbox);
        self.note_written(written);
        flushed.map_err(|_| self.die())
    }

    /// Queues finished frames to be written at the end of the release.
    pub(in crate::hub) fn send(self: &Rc<Self>, frames: Bytes) {
        if !self.is_open() {
            // Nothing may follow a close frame.
            return;
        }
        let mut outbox = self.outbox.borrow_mut();
        // A socket that takes no more has its own task waiting to go on.
        let blocked = !outbox.is_empty();
        outbox.push(frames);
        if blocked {
            return;
        }
        self.ticks.wrote.set(self.hub.tick());
        if !self.dirty.replace(true) {
            self.hub.mark_dirty(self);
        }
    }

    /// As [`Connection::send`], for frames that lie in a buffer with much else: while they wait for a
    /// slow peer they must not keep all of it.
    pub(in crate::hub) fn send_part(self: &Rc<Self>, frames: Bytes) {
        let waits = !self.outbox.borrow().is_empty();
        self.send(if waits { Bytes::copy_from_slice(&frames) } else { frames });
    }

    /// Queues finished frames; the connection's own task, which is running, writes them.
    pub(in crate::hub) fn send_from_task(&self, frames: Bytes) {
        self.outbox.borrow_mut().push(frames);
    }

    /// Writes what was queued by [`Connection::send`].
    pub(in crate::hub) fn flush_dirty(&self) {
        self.dirty.set(false);
        match self.flush() {
            Ok(Flushed::All) if self.is_open() && !self.is_fed() => {}
            _ => self.wake(),
        }
    }

    fn is_fed(&self) -> bool {
        matches!(&*self.follow.borrow(), Follow::CatchUp(_) | Follow::Behind(_) | Follow::Replay(_))
    }

    /// Lets the connection's task run.
    pub(in crate::hub) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Ends the connection without a word.
    pub(in crate::hub) fn die(&self) {
        *self.phase.borrow_mut() = Phase::Dead;
        self.wake();
    }
}
