//! A server in a few lines: a log in memory, effects that are only written down.

use std::convert::Infallible;

use bytes::Bytes;
pub(crate) use syncline_protocol::dialect::memory::{self, Memory, Seen};
use syncline_protocol::{
    dialect::{
        Dialect, Framing, Handshake, Incoming, Member, Moment, Room, Session, Step, UnixMillis,
        Violation,
    },
    dialects::relay::{self, Command, Hello, Relay, binary},
};

/// What a command made visible.
pub(crate) type Effect = memory::Effect<Infallible>;

pub(crate) const KEY: &str = "test_key_1";

/// One room and its log.
pub(crate) struct Key {
    pub(crate) relay: Relay,
    pub(crate) room: relay::Room,
    pub(crate) memory: Memory,
}

impl Key {
    pub(crate) fn new(limits: relay::Limits) -> Self {
        let relay = Relay::new(limits);
        Self { relay, room: relay.room(KEY), memory: Memory::default() }
    }

    /// The effects of one command.
    pub(crate) fn apply(&mut self, from: Member, command: Command) -> Vec<Effect> {
        let mut seen = Seen::default();
        let applied = self.room.apply(from, command, UnixMillis(0), &mut self.memory, &mut seen);
        applied.expect("memory can be read");
        seen.0
    }

    /// What `client` sends and what comes of it; panics when it is no command.
    pub(crate) fn take(
        &mut self,
        from: Member,
        client: &mut Client,
        payload: &[u8],
    ) -> Vec<Effect> {
        match client.submit(payload) {
            Ok(Step::Command(command)) => self.apply(from, command),
            other => panic!("no command: {other:?}"),
        }
    }

    /// A stored record as it reaches a session of `framing`.
    pub(crate) fn delivered(&self, framing: Framing, seq: u64) -> Vec<u8> {
        let record = &self.memory.log[seq as usize - 1];
        let mut out = b"kept".to_vec();
        self.relay.deliver(framing, KEY, seq, record, &mut out);
        out.strip_prefix(b"kept").expect("deliver appends").to_vec()
    }
}

/// A session and the client at its other end.
pub(crate) struct Client {
    pub(crate) session: relay::Session,
    last_id: u64,
}

impl Client {
    /// A client of this framing that has not said hello.
    pub(crate) fn connect(framing: Framing) -> Self {
        let subprotocols: &[&str] = match framing {
            Framing::Text => &[],
            Framing::Binary => &[binary::SUBPROTOCOL],
        };
        let handshake = Handshake { path: Relay::PATH, subprotocols };
        let session = Relay::default().accept(&handshake).session;
        assert_eq!(session.framing(), framing);
        Self { session, last_id: 0 }
    }

    /// A client that follows [`KEY`] from the start.
    pub(crate) fn joined(framing: Framing, client_id: &str, ack: bool) -> Self {
        let mut client = Self::connect(framing);
        let hello = Hello::new(client_id.into(), KEY.into(), 0, ack).unwrap();
        let step = client.hello(&hello);
        assert_eq!(label(step), "join test_key_1 after 0");
        client
    }

    pub(crate) fn hello(&mut self, hello: &Hello) -> Result<Step<Command>, Violation> {
        let mut message = Vec::new();
        match self.session.framing() {
            Framing::Text => relay::json::encode_hello(hello, &mut message),
            Framing::Binary => binary::encode_hello(hello, &mut message),
        }
        self.send(&message)
    }

    pub(crate) fn submit(&mut self, payload: &[u8]) -> Result<Step<Command>, Violation> {
        let mut message = Vec::new();
        self.last_id += 1;
        match self.session.framing() {
            Framing::Text => relay::json::encode_submit(KEY, payload, &mut message),
            Framing::Binary => binary::encode_submit(self.last_id, payload, &mut message),
        }
        self.send(&message)
    }

    /// Sends bytes with the opcode of the framing.
    pub(crate) fn send(&mut self, message: &[u8]) -> Result<Step<Command>, Violation> {
        match self.session.framing() {
            Framing::Text => self.text(std::str::from_utf8(message).unwrap()),
            Framing::Binary => self.binary(message),
        }
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<Step<Command>, Violation> {
        self.session.receive(Incoming::Text(text), Moment::default())
    }

    pub(crate) fn binary(&mut self, bytes: &[u8]) -> Result<Step<Command>, Violation> {
        self.session.receive(Incoming::Binary(Bytes::copy_from_slice(bytes)), Moment::default())
    }
}

/// A step in a few words, to compare.
pub(crate) fn label(step: Result<Step<Command>, Violation>) -> String {
    match step {
        Ok(Step::None) => "none".into(),
        Ok(Step::Ignored(why)) => format!("ignored {why}"),
        Ok(Step::Join { room, after }) => format!("join {room} after {after}"),
        Ok(Step::Command(_)) => "command".into(),
        Ok(Step::Answered { reason, .. }) => format!("answered {reason}"),
        Ok(Step::Open { room, .. }) => format!("open {room}"),
        Ok(Step::Refused { reason, .. }) => format!("refused {reason}"),
        Ok(Step::Acts(acts)) => format!("acts {}", acts.len()),
        Err(Violation { code, .. }) => format!("close {code}"),
    }
}
