//! A coordinator in plain memory: sessions and rooms in a few lines, for tests and simulations.
//!
//! A double of the server. Time comes in; what is asked of a room comes there after a delay and is answered
//! when it is on what stands for the device, both drawn from a seed; changes are gathered over windows; a
//! restart drops the rooms, a power cut also what was not on the device. Nothing here is durable.
//!
//! ```
//! use syncline_protocol::dialect::UnixMillis;
//! use syncline_protocol::dialects::maps::{Settings, memory::{Coordinator, Delays, Sent}, proto, wire};
//!
//! let (now, never) = (UnixMillis(1_700_000_000_000), UnixMillis(u64::MAX));
//! let mut coordinator = Coordinator::new(Settings::default(), Delays::default());
//! coordinator.tokens().allow("token", "anna", never);
//! let anna = coordinator.connect(now);
//! let auth = proto::AuthRequest { token: "token".into(), ..Default::default() };
//! let payload = Some(proto::envelope::Payload::Auth(auth));
//! let first = wire::encode(&proto::Envelope { correlation_id: "1".into(), payload });
//! let out = coordinator.receive(anna, first, now);
//! assert!(matches!(&*out, [said] if said.to == anna && matches!(said.what, Sent::Message(_))));
//! ```

mod disk;
mod rooms;
mod run;
mod tokens;

pub use tokens::Tokens;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;

use self::{
    disk::Changes,
    rooms::{Applied, Outcome, Rooms},
};
use super::{Answer, Change, Command, Handshake, Host, Maps, Principal, Session, Settings};
use crate::dialect::{
    Act, Incoming, Member, Session as _, Step, Unanswered, UnixMillis, Violation, memory::Memory,
};

/// How often sessions and rooms are looked after, in milliseconds.
const SECOND_MS: u64 = 1000;

/// How long everything takes. By default nothing takes any time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delays {
    /// What the delays are drawn from.
    pub seed: u64,
    /// The longest that a question is under way to its room, in milliseconds.
    pub ask_ms_max: u64,
    /// The longest from a change to when it is on the device, in milliseconds.
    pub sync_ms_max: u64,
}

/// What a client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A message.
    Message(Bytes),
    /// The end of its connection.
    Close(Violation),
}

/// What leaves the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Out {
    /// The session whose client gets it.
    pub to: u64,
    /// When it leaves.
    pub at: UnixMillis,
    /// What it is.
    pub what: Sent,
}

/// Something that will happen.
enum Event {
    /// A question comes to its room.
    Ask { from: Member, ticket: u64, room: String, command: Command },
    /// An answer comes to its session.
    Answer { to: u64, ticket: u64, outcome: Outcome },
    /// What a command changed is on the device.
    Synced {
        room: String,
        changes: Changes,
        notices: Vec<Change>,
        answer: Option<(u64, u64, Outcome)>,
    },
    /// What was gathered in a room is told.
    Window { room: String },
}

/// A session and what is known of its client.
struct Peer {
    session: Session,
    /// Its client does not take what it is sent.
    slow: bool,
    /// The session was told so.
    told_slow: bool,
}

/// A server of maps in memory.
pub struct Coordinator {
    maps: Maps,
    tokens: Arc<Tokens>,
    delays: Delays,
    dice: u64,
    rooms: Rooms,
    peers: BTreeMap<u64, Peer>,
    last_session: u64,
    /// By when and in which order.
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
    /// When the last question of a session to a room comes there: those after it come later.
    last_asked: HashMap<(u64, String), u64>,
    /// When all that was changed so far is on the device.
    synced_at: u64,
    next_second: Option<u64>,
    now: u64,
    out: Vec<Out>,
}

impl Coordinator {
    /// A coordinator that keeps nothing yet.
    #[must_use]
    pub fn new(settings: Settings, delays: Delays) -> Self {
        let maps = Maps::new(settings);
        Self {
            maps,
            tokens: Arc::default(),
            delays,
            dice: delays.seed,
            rooms: Rooms::new(maps),
            peers: BTreeMap::new(),
            last_session: 0,
            events: BTreeMap::new(),
            order: 0,
            last_asked: HashMap::new(),
            synced_at: 0,
            next_second: None,
            now: 0,
            out: Vec::new(),
        }
    }

    /// The tokens that it knows.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// A new connection: the number of its session. Numbers are never used again.
    pub fn connect(&mut self, now: UnixMillis) -> u64 {
        self.accept(None, now)
    }

    /// A session for one message of somebody who showed a token in the header of an HTTP request.
    pub fn connect_once(&mut self, principal: Principal, now: UnixMillis) -> u64 {
        self.accept(Some(principal), now)
    }

