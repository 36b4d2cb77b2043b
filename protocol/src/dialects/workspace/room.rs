//! A workspace: its keys, of which the last writer wins.
//!
//! Its map 0 holds an entry per key and its log nothing. In memory it keeps what it holds in all,
//! counted when it is first read whole, and never a value.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{
    command::{Answer, Ask, Command, Stored},
    entry::Entry,
    heal::{self, Known},
    message,
    op::Op,
    sender::Sender,
    settings::Settings,
    whole::{self, ENTRIES, Form, LastOpening, Totals},
};
use crate::dialect::{self, Collections, Effects, Member, Refused, Reply, UnixMillis, Unreadable};

/// How much capacity the scratch buffer keeps between commands, in bytes.
const SCRATCH_BYTES_KEPT: usize = 4096;

const FULL: &str = "workspace_full: the workspace holds as much as it may";

/// A workspace.
pub struct Room {
    name: Box<str>,
    settings: Settings,
    /// `None` until everything was read once.
    totals: Option<Totals>,
    last_opening: LastOpening,
    last_state: LastOpening,
    /// The entry or the message being made; empty between commands.
    scratch: Vec<u8>,
}

/// What became of an operation.
enum Fate {
    /// It is what the key has now.
    Stored,
    /// The key has a later one, of this timestamp.
    Late(i64),
    Refused(Refused),
}

impl Room {
    pub(super) fn new(name: &str, settings: Settings) -> Self {
        Self {
            name: name.into(),
            settings,
            totals: None,
            last_opening: LastOpening::default(),
            last_state: LastOpening::default(),
            scratch: Vec::new(),
        }
    }

    fn open(&mut self, collections: &impl Collections) -> Result<Bytes, Unreadable> {
        let version = collections.version();
        if let Some(message) = self.last_opening.at(version) {
            return Ok(message);
        }
        let mut message = Vec::new();
        let form = Form::Init(self.settings.opening, &self.name);
        self.totals = Some(whole::write(form, collections, &mut message)?);
        Ok(self.last_opening.share(message, version))
    }

    fn state(&mut self, collections: &impl Collections) -> Result<Bytes, Unreadable> {
        let version = collections.version();
        if let Some(message) = self.last_state.at(version) {
            return Ok(message);
        }
        let mut message = Vec::new();
        self.totals = Some(whole::write(Form::State, collections, &mut message)?);
        Ok(self.last_state.share(message, version))
    }

