//! A relay in memory: the rooms of the server's own dialect without a server. For tests, demonstrations and
//! peers in one process. Nothing of it is durable. What waits for a connection is bounded as at a server:
//! who does not read is ended.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use syncline_protocol::{
    dialect::{
        Audience, Dialect as _, Ended, Framing, Incoming, Member, Moment, Room as _, Session as _,
        Step, UnixMillis, Violation,
        memory::{Effect, Memory, Seen},
    },
    dialects::peer::{
        Peer,
        id::PeerId,
        relay::{Answer, Command, Handshake, Notice, Room, Session},
    },
};

use super::{
    network::{Ask, Network},
    queue::{Queue, Reader, queue},
};
use crate::{
    transport::{ConnectionError, Message, Received, Receiver, Sender, Transport},
    websocket::AddressError,
};

/// A relay in memory. Clones are the same one.
#[derive(Clone, Default)]
pub struct Switchboard(Arc<Mutex<Board>>);

#[derive(Default)]
struct Board {
    peer: Peer,
    rooms: BTreeMap<String, Hosted>,
    connections: BTreeMap<Member, Connected>,
    /// Those who do not read, and are to be ended.
    slow: Vec<Member>,
    last: u64,
}

/// A room and what it keeps.
struct Hosted {
    room: Room,
    kept: Memory,
}

struct Connected {
    room: String,
    identity: PeerId,
    session: Session,
    down: Queue,
}

impl Switchboard {
    /// A relay with these settings.
    #[must_use]
    pub fn new(peer: Peer) -> Self {
        Self(Arc::new(Mutex::new(Board { peer, ..Board::default() })))
    }

    /// The network as this identity has it, which is believed without a token.
    ///
    /// # Errors
    /// [`NoIdentity`].
    pub fn for_identity(&self, identity: &str) -> Result<Line, NoIdentity> {
        let identity = PeerId::new(identity).ok_or(NoIdentity)?;
        Ok(Line { board: self.clone(), identity })
    }

    /// Breaks all connections of an identity, which may come again.
    pub fn cut(&self, identity: &str) {
        let mut board = self.board();
        let is_its = |connected: &Connected| connected.identity.as_str() == identity;
        let all: Vec<Member> = board
            .connections
            .iter()
            .filter(|(_, connected)| is_its(connected))
            .map(|(member, _)| *member)
            .collect();
        all.into_iter().for_each(|member| board.end(member, None));
        board.end_slow();
    }

