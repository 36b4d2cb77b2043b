//! One dialect's rooms and sessions on one shard.
//!
//! A hub applies commands to the rooms it owns, commits them once per turn, and releases what
//! becomes visible when the store says that it is durable. It is single-threaded; other hubs
//! reach it by mail only. It knows no dialect in particular, no HTTP and no file.

mod apart;
mod apply;
mod ask;
mod behind;
mod call;
mod catchup;
mod collections;
mod commit;
mod connection;
mod deliver;
mod drain;
mod due;
mod durable;
mod effects;
mod endings;
mod env;
mod feed;
mod follow;
mod frames;
mod held;
mod join;
mod letters;
mod linger;
mod mail;
mod many;
mod names;
mod outbox;
mod overlay;
mod prepare;
mod published;
mod pump;
mod relayed;
mod release;
mod replay;
mod replies;
mod room;
mod seed;
mod show;
mod steps;
mod tell;
mod turn;
mod unsynced;
mod watch;
mod windows;

#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell, RefMut},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::BytesMut;
use hashbrown::HashMap;
use slab::Slab;
use syncline_protocol::dialect::{Dialect, Member, Queue, UnixMillis};
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc},
    task::spawn_local,
};

use crate::{config::LimitsConfig, health::OpenConnection, metrics::Counters};

pub(crate) use self::{
    apart::{ApartFailed, Keep, apply_apart, rooms_with_log, rooms_with_map},
    call::CallFailed,
    env::PRESSURE_BYTES_MAX,
    names::{log_name, map_name},
    seed::{Ground, Observer, Seed, plant},
};
#[allow(unused_imports, reason = "for the dialects that are called")]
use self::{
    catchup::OWN_RECORDS_MAX,
    connection::{Connection, Parts},
    env::{Deadlines, SharedEnv, Signal},
    follow::Follow,
    mail::{Letters, Mail, Mailbox},
    outbox::Outbox,
    prepare::{Preparations, prepares},
    release::Pending,
    room::{RoomKey, Rooms},
    tell::{LastFrame, Telling},
    turn::Turn,
    unsynced::WritingBehind,
    watch::Watchers,
    windows::{Ends, Gathering},
};

/// Bytes read from a socket in one call.
const SCRATCH_BYTES: usize = 64 << 10;
/// What a command is reckoned to take beside its message while it waits.
const COMMAND_BYTES_EXTRA: usize = 256;
/// A member's number holds its shard, a serial number and its slot in the hub.
const SLOT_BITS: u32 = 24;
const SERIAL_BITS: u32 = 28;

/// The ends of the mailboxes between the hubs of one dialect, one per shard.
fn mailboxes<D: Dialect>(shards: usize) -> (Vec<Mailbox<D>>, Vec<Letters<D>>) {
    (0..shards).map(|_| mpsc::unbounded_channel()).unzip()
}

/// The shard that owns a room: FNV-1a over its name, the same in every hub of the server.
fn owner_of(room: &str, shards: usize) -> usize {
    let hash = room.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The high bits are the well mixed ones.
    ((hash >> 32) as usize) % shards
}