    /// Sets a key unless what it has is later, and says so to everyone, except perhaps `from`.
    fn set(
        &mut self,
        from: Member,
        op: &Op,
        heals: impl FnOnce(Option<&Entry<'_>>) -> bool,
        collections: &mut impl Collections,
        effects: &mut impl Effects,
    ) -> Result<Fate, Unreadable> {
        // Whoever sends operations was opened here, and that has counted: unless the room was made
        // anew since, because a turn of it could not be kept.
        let totals = match self.totals {
            Some(totals) => totals,
            None => *self.totals.insert(whole::count(collections)?),
        };
        let stored = collections.get(ENTRIES, op.key())?;
        let before = read(stored.as_ref())?;
        if let Some(later) = before.filter(|before| before.timestamp > op.timestamp()) {
            return Ok(Fate::Late(later.timestamp));
        }
        let spared = (from != Member::CALLER && !heals(before.as_ref())).then_some(from);
        let version = collections.version() + 1;
        let entry = Entry { version, spared, timestamp: op.timestamp(), value: op.value() };
        self.scratch.clear();
        entry.write(&mut self.scratch);
        match self.with(totals, op.key().len(), self.scratch.len(), stored.as_ref()) {
            Ok(totals) => self.totals = Some(totals),
            Err(why) => return Ok(Fate::Refused(why)),
        }
        let given = collections.next_version();
        assert_eq!(given, version, "an entry carries the version that it is given");
        collections.put(ENTRIES, op.key(), &self.scratch);
        effects.publish_entry(version, op.key(), op.message(), spared);
        Ok(Fate::Stored)
    }

    /// What the workspace holds with this entry, if it may hold that. What makes it no larger is
    /// always taken.
    fn with(
        &self,
        totals: Totals,
        key_bytes: usize,
        entry_bytes: usize,
        before: Option<&Bytes>,
    ) -> Result<Totals, Refused> {
        let limits = self.settings.limits;
        let (new_keys, added, gone) = match before {
            Some(before) => (0, entry_bytes, before.len()),
            None => (1, key_bytes + entry_bytes, 0),
        };
        let keys = totals.keys + new_keys;
        let bytes = (totals.bytes + added as u64).saturating_sub(gone as u64);
        if new_keys > 0 && limits.keys_max != 0 && keys > limits.keys_max {
            return Err(Refused::RoomRecords);
        }
        if added > gone && limits.bytes_max != 0 && bytes > limits.bytes_max {
            return Err(Refused::RoomBytes);
        }
        Ok(Totals { keys, bytes })
    }

    fn take(
        &mut self,
        from: Member,
        (op, known, sender): (&Op, Known, &Sender),
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects,
    ) -> Result<(), Unreadable> {
        let (heal, decided) = (self.settings.heal, sender.resends());
        let heals =
            |before: Option<&Entry<'_>>| heal::gives_back(heal, from, known, decided, before);
        match self.set(from, op, heals, collections, effects)? {
            Fate::Stored => {}
            Fate::Late(_) => resend(from, op.key(), sender, effects),
            Fate::Refused(why) => {
                let there = collections.get(ENTRIES, op.key())?.is_some();
                effects.refuse(from, why);
                self.complain(from, FULL, sender, now, effects);
                if there {
                    resend(from, op.key(), sender, effects);
                }
            }
        }
        Ok(())
    }

    /// Tells a member that something was not taken, if it is time.
    fn complain(
        &mut self,
        to: Member,
        why: &str,
        sender: &Sender,
        now: UnixMillis,
        effects: &mut impl Effects,
    ) {
        if sender.may_complain(now) {
            self.scratch.clear();
            message::encode_error(why, &mut self.scratch);
            effects.reply(to, Reply { message: &self.scratch, cumulative: false });
        }
    }

    fn put(
        &mut self,
        (key, value, timestamp): (&str, &RawValue, Option<i64>),
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = Answer, Notice = ()>,
    ) -> Result<(), Unreadable> {
        let timestamp = match timestamp {
            Some(timestamp) => timestamp,
            None => {
                let stored = collections.get(ENTRIES, key.as_bytes())?;
                let before = read(stored.as_ref())?.map_or(i64::MIN, |before| before.timestamp);
                i64::try_from(now.0.saturating_mul(1000)).unwrap_or(i64::MAX).max(before)
            }
        };
        let op = Op::new(key, value, timestamp);
        let answer = match self.set(Member::CALLER, &op, |_| true, collections, effects)? {
            Fate::Stored => Answer::Stored { timestamp, stored: true },
            Fate::Late(timestamp) => Answer::Stored { timestamp, stored: false },
            Fate::Refused(why) => Answer::Refused(why),
        };
        effects.answer(answer);
        Ok(())
    }
}

/// Reads a stored entry.
fn read(stored: Option<&Bytes>) -> Result<Option<Entry<'_>>, Unreadable> {
    stored.map(|stored| Entry::read(stored).ok_or(Unreadable)).transpose()
}

/// Sends a member what the key has, because it took something else for it.
fn resend(to: Member, key: &[u8], sender: &Sender, effects: &mut impl Effects) {
    sender.add_resend();
    effects.resend(to, key);
}

fn read_key(key: &str, collections: &impl Collections) -> Result<Option<Stored>, Unreadable> {
    let stored = collections.get(ENTRIES, key.as_bytes())?;
    let entry = read(stored.as_ref())?;
    Ok(entry.zip(stored.as_ref()).map(|(entry, stored)| Stored {
        value: stored.slice_ref(entry.value),
        timestamp: entry.timestamp,
    }))
}

impl dialect::Room for Room {
    type Command = Command;
    type Answer = Answer;
    type Notice = ();
    type Prepared = ();

    fn apply(
        &mut self,
        from: Member,
        command: Command,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = Answer, Notice = ()>,
    ) -> Result<(), Unreadable> {
        match command.0 {
            Ask::Open => effects.open(from, self.open(collections)?),
            Ask::Set { op, known, sender } => {
                self.take(from, (&op, known, &sender), now, collections, effects)?;
            }
            Ask::Correct { key, why, sender } => {
                let there = collections.get(ENTRIES, key.as_bytes())?.is_some();
                self.complain(from, why, &sender, now, effects);
                if there {
                    resend(from, key.as_bytes(), &sender, effects);
                }
            }
            Ask::ReadState => {
                effects.answer(Answer::State(self.state(collections)?));
            }
            Ask::ReadKey { key } => effects.answer(Answer::Key(read_key(&key, collections)?)),
            Ask::PutKey { key, value, timestamp } => {
                self.put((&key, &value, timestamp), now, collections, effects)?;
            }
        }
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT);
        Ok(())
    }
}