    fn accept(&mut self, principal: Option<Principal>, now: UnixMillis) -> u64 {
        self.last_session += 1;
        let number = self.last_session;
        let host: Arc<dyn Host> = Arc::clone(&self.tokens) as _;
        let session = self.maps.accept(Handshake { number, connected: now, host, principal });
        self.peers.insert(number, Peer { session, slow: false, told_slow: false });
        self.next_second.get_or_insert(now.0 + SECOND_MS);
        number
    }

    /// A connection has ended.
    pub fn disconnect(&mut self, session: u64) {
        self.peers.remove(&session);
        self.rooms.forget(session);
    }

    /// Whether a session is there.
    #[must_use]
    pub fn is_connected(&self, session: u64) -> bool {
        self.peers.contains_key(&session)
    }

    /// Whether a session has answered everything; also when it is gone.
    #[must_use]
    pub fn is_idle(&self, session: u64) -> bool {
        self.peers.get(&session).is_none_or(|peer| peer.session.is_idle())
    }

    /// Takes a binary message of a client, and gives what leaves up to now for any client.
    pub fn receive(&mut self, session: u64, message: Bytes, now: UnixMillis) -> Vec<Out> {
        self.take(session, Incoming::Binary(message), now)
    }

    /// As [`Coordinator::receive`], for a text message.
    pub fn receive_text(&mut self, session: u64, text: &str, now: UnixMillis) -> Vec<Out> {
        self.take(session, Incoming::Text(text), now)
    }

    fn take(&mut self, session: u64, message: Incoming<'_>, now: UnixMillis) -> Vec<Out> {
        self.run(now.0);
        let moment = self.moment();
        let Some(peer) = self.peers.get_mut(&session) else { return self.taken() };
        let acts = match peer.session.receive(message, moment) {
            Ok(Step::Acts(acts)) => acts,
            Ok(_) => Vec::new(),
            Err(why) => vec![Act::Close(why)],
        };
        self.act(session, acts);
        self.run(now.0);
        self.taken()
    }

    /// Does what is due up to now, and gives what leaves.
    pub fn tick(&mut self, now: UnixMillis) -> Vec<Out> {
        self.run(now.0);
        self.taken()
    }

    /// When something is due next, the look at sessions and rooms once a second not counted.
    #[must_use]
    pub fn next_due(&self) -> Option<UnixMillis> {
        self.events.keys().next().map(|(at, _)| UnixMillis(*at))
    }

    /// Says whether a client takes what it is sent. What was sent is not taken back.
    pub fn set_slow(&mut self, session: u64, slow: bool, now: UnixMillis) -> Vec<Out> {
        self.run(now.0);
        let moment = self.moment();
        if let Some(peer) = self.peers.get_mut(&session) {
            peer.slow = slow;
            if !slow && std::mem::take(&mut peer.told_slow) {
                let acts = peer.session.drained(moment);
                self.act(session, acts);
                self.run(now.0);
            }
        }
        self.taken()
    }

    /// Stops and starts: sessions are gone, rooms are made of what they keep, and everything is on the
    /// device.
    pub fn restart(&mut self) {
        self.stop(false);
    }

    /// Loses power and starts: as [`Coordinator::restart`], and what was not on the device is gone.
    pub fn power_cut(&mut self) {
        self.stop(true);
    }

    fn stop(&mut self, cut: bool) {
        self.rooms.drop_all(cut);
        self.peers.clear();
        self.events.clear();
        self.last_asked.clear();
        self.out.clear();
        self.synced_at = 0;
    }

    /// From now on a room answers every question with this, or what it would again.
    pub fn break_room(&mut self, room: &str, why: Option<Unanswered>) {
        self.rooms.break_room(room, why);
    }

    /// From now on what is asked of a room comes there so many milliseconds later.
    pub fn delay_room(&mut self, room: &str, delay_ms: u64) {
        self.rooms.delay(room, delay_ms);
    }

    /// How many sessions watch a room.
    #[must_use]
    pub fn watchers(&self, room: &str) -> usize {
        self.rooms.watchers(room)
    }

    /// What of a room is on the device; `None` for one that was never asked anything.
    #[must_use]
    pub fn device(&self, room: &str) -> Option<&Memory> {
        self.rooms.device(room)
    }

    /// Asks a room without a session and answers at once, whatever the delays.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn ask(
        &mut self,
        room: &str,
        command: Command,
        now: UnixMillis,
    ) -> Result<Answer, Unanswered> {
        self.run(now.0);
        let applied = self.rooms.ask(room, Member::CALLER, command, now);
        let Applied { answer, changes, notices } = applied;
        let release = Event::Synced { room: room.into(), changes, notices, answer: None };
        self.later(self.synced_at.max(self.now), release);
        self.run(now.0);
        answer.map_or(Err(Unanswered::Unreadable), |(outcome, _)| outcome)
    }
}
