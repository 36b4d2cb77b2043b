//! A server in a few lines: what a room keeps is in memory, and what it shows goes into the inboxes of
//! its participants as it would go into their sockets.

use std::collections::BTreeMap;

use bytes::Bytes;
use syncline_protocol::{
    dialect::{
        Audience, Collections, Dialect, Ended, Framing, Incoming, Member, Moment, Room as _,
        Session as _, Step, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::peer::{
        Peer,
        id::PeerId,
        kind::RoomKind,
        relay::{Answer, Command, Control, Handshake, Notice, Room, Session, Settings},
    },
};

pub(crate) const ROOM: &str = "plans/ü";

/// What arrives at a participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Text(String),
    Packet(Bytes),
    Closed(u16),
}

impl Got {
    pub(crate) fn control(&self) -> Control {
        let Self::Text(text) = self else { panic!("no text: {self:?}") };
        Control::decode(text).unwrap_or_else(|| panic!("no control message: {text}"))
    }
}

/// One connection.
struct Connection {
    session: Session,
    inbox: Vec<Got>,
    is_open: bool,
    is_closed: bool,
}

/// A room and everybody who ever connected.
pub(crate) struct World {
    pub(crate) peer: Peer,
    room: Room,
    pub(crate) memory: Memory,
    pub(crate) now: UnixMillis,
    /// What whoever observes the room was told.
    pub(crate) noticed: Vec<Notice>,
    connections: BTreeMap<Member, Connection>,
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        let peer = Peer::new(settings);
        let (memory, connections) = (Memory::default(), BTreeMap::new());
        let (room, now) = (peer.room(ROOM), UnixMillis(1_000_000));
        Self { peer, room, memory, now, noticed: Vec::new(), connections }
    }

    /// The server stops and starts again: what is in memory alone is gone.
    pub(crate) fn restart(&mut self, settings: Settings) {
        self.peer = Peer::new(settings);
        self.room = self.peer.room(ROOM);
        self.connections.clear();
    }

    /// A connection of this identity to a data room, without history.
    pub(crate) fn join(&mut self, identity: &str) -> Member {
        self.connect(handshake(identity))
    }

    /// The same, of whom nobody cares what it was told.
    pub(crate) fn join_quietly(&mut self, identity: &str) -> Member {
        let member = self.join(identity);
        self.clear();
        member
    }

    pub(crate) fn connect(&mut self, handshake: Handshake) -> Member {
        let member = Member(self.connections.len() as u64 + 1);
        let mut session = self.peer.accept(handshake);
        assert_eq!(session.framing(), Framing::Text);
        let Step::Open { room, opening } = session.start() else { panic!("no opening") };
        assert_eq!(room, ROOM);
        let connection = Connection { session, inbox: vec![], is_open: false, is_closed: false };
        self.connections.insert(member, connection);
        self.apply(member, opening);
        member
    }

    pub(crate) fn send(&mut self, from: Member, frame: &Bytes) {
        self.receive(from, Incoming::Binary(frame.clone()));
    }

    pub(crate) fn say(&mut self, from: Member, text: &str) {
        self.receive(from, Incoming::Text(text));
    }

    /// A connection ends, and its session has the last word.
    pub(crate) fn end(&mut self, member: Member, how: Ended) {
        let connection = self.connections.get_mut(&member).expect("a connection");
        (connection.is_open, connection.is_closed) = (false, true);
        if let Some(command) = connection.session.ended(how) {
            self.apply(member, command);
        }
    }

    /// The answer to a caller.
    pub(crate) fn call(&mut self, command: Command) -> Answer {
        let mut answers = self.apply(Member::CALLER, command);
        assert_eq!(answers.len(), 1, "a caller is answered once");
        answers.remove(0)
    }

    fn receive(&mut self, from: Member, message: Incoming<'_>) {
        let moment = Moment { now: self.now, ..Moment::default() };
        let connection = self.connections.get_mut(&from).expect("a connection");
        if connection.is_closed {
            return;
        }
        match connection.session.receive(message, moment) {
            Ok(Step::Command(command) | Step::Refused { command, .. }) => {
                drop(self.apply(from, command));
            }
            Ok(Step::None | Step::Ignored(_)) => {}
            Ok(step) => panic!("a session of this dialect has no such step: {step:?}"),
            Err(violation) => {
                connection.inbox.push(Got::Closed(violation.code));
                self.end(from, Ended::Closed);
            }
        }
    }

    pub(crate) fn apply(&mut self, from: Member, command: Command) -> Vec<Answer> {
        let mut seen = Seen::default();
        let applied = self.room.apply(from, command, self.now, &mut self.memory, &mut seen);
        applied.expect("memory can be read");
        seen.0.into_iter().filter_map(|effect| self.show(effect)).collect()
    }

    fn show(&mut self, effect: Effect<Answer, Notice>) -> Option<Answer> {
        match effect {
            Effect::Relay { framing, message, to } => self.relay(framing, &message, to),
            Effect::Open { to, message } => {
                let connection = self.connections.get_mut(&to).expect("a connection");
                assert!(!connection.is_open && !connection.is_closed, "it is opened once");
                connection.is_open = true;
                connection.inbox.push(text(&message));
            }
            Effect::Replay { to, after, reader } => self.replay(to, after, &reader),
            Effect::Dismiss { member, violation } => {
                let connection = self.connections.get_mut(&member).expect("a connection");
                connection.inbox.push(Got::Closed(violation.code));
                (connection.is_open, connection.is_closed) = (false, true);
            }
            Effect::Answer(answer) => return Some(answer),
            Effect::Notify(notice) => self.noticed.push(notice),
            other => panic!("a room of this dialect has no such effect: {other:?}"),
        }
        None
    }

    fn relay(&mut self, framing: Framing, message: &Bytes, to: Audience) {
        for (member, connection) in &mut self.connections {
            let is_for_it = match to {
                Audience::AllBut(except) => except != Some(*member),
                Audience::One(one) => one == *member,
            };
            if connection.is_open && is_for_it {
                connection.inbox.push(match framing {
                    Framing::Text => text(message),
                    Framing::Binary => Got::Packet(message.clone()),
                });
            }
        }
    }

    fn replay(&mut self, to: Member, after: u64, reader: &str) {
        let connection = self.connections.get_mut(&to).expect("a connection");
        assert!(connection.is_open, "a replay comes behind the opening");
        assert!(after <= self.memory.last_seq(), "a replay begins in the log or at its end");
        let first = self.memory.trimmed + 1;
        for (seq, record) in (first..).zip(&self.memory.log).filter(|&(seq, _)| seq > after) {
            let mut out = Vec::new();
            match self.peer.replay(reader, seq, record, &mut out) {
                Some(framing) => {
                    assert_eq!(framing, Framing::Binary);
                    connection.inbox.push(Got::Packet(out.into()));
                }
                None => assert!(out.is_empty(), "nothing is written of what is left out"),
            }
        }
    }

    /// What has arrived since the last time.
    pub(crate) fn got(&mut self, member: Member) -> Vec<Got> {
        std::mem::take(&mut self.connections.get_mut(&member).expect("a connection").inbox)
    }

    /// The control messages that have arrived since the last time, and nothing else has.
    pub(crate) fn told(&mut self, member: Member) -> Vec<Control> {
        self.got(member).iter().map(Got::control).collect()
    }

    pub(crate) fn is_open(&self, member: Member) -> bool {
        self.connections[&member].is_open
    }

    /// Empties all inboxes.
    pub(crate) fn clear(&mut self) {
        self.connections.values_mut().for_each(|connection| connection.inbox.clear());
    }

    pub(crate) fn after_ms(&mut self, ms: u64) {
        self.now.0 += ms;
    }

    pub(crate) fn log_bytes(&self) -> u64 {
        self.memory.log_bytes()
    }
}

