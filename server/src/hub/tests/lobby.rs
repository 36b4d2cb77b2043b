//! A dialect that relays at once and writes behind: what its rooms are told to do, they do, and keep some of
//! it.
//!
//! Its packets are binary, its control is text. The room knows who is in it by name.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use syncline_protocol::dialect::{
    self, Audience, Collections, Dialect, Effects, Ended, Framing, Incoming, Member, Moment, Queue,
    Reply, Step, UnixMillis, Unreadable, Violation,
};

/// The dialect.
#[derive(Clone, Debug, Default)]
pub(super) struct Lobby {
    pub(super) queue: Option<Queue>,
    /// Who entered and who left, in any room.
    pub(super) guests: Guests,
}

/// Who entered and who left, in order.
pub(super) type Guests = Arc<Mutex<Vec<String>>>;

pub(super) const TOO_SLOW: Violation = Violation { code: 4408, reason: "too slow" };
pub(super) const TOO_LARGE: Violation = Violation { code: 4413, reason: "too large" };
pub(super) const REPLACED: Violation = Violation { code: 4409, reason: "replaced" };
pub(super) const FORBIDDEN: Violation = Violation { code: 4403, reason: "forbidden" };

/// What is asked of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Enters, and gets what was kept after this record.
    Enter {
        name: Arc<str>,
        after: Option<u64>,
    },
    Leave(Arc<str>, Ended),
    /// Relays a message to one or all others: as text if it begins with `"`. One that begins with `!` is
    /// kept.
    Packet {
        from: Arc<str>,
        to: Option<Arc<str>>,
        message: Bytes,
    },
    /// Tells the sender something.
    Echo(Arc<str>),
    Trim(u64),
    /// Sets a key of map 2, or answers with it.
    Set(String),
    Get,
    /// Answers with who is in it, and how far its log goes.
    Describe,
    Kick(String),
    Panic,
}

/// A room: who is in it, and everyone who ever left it, in order.
#[derive(Debug, Default)]
pub(super) struct Room {
    members: BTreeMap<Arc<str>, Member>,
    guests: Guests,
    left: Vec<String>,
}

impl Room {
    fn enter(
        &mut self,
        from: Member,
        (name, after): (Arc<str>, Option<u64>),
        collections: &mut impl Collections,
        effects: &mut impl Effects,
    ) {
        self.guests.lock().unwrap().push(format!("enter {name}"));
        if name.starts_with("bad") {
            return effects.dismiss(from, FORBIDDEN);
        }
        if let Some(before) = self.members.insert(name.clone(), from) {
            effects.dismiss(before, REPLACED);
        }
        let others = Audience::AllBut(Some(from));
        effects.relay(Framing::Text, &format!("join {name}").into(), others);
        let opening = format!("welcome {}", collections.durable_seq());
        effects.open(from, opening.into());
        if let Some(after) = after {
            effects.replay(from, after, &name);
        }
    }
}

impl dialect::Room for Room {
    type Command = Command;
    type Answer = String;
    type Notice = ();
    type Prepared = ();

    fn apply(
        &mut self,
        from: Member,
        command: Command,
        _now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = String, Notice = ()>,
    ) -> Result<(), Unreadable> {
        match command {
            Command::Enter { name, after } => {
                self.enter(from, (name, after), collections, effects);
            }
            Command::Leave(name, how) => {
                self.left.push(format!("{name} {how:?}"));
                self.guests.lock().unwrap().push(format!("leave {name} {how:?}"));
                if self.members.get(&name) == Some(&from) {
                    self.members.remove(&name);
                    let message = format!("leave {name} {how:?}").into();
                    effects.relay(Framing::Text, &message, Audience::AllBut(Some(from)));
                }
            }
            Command::Packet { from: name, to, message } => {
                if message.starts_with(b"!") {
                    let target = to.as_deref().unwrap_or_default();
                    let head = format!("{name}>{target}|");
                    collections.append(&[head.as_bytes(), &message].concat());
                }
                let framing = match message.starts_with(b"\"") {
                    true => Framing::Text,
                    false => Framing::Binary,
                };
                match to.map(|to| self.members.get(&to).copied()) {
                    None => effects.relay(
                        framing,
                        &message,
                        Audience::AllBut((from != Member::CALLER).then_some(from)),
                    ),
                    Some(Some(to)) => {
                        effects.relay(framing, &message, Audience::One(to));
                    }
                    Some(None) => {
                        effects.reply(from, Reply { message: b"absent", cumulative: false });
                    }
                }
            }
            Command::Echo(text) => {
                effects.reply(from, Reply { message: text.as_bytes(), cumulative: false });
            }
            Command::Trim(seq) => collections.trim(seq),
            Command::Set(value) => collections.put(2, b"k", value.as_bytes()),
            Command::Get => {
                let value = collections.get(2, b"k")?.unwrap_or_default();
                effects.answer(String::from_utf8_lossy(&value).into_owned());
                return Ok(());
            }
            Command::Describe => {
                let names: Vec<&str> = self.members.keys().map(|name| &**name).collect();
                let (last, records) = (collections.last_seq(), collections.log_records());
                let bytes = collections.log_bytes();
                let left = self.left.join(",");
                effects.answer(format!("{};{left};{last} {records} {bytes}", names.join(",")));
                return Ok(());
            }
            Command::Kick(name) => {
                if let Some(member) = self.members.remove(&*name) {
                    effects.dismiss(member, FORBIDDEN);
                }
            }
            Command::Panic => panic!("the test wants it"),
        }
        if from == Member::CALLER {
            effects.answer("done".into());
        }
        Ok(())
    }
}

