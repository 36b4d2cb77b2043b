//! A dialect that asks for everything a dialect can ask for, and shows all that it is told.
//!
//! Its messages are text. An entry is its version, 8 bytes, and the value.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use syncline_protocol::dialect::{
    self, Collections, Dialect, EachEntry, Effects, Framing, Member, Moment, Received, Reply,
    UnixMillis, Unreadable,
};

use super::session::Session;

/// The dialect.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// How long what a room tells is gathered.
    pub(super) window: Duration,
    /// Whoever prepares a room waits for this, and is counted.
    pub(super) gate: Arc<Gate>,
}

/// What holds up the preparation of rooms.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) is_shut: AtomicBool,
    pub(super) prepared: AtomicUsize,
    /// The next preparation panics.
    pub(super) panics: AtomicBool,
}

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
    /// Does this, and answers a session that asked; early, if that is said.
    Asked(Box<Command>, When),
    /// Panics, after it has changed something.
    Panic,
    /// Sets so many keys of map 0.
    Fill(usize),
    /// Answers how many keys map 0 has, as the room remembers it.
    Count,
    /// Removes the key `due` of map 0.
    Sweep,
}

/// When a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Durable,
    Early,
}

/// A room that remembers the keys of its map 0, once it was told them.
#[derive(Default)]
pub(super) struct Room {
    keys: Option<BTreeSet<String>>,
}

/// What a key is reckoned to take in memory.
pub(super) const KEY_BYTES: usize = 100;

impl dialect::Room for Room {
    type Command = Command;
    type Answer = String;
    type Notice = String;
    type Prepared = BTreeSet<String>;

    fn take_prepared(&mut self, prepared: BTreeSet<String>) {
        assert!(self.keys.is_none(), "a room is prepared once");
        self.keys = Some(prepared);
    }

    fn due(&self, now: UnixMillis) -> Option<Command> {
        let is_due = now.0 > 0 && self.keys.as_ref().unwrap().contains("due");
        is_due.then_some(Command::Sweep)
    }

    fn memory_bytes(&self) -> usize {
        self.keys.as_ref().map_or(0, |keys| keys.len() * KEY_BYTES)
    }

    fn apply(
        &mut self,
        from: Member,
        command: Command,
        _now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = String, Notice = String>,
    ) -> Result<(), Unreadable> {
        let keys = self.keys.as_mut().expect("it was prepared");
        let (command, asked) = match command {
            Command::Asked(command, when) => (*command, Some(when)),
            other => (other, None),
        };
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
                keys.insert(key.clone());
                let record = format!("{key}={value}");
                effects.notify(record.clone());
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
            Command::Panic => {
                collections.put(0, b"half", b"done");
                panic!("the test wants it");
            }
            Command::Fill(count) => {
                for n in 0..count {
                    let key = format!("fill{n}");
                    collections.put(0, key.as_bytes(), &[0; 9]);
                    keys.insert(key);
                }
                "filled".into()
            }
            Command::Count => keys.len().to_string(),
            Command::Sweep => {
                collections.remove(0, b"due");
                keys.remove("due");
                effects.notify("swept".into());
                "swept".into()
            }
            Command::Asked(..) => panic!("it is unpacked already"),
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
                assert!(map > 0, "what map 0 has is remembered");
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
        match asked {
            Some(When::Early) => effects.answer_early(answer),
            Some(When::Durable) => effects.answer(answer),
            None if from == Member::CALLER => effects.answer(answer),
            None => {}
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
    type Notice = String;
    type Window = String;
    type Prepared = BTreeSet<String>;

    fn room(&self, _name: &str) -> Room {
        Room::default()
    }

    fn prepare(
        &self,
        _room: &str,
        entries: &mut EachEntry<'_>,
    ) -> Result<Option<BTreeSet<String>>, Unreadable> {
        self.gate.prepared.fetch_add(1, Ordering::SeqCst);
        while self.gate.is_shut.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(!self.gate.panics.swap(false, Ordering::SeqCst), "the test wants it");
        let mut keys = BTreeSet::new();
        entries(0, &mut |key, _| {
            keys.insert(text(key));
        })?;
        Ok(Some(keys))
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

    fn window(&self) -> Duration {
        self.window
    }

    fn gather(&self, _room: &str, notices: Vec<String>) -> Option<String> {
        assert!(!notices.iter().any(|notice| notice == "k=gather!"), "the test wants it");
        (notices != ["quiet=1"]).then(|| notices.join(","))
    }

    fn reads_entries(&self, command: &Command) -> bool {
        matches!(command, Command::Open | Command::All { .. })
    }

    fn tracks_receipt(&self) -> bool {
        true
    }
}