    /// A connection ends by itself.
    fn leave(&self, member: Member) {
        let mut board = self.board();
        board.end(member, None);
        board.end_slow();
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name is none that an identity can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an identity has 1 to 128 bytes and no control character")]
pub struct NoIdentity;

impl Board {
    fn connect(&mut self, handshake: Handshake, down: Queue) -> Result<Member, ConnectionError> {
        self.last += 1;
        let member = Member(self.last);
        let (name, identity) = (handshake.room.clone(), handshake.identity.clone());
        let mut session = self.peer.accept(handshake);
        let Step::Open { room, opening } = session.start() else {
            return Err(ConnectionError::Violation("a session of this dialect opens a room"));
        };
        let connected = Connected { room: name, identity, session, down };
        self.connections.insert(member, connected);
        self.apply(&room, member, opening);
        self.end_slow();
        Ok(member)
    }

    fn receive(&mut self, member: Member, message: Incoming<'_>) {
        let moment = Moment { now: now(), ..Moment::default() };
        let Some(connected) = self.connections.get_mut(&member) else { return };
        match connected.session.receive(message, moment) {
            Ok(Step::Command(command) | Step::Refused { command, .. }) => {
                let room = connected.room.clone();
                self.apply(&room, member, command);
            }
            Ok(_) => {}
            Err(violation) => self.end(member, Some(violation)),
        }
        self.end_slow();
    }

    fn apply(&mut self, name: &str, member: Member, command: Command) {
        let peer = self.peer;
        let new = || Hosted { room: peer.room(name), kept: Memory::default() };
        let hosted = self.rooms.entry(name.to_owned()).or_insert_with(new);
        let mut seen = Seen::<Answer, Notice>::default();
        // Plain memory can always be read.
        let _ = hosted.room.apply(member, command, now(), &mut hosted.kept, &mut seen);
        let mut replays = Vec::new();
        for effect in seen.0 {
            match effect {
                Effect::Open { to, message } => self.text(to, &message),
                Effect::Reply { to, message, .. } => self.text(to, &message),
                Effect::Relay { framing, message, to } => self.relay(name, framing, &message, to),
                Effect::Dismiss { member, violation } => self.end(member, Some(violation)),
                Effect::Replay { to, after, reader } => replays.push((to, after, reader)),
                _ => {}
            }
        }
        for (to, after, reader) in replays {
            self.replay(name, to, after, &reader);
        }
    }

    fn relay(&mut self, name: &str, framing: Framing, message: &Bytes, to: Audience) {
        let goes_to = |member: Member| match to {
            Audience::One(one) => one == member,
            Audience::AllBut(but) => but != Some(member),
        };
        for (member, connected) in &self.connections {
            let is_for_it = connected.room == name && goes_to(*member);
            if is_for_it && !connected.down.offer(message_of(framing, message)) {
                self.slow.push(*member);
            }
        }
    }

    fn replay(&mut self, name: &str, to: Member, after: u64, reader: &str) {
        let (Some(hosted), Some(connected)) = (self.rooms.get(name), self.connections.get_mut(&to))
        else {
            return;
        };
        let first = hosted.kept.trimmed + 1;
        for (seq, record) in (first..).zip(&hosted.kept.log).filter(|(seq, _)| *seq > after) {
            let mut out = Vec::new();
            if let Some(framing) = self.peer.replay(reader, seq, record, &mut out) {
                // A server reads these from its log as there is room: they are no part of the queue.
                connected.down.push(message_of(framing, &out.into()));
            }
        }
        let last = hosted.kept.trimmed + hosted.kept.log.len() as u64;
        if let Some(message) = connected.session.caught_up(last) {
            connected.down.push(text_of(&message));
        }
    }

    fn text(&mut self, to: Member, message: &[u8]) {
        if let Some(connected) = self.connections.get(&to)
            && !connected.down.offer(text_of(message))
        {
            self.slow.push(to);
        }
    }

    /// Ends those for whom more waits than may. That others hear of it may be too much for these.
    fn end_slow(&mut self) {
        while let Some(member) = self.slow.pop() {
            self.end(member, Some(self.peer.too_slow()));
        }
    }

    /// Ends a connection: both sides hear of it.
    fn end(&mut self, member: Member, violation: Option<Violation>) {
        let Some(mut connected) = self.connections.remove(&member) else { return };
        let code = violation.map(|violation| violation.code);
        connected.down.end(ConnectionError::Closed { code });
        if let Some(last) = connected.session.ended(Ended::Closed) {
            self.apply(&connected.room, member, last);
        }
    }
}

fn message_of(framing: Framing, message: &Bytes) -> Message {
    match framing {
        Framing::Text => text_of(message),
        Framing::Binary => Message::Binary(message.clone()),
    }
}

fn text_of(message: &[u8]) -> Message {
    Message::Text(String::from_utf8_lossy(message).into_owned())
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl fmt::Debug for Switchboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switchboard").finish_non_exhaustive()
    }
}

/// A [`Switchboard`] as one identity has it.
#[derive(Clone, Debug)]
pub struct Line {
    board: Switchboard,
    identity: PeerId,
}

impl Network for Line {
    type Transport = Wire;

    fn reach(&self, ask: Ask) -> Result<Wire, AddressError> {
        Ok(Wire { line: self.clone(), ask: Arc::new(ask) })
    }
}

/// The way to one room of a [`Switchboard`].
#[derive(Clone, Debug)]
pub struct Wire {
    line: Line,
    ask: Arc<Ask>,
}

/// The sending half of a connection.
#[derive(Debug)]
pub struct WireSender {
    board: Switchboard,
    member: Member,
    down: Queue,
}

/// The receiving half of a connection.
#[derive(Debug)]
pub struct WireReceiver(Reader);

impl Transport for Wire {
    type Sender = WireSender;
    type Receiver = WireReceiver;

    async fn connect(
        &self,
        _: Option<&'static str>,
        _: usize,
    ) -> Result<(WireSender, WireReceiver), ConnectionError> {
        let board = self.line.board.clone();
        let (down, receiver) = queue(board.board().peer.queue());
        let handshake = Handshake {
            identity: self.line.identity.clone(),
            room: self.ask.room.clone(),
            kind: self.ask.kind,
            may_publish: true,
            may_read_history: true,
            since_seq: (self.ask.since_seq)(),
            expires: UnixMillis(u64::MAX),
        };
        let member = board.board().connect(handshake, down.clone())?;
        Ok((WireSender { board, member, down }, WireReceiver(receiver)))
    }
}

impl Sender for WireSender {
    async fn send(&mut self, message: Message) -> Result<(), ConnectionError> {
        let message = match &message {
            Message::Text(text) => Incoming::Text(text),
            Message::Binary(bytes) => Incoming::Binary(bytes.clone()),
        };
        self.board.board().receive(self.member, message);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), ConnectionError> {
        self.down.heartbeat();
        Ok(())
    }

    async fn close(&mut self) -> Result<(), ConnectionError> {
        self.board.leave(self.member);
        Ok(())
    }
}

/// Who is gone without a goodbye is gone all the same.
impl Drop for WireSender {
    fn drop(&mut self) {
        self.board.leave(self.member);
    }
}

impl Receiver for WireReceiver {
    async fn receive(&mut self) -> Result<Received, ConnectionError> {
        self.0.next().await
    }
}
