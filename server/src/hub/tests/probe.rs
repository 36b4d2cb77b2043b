//! A dialect that asks for everything a dialect can ask for, and shows all that it is told.
//!
//! Its messages are text. An entry is its version, 8 bytes, and the value.

use syncline_protocol::dialect::{
    self, Collections, Dialect, Effects, Framing, Incoming, Member, Moment, Received, Reply, Step,
    UnixMillis, Unreadable, Violation,
};

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe;

/// What is asked of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Opens the sender with all entries.
    Open,
    /// Sets an entry and publishes it, to the sender too if that is asked for.
    Put {
        key: String,
        value: String,
        echo: bool,
    },
    /// Sends the sender an entry once more.
    Resend {
        key: String,
    },
    /// Tells the sender what it had when it asked.
    Marks(Moment),
    /// Cannot be applied.
    Fail,
    /// Answers with the value of a key.
    Get {
        map: u64,
        key: String,
    },
    /// Answers with all entries, sorted.
    All {
        map: u64,
    },
    /// Sets a key of a map, removes it, or ends the map.
    Set {
        map: u64,
        key: String,
        value: Option<String>,
    },
    Drop {
        map: u64,
    },
    /// Appends a record, or trims the log.
    Append(String),
    Trim(u64),
}

/// Why a session is closed that has been here for too long.
pub(super) const EXPIRED: Violation = Violation { code: 4001, reason: "expired" };

/// A session that opens its room before its peer says anything.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) room: String,
    pub(super) expires: Option<UnixMillis>,
}

impl Session {
    pub(super) fn of(room: &str) -> Self {
        Self { room: room.into(), expires: None }
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
        Step::Open { room: self.room.clone(), opening: Command::Open }
    }

    fn receive(
        &mut self,
        message: Incoming<'_>,
        moment: Moment,
    ) -> Result<Step<Command>, Violation> {
        let Incoming::Text(text) = message else { return Ok(Step::Ignored("binary")) };
        let words: Vec<&str> = text.split(' ').collect();
        Ok(match words[..] {
            ["put", key, value] => put(key, value, true),
            ["quiet", key, value] => put(key, value, false),
            ["resend", key] => Step::Command(Command::Resend { key: key.into() }),
            ["marks"] => Step::Command(Command::Marks(moment)),
            ["fail"] => Step::Command(Command::Fail),
            _ => Step::Answered { reason: "unknown", message: b"what?".to_vec() },
        })
    }

    fn expires(&self) -> Option<(UnixMillis, Violation)> {
        self.expires.map(|until| (until, EXPIRED))
    }
}

fn put(key: &str, value: &str, echo: bool) -> Step<Command> {
    Step::Command(Command::Put { key: key.into(), value: value.into(), echo })
}

/// A room without memory of its own.
pub(super) struct Room;

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
        let answer = match command {
            Command::Open => {
                let opening = format!("open {} {}", collections.version(), all(collections, 0)?);
                effects.open(from, opening.into());
                return Ok(());
            }
            Command::Put { key, value, echo } => {
                let version = collections.next_version();
                let mut stored = version.to_be_bytes().to_vec();
                stored.extend_from_slice(value.as_bytes());
                collections.put(0, key.as_bytes(), &stored);
                let record = format!("{key}={value}");
                let except = (!echo).then_some(from);
                effects.publish_entry(version, key.as_bytes(), record.as_bytes(), except);
                version.to_string()
            }
            Command::Resend { key } => {
                effects.resend(from, key.as_bytes());
                return Ok(());
            }
            Command::Marks(moment) => {
                let Received { opening, version, resends } = moment.received;
                let written = moment.opened.0 > 0 && moment.opened <= moment.now;
                let marks = format!("marks {opening} {version} {resends} {written}");
                effects.reply(from, Reply { message: marks.as_bytes(), cumulative: false });
                return Ok(());
            }
            Command::Fail => return Err(Unreadable),
            Command::Get { map, key } => match collections.get(map, key.as_bytes())? {
                Some(value) => text(&value),
                None => "nothing".into(),
            },
            Command::All { map } => all(collections, map)?,
            Command::Set { map, key, value } => {
                match value {
                    Some(value) => collections.put(map, key.as_bytes(), value.as_bytes()),
                    None => collections.remove(map, key.as_bytes()),
                }
                "set".into()
            }
            Command::Drop { map } => {
                collections.drop_map(map);
                "dropped".into()
            }
            Command::Append(record) => collections.append(record.as_bytes()).to_string(),
            Command::Trim(seq) => {
                collections.trim(seq);
                let (last, records) = (collections.last_seq(), collections.log_records());
                format!("{last} {records}")
            }
        };
        if from == Member::CALLER {
            effects.answer(answer);
        }
        Ok(())
    }
}

/// All entries, sorted: each key, and its value without the version that it may begin with.
fn all(collections: &impl Collections, map: u64) -> Result<String, Unreadable> {
    let mut entries = Vec::new();
    collections.entries(map, |key, value| {
        entries.push(format!("{}={}", text(key), text(value)));
    })?;
    entries.sort();
    Ok(entries.join(","))
}

fn text(value: &[u8]) -> String {
    let value = match value.first() {
        Some(0) => value.get(8..).unwrap_or_default(),
        _ => value,
    };
    String::from_utf8_lossy(value).into_owned()
}

impl Dialect for Probe {
    const NAME: &'static str = "probe";
    type Command = Command;
    type Answer = String;
    type Session = Session;
    type Room = Room;
    type Notice = ();
    type Window = ();
    type Prepared = ();

    fn room(&self, _name: &str) -> Room {
        Room
    }

    fn deliver(&self, _framing: Framing, _room: &str, seq: u64, record: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(format!("set {seq} {}", text(record)).as_bytes());
    }

    fn deliver_entry(
        &self,
        _framing: Framing,
        key: &[u8],
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let version = u64::from_be_bytes(*value.first_chunk()?);
        out.extend_from_slice(format!("set {version} {}={}", text(key), text(value)).as_bytes());
        Some(version)
    }

    fn reads_entries(&self, command: &Command) -> bool {
        matches!(command, Command::Open | Command::All { .. })
    }

    fn tracks_receipt(&self) -> bool {
        true
    }
}