/// One participant. Its peer says `all message`, `one name message`, `echo text` or `ping`.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) room: String,
    pub(super) name: Arc<str>,
    pub(super) after: Option<u64>,
    /// Whether it is told how far a replay has come.
    is_told: bool,
    has_ended: bool,
}

impl Session {
    pub(super) fn of(room: &str, name: &str) -> Self {
        let (room, name) = (room.into(), name.into());
        Self { room, name, after: None, is_told: false, has_ended: false }
    }

    /// One that gets what was kept after this record.
    pub(super) fn after(self, after: u64) -> Self {
        Self { after: Some(after), ..self }
    }

    /// One that is told how far a replay has come.
    pub(super) fn told(self) -> Self {
        Self { is_told: true, ..self }
    }
}

impl dialect::Session for Session {
    type Command = Command;
    type Answer = String;
    type Window = ();

    fn framing(&self) -> Framing {
        Framing::Text
    }

    fn start(&mut self) -> Step<Command> {
        if self.room.is_empty() {
            return Step::None;
        }
        let opening = Command::Enter { name: self.name.clone(), after: self.after };
        Step::Open { room: self.room.clone(), opening }
    }

    fn receive(
        &mut self,
        message: Incoming<'_>,
        _moment: Moment,
    ) -> Result<Step<Command>, Violation> {
        let Incoming::Text(text) = message else { return Ok(Step::Ignored("binary")) };
        let from = self.name.clone();
        let packet = |to: Option<&str>, message: &str| {
            let (to, message) = (to.map(Arc::from), message.to_owned().into());
            Ok(Step::Command(Command::Packet { from: from.clone(), to, message }))
        };
        match text.split_once(' ') {
            Some(("all", message)) => packet(None, message),
            Some(("one", rest)) => {
                let (to, message) = rest.split_once(' ').unwrap();
                packet(Some(to), message)
            }
            Some(("echo", text)) => Ok(Step::Command(Command::Echo(text.into()))),
            None if text == "ping" => Ok(Step::Command(Command::Echo("pong".into()))),
            None if text == "bad" => Err(FORBIDDEN),
            _ => panic!("the test says nonsense: {text}"),
        }
    }

    fn replayed(&mut self, seq: u64) -> Option<Vec<u8>> {
        self.is_told.then(|| format!("replayed {seq}").into_bytes())
    }

    fn ended(&mut self, how: Ended) -> Option<Command> {
        assert!(!std::mem::replace(&mut self.has_ended, true), "a session ends once");
        Some(Command::Leave(self.name.clone(), how))
    }
}

impl Dialect for Lobby {
    const NAME: &'static str = "lobby";
    const WRITES_BEHIND: bool = true;
    type Command = Command;
    type Answer = String;
    type Session = Session;
    type Room = Room;
    type Notice = ();
    type Window = ();
    type Prepared = ();

    fn room(&self, _name: &str) -> Room {
        Room { guests: self.guests.clone(), ..Room::default() }
    }

    fn deliver(&self, _: Framing, _: &str, _: u64, _: &[u8], _: &mut Vec<u8>) {
        panic!("such a room does not publish");
    }

    fn replay(&self, reader: &str, seq: u64, record: &[u8], out: &mut Vec<u8>) -> Option<Framing> {
        let bar = record.iter().position(|byte| *byte == b'|').unwrap();
        let head = std::str::from_utf8(&record[..bar]).unwrap();
        let (from, to) = head.split_once('>').unwrap();
        if from == reader || !(to.is_empty() || to == reader) {
            return None;
        }
        out.extend_from_slice(&record[bar + 1..]);
        // Both framings, to show that both can be.
        Some(if seq.is_multiple_of(2) { Framing::Text } else { Framing::Binary })
    }

    fn queue(&self) -> Option<Queue> {
        self.queue
    }

    fn too_slow(&self) -> Violation {
        TOO_SLOW
    }

    fn too_large(&self) -> Violation {
        TOO_LARGE
    }
}