fn text(message: &[u8]) -> Got {
    Got::Text(String::from_utf8(message.to_vec()).expect("JSON is UTF-8"))
}

pub(crate) fn id(name: &str) -> PeerId {
    PeerId::new(name).expect("a name")
}

/// What a data token without history says.
pub(crate) fn handshake(identity: &str) -> Handshake {
    Handshake {
        identity: id(identity),
        room: ROOM.into(),
        kind: RoomKind::Data,
        may_publish: true,
        may_read_history: false,
        since_seq: None,
        expires: UnixMillis(u64::MAX),
    }
}

pub(crate) const SYNC_REQ: i32 = 0;
pub(crate) const DATA_CHUNK: i32 = 2;
pub(crate) const HANDSHAKE: i32 = 3;
pub(crate) const UNKNOWN: i32 = 42;

/// A packet, with a field that nobody knows at its end.
pub(crate) fn packet(
    kind: i32,
    request: &str,
    sender: &str,
    target: &str,
    payload: &[u8],
) -> Bytes {
    let mut out = Vec::new();
    if kind != 0 {
        out.extend([0x08, kind as u8]);
    }
    let texts = [(2, request.as_bytes()), (3, sender.as_bytes()), (9, target.as_bytes())];
    for (field, value) in texts.into_iter().chain([(5, payload)]) {
        if !value.is_empty() {
            out.push(field << 3 | 2);
            prost::encoding::encode_varint(value.len() as u64, &mut out);
            out.extend_from_slice(value);
        }
    }
    out.extend([0xfa, 0x01, 0x03, b'n', b'e', b'w']); // field 31
    out.into()
}

/// A packet to all.
pub(crate) fn broadcast(kind: i32, sender: &str, payload: &[u8]) -> Bytes {
    packet(kind, "r", sender, "", payload)
}