/// One dialect on one shard.
pub(crate) struct Hub<D: Dialect> {
    dialect: D,
    env: SharedEnv,
    shard: usize,
    mailboxes: Vec<Mailbox<D>>,
    /// Who hears what rooms tell, beside those who watch them.
    observer: Option<Observer<D>>,
    deadlines: Deadlines,
    rooms: RefCell<Rooms<D>>,
    connections: RefCell<Slab<Rc<Connection<D>>>>,
    turn: RefCell<Turn<D>>,
    pending: RefCell<VecDeque<Pending<D>>>,
    /// The same where rooms write behind.
    behind: RefCell<WritingBehind<D>>,
    /// What may wait for one connection of what was relayed.
    queue: Queue,
    /// Connections that said goodbye, whose sessions have a last word for their room.
    closing: RefCell<Vec<Member>>,
    /// What sessions are to be told that speak with many rooms.
    tellings: RefCell<VecDeque<Telling<D>>>,
    /// The frame that was made last for such a session: the next may get the same message.
    last_frame: RefCell<LastFrame>,
    /// Sessions of this shard that watch rooms.
    watchers: RefCell<Watchers<D>>,
    /// What rooms of this shard tell, where somebody watches.
    gatherings: RefCell<HashMap<Arc<str>, Gathering<D::Notice>>>,
    window_ends: RefCell<Ends>,
    window_work: Notify,
    dirty: RefCell<Vec<Rc<Connection<D>>>>,
    /// Connections that are not read from until pressure has fallen.
    paused: RefCell<Vec<Rc<Connection<D>>>>,
    /// Connections that are not read from until the next tick.
    resting: RefCell<Vec<Rc<Connection<D>>>>,
    /// Rooms that stay for a while after a call, and until which tick.
    lingering: RefCell<VecDeque<(RoomKey, u32)>>,
    /// Rooms whose entries have to be read before they take a command.
    preparations: RefCell<Preparations>,
    scratch: RefCell<Box<[u8]>>,
    rooms_counted: Cell<usize>,
    now: Cell<UnixMillis>,
    clock_is_old: Cell<bool>,
    tick: Cell<u32>,
    serial: Cell<u64>,
    /// Takes no more messages.
    deaf: Cell<bool>,
    /// What everyone was told when all were closed, and what whoever comes now is told.
    farewell: Cell<Option<(u16, &'static str)>>,
}

impl<D: Dialect> Hub<D> {
    fn new(
        dialect: D,
        env: SharedEnv,
        (shard, mailboxes): (usize, Vec<Mailbox<D>>),
        observer: Option<Observer<D>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            queue: queue_of(&dialect, &env.limits),
            dialect,
            deadlines: Deadlines::new(&env.limits, prepares::<D>()),
            env,
            shard,
            mailboxes,
            observer,
            rooms: RefCell::new(Rooms::new()),
            connections: RefCell::default(),
            turn: RefCell::default(),
            pending: RefCell::default(),
            behind: RefCell::default(),
            closing: RefCell::default(),
            tellings: RefCell::default(),
            last_frame: RefCell::default(),
            watchers: RefCell::default(),
            gatherings: RefCell::default(),
            window_ends: RefCell::default(),
            window_work: Notify::new(),
            dirty: RefCell::default(),
            paused: RefCell::default(),
            resting: RefCell::default(),
            lingering: RefCell::default(),
            preparations: RefCell::default(),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES].into()),
            rooms_counted: Cell::new(0),
            now: Cell::new(UnixMillis(0)),
            clock_is_old: Cell::new(true),
            tick: Cell::new(0),
            serial: Cell::new(0),
            deaf: Cell::new(false),
            farewell: Cell::new(None),
        })
    }

    /// The dialect that the hub speaks.
    pub(crate) fn dialect(&self) -> &D {
        &self.dialect
    }

    /// Takes over an upgraded connection. `unread` came behind the request.
    pub(crate) fn attach(
        self: &Rc<Self>,
        socket: TcpStream,
        session: D::Session,
        unread: BytesMut,
        open: OpenConnection,
    ) {
        self.env.counters.accepted.increment(1);
        self.begin_moment();
        let outbox = Outbox::default();
        let connection = self.admit(Parts { socket, session, unread, outbox, open });
        self.start_session(&connection);
    }

    fn admit(self: &Rc<Self>, parts: Parts<D>) -> Rc<Connection<D>> {
        let mut connections = self.connections.borrow_mut();
        let entry = connections.vacant_entry();
        let serial = self.serial.get();
        self.serial.set((serial + 1) & ((1 << SERIAL_BITS) - 1));
        let number = (self.shard as u64) << (SLOT_BITS + SERIAL_BITS)
            | serial << SLOT_BITS
            | entry.key() as u64;
        let member = Member(number);
        let connection = Rc::new(Connection::new(self.clone(), member, parts));
        entry.insert(connection.clone());
        self.env.counters.sessions.increment(1.0);
        if let Some((code, reason)) = self.farewell.get() {
            connection.close(code, reason);
        }
        spawn_local(self.clone().run(connection.clone()));
        connection
    }

    async fn run(self: Rc<Self>, connection: Rc<Connection<D>>) {
        connection.run().await;
        let moving = connection.take_move();
        self.begin_moment();
        self.end_session(&connection);
        self.leave(&connection);
        self.unwatch_all(&connection);
        self.note_unfinished(&connection, 0);
        self.connections.borrow_mut().remove(slot_of(connection.member()));
        self.env.counters.sessions.decrement(1.0);
        if let Some((room, wish)) = moving {
            self.hand_over(connection, room, wish);
        }
    }

    /// The wall clock, read once, if at all, whenever the hub is given something to do: what it does
    /// without a pause is of one moment.
    fn now(&self) -> UnixMillis {
        if self.clock_is_old.get() {
            self.read_clock();
        }
        self.now.get()
    }

    /// Something new is to be done: whoever asks is told the time of now.
    fn begin_moment(&self) {
        self.clock_is_old.set(true);
    }

    fn read_clock(&self) {
        self.clock_is_old.set(false);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.now.set(UnixMillis(since.as_millis() as u64));
    }

    /// Whether a connection must not be read from for now: what it caused has to be taken first.
    fn must_pause(&self, connection: &Rc<Connection<D>>) -> bool {
        if self.deaf.get() || self.lags(connection) {
            return true;
        }
        if connection.taken() >= self.deadlines.messages {
            // Goes on at the next tick.
            self.resting.borrow_mut().push(connection.clone());
            return true;
        }
        if self.is_pressed(connection) {
            self.paused.borrow_mut().push(connection.clone());
            return true;
        }
        false
    }

    /// Whether too much waits where the session's next command may go.
    fn is_pressed(&self, connection: &Connection<D>) -> bool {
        let is_pressed = |signal: &Signal| signal.pressure() > PRESSURE_BYTES_MAX;
        if connection.room().is_some() {
            return is_pressed(&self.env.signals[connection.owner()]);
        }
        connection.speaks_with_many() && self.env.signals.iter().any(is_pressed)
    }

    /// Whether a connection has to take what waits for it before it may say more.
    fn lags(&self, connection: &Connection<D>) -> bool {
        let has_enough = match &*connection.follow() {
            Follow::CatchUp(cursor) => cursor.own_records() > OWN_RECORDS_MAX,
            Follow::Many(many) => many.has_asked_enough(),
            Follow::Nothing
            | Follow::Opening
            | Follow::Behind(_)
            | Follow::Replay(_)
            | Follow::Live => false,
        };
        has_enough || connection.queued_bytes() > self.env.limits.queue_bytes_max
    }

    /// Notes what a connection holds of a message that has not come whole; closes it when all
    /// connections together hold too much.
    fn note_unfinished(&self, connection: &Connection<D>, held: usize) {
        let max = self.env.limits.message_bytes_max;
        if !self.env.unfinished.note(connection.counted(), held, max) {
            connection.close(1013, "too many unfinished messages");
        }
    }

    fn mark_dirty(&self, connection: &Rc<Connection<D>>) {
        self.dirty.borrow_mut().push(connection.clone());
    }

    /// The connection of a member of this shard, if it is still there.
    fn find(&self, member: Member) -> Option<Rc<Connection<D>>> {
        let connections = self.connections.borrow();
        connections.get(slot_of(member)).filter(|found| found.member() == member).cloned()
    }

    fn post(&self, shard: usize, mail: Mail<D>) {
        // A hub whose mailbox is closed has shut down: nobody is left to be told.
        let _ = self.mailboxes[shard].send(mail);
    }

    fn shard(&self) -> usize {
        self.shard
    }

    fn tick(&self) -> u32 {
        self.tick.get()
    }

    fn limits(&self) -> &LimitsConfig {
        &self.env.limits
    }

    fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    fn counters(&self) -> &Counters {
        &self.env.counters
    }

    fn rooms(&self) -> RefMut<'_, Rooms<D>> {
        self.rooms.borrow_mut()
    }

    fn scratch(&self) -> RefMut<'_, Box<[u8]>> {
        self.scratch.borrow_mut()
    }
}

/// What may wait for one connection of what was relayed to it.
fn queue_of<D: Dialect>(dialect: &D, limits: &LimitsConfig) -> Queue {
    let unsaid = Queue { frames_max: usize::MAX, bytes_max: limits.queue_bytes_max };
    dialect.queue().unwrap_or(unsaid)
}

fn slot_of(member: Member) -> usize {
    (member.0 & ((1 << SLOT_BITS) - 1)) as usize
}

fn shard_of(member: Member) -> usize {
    (member.0 >> (SLOT_BITS + SERIAL_BITS)) as usize
}
