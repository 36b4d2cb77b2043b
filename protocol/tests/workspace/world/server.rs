//! The room and its collections: commands in a mailbox, batches that become durable later.

use std::collections::{BTreeMap, VecDeque};

use syncline_protocol::{
    dialect::{
        Dialect, Framing, Incoming, Member, Room as _, Session as _, Step, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::workspace::{
        Answer, Command, Handshake, Room, ServerMessage, Settings, Workspace, decode_server,
    },
};

use super::connection::{Connection, Letter, Release};

/// Effects, each with the version at which it was caused.
type Effects = Vec<(Effect<Answer>, u64)>;

pub(crate) struct Server {
    workspace: Workspace,
    room: Room,
    memory: Memory,
    mailbox: VecDeque<(Member, Command)>,
    /// What was applied since the last commit, with the version at which it was.
    turn: Effects,
    /// What was committed, and what the collections were then.
    batches: VecDeque<(Effects, Memory)>,
    durable: Memory,
}

impl Server {
    pub(crate) fn new(settings: Settings) -> Self {
        let workspace = Workspace::new(settings);
        Self {
            workspace,
            room: workspace.room("w"),
            memory: Memory::default(),
            mailbox: VecDeque::new(),
            turn: Vec::new(),
            batches: VecDeque::new(),
            durable: Memory::default(),
        }
    }

    pub(crate) fn accept(&self, now_ms: u64, pongs_at_once: bool) -> Connection {
        let handshake = Handshake {
            workspace: "w",
            connected: UnixMillis(now_ms),
            may_write: true,
            expires: None,
            pongs_at_once,
        };
        Connection::new(self.workspace.accept(&handshake))
    }

    /// Asks for what a session wants first.
    pub(crate) fn ask(&mut self, member: u64, connection: &mut Connection) {
        let Step::Open { opening, .. } = connection.session.start() else { panic!("no opening") };
        self.mailbox.push_back((Member(member), opening));
    }

    pub(crate) fn receive(
        &mut self,
        member: u64,
        connection: &mut Connection,
        text: &str,
        now_ms: u64,
    ) {
        let moment = connection.moment(now_ms);
        match connection.session.receive(Incoming::Text(text), moment) {
            Ok(Step::Command(command)) => self.mailbox.push_back((Member(member), command)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn apply(&mut self, now_ms: u64) -> bool {
        let Some((from, command)) = self.mailbox.pop_front() else { return false };
        if self.workspace.reads_entries(&command) {
            self.commit();
        }
        let mut seen = Seen::default();
        self.room
            .apply(from, command, UnixMillis(now_ms), &mut self.memory, &mut seen)
            .expect("memory can be read");
        let version = self.memory.version;
        self.turn.extend(seen.0.into_iter().map(|effect| (effect, version)));
        true
    }

    pub(crate) fn commit(&mut self) {
        if !self.turn.is_empty() {
            self.batches.push_back((std::mem::take(&mut self.turn), self.memory.clone()));
        }
    }

    pub(crate) fn release(&mut self, all: &mut BTreeMap<u64, Connection>) -> bool {
        let Some((effects, memory)) = self.batches.pop_front() else { return false };
        let version = memory.version;
        let mut releases = BTreeMap::<u64, Release>::new();
        for (effect, version) in effects {
            post(effect, version, all, &mut releases);
        }
        for (member, connection) in all.iter_mut().filter(|(_, connection)| connection.follows) {
            let letters = releases.remove(member).unwrap_or_default().letters;
            connection.releases.push_back(Release { letters, version });
        }
        self.durable = memory;
        true
    }

    /// The message of a key as it is now, unless that is not released.
    pub(crate) fn entry(&self, key: &[u8], released: u64) -> Option<String> {
        let mut message = Vec::new();
        let value = &self.memory.maps[&0][key];
        let version = self.workspace.deliver_entry(Framing::Text, key, value, &mut message)?;
        (version <= released).then(|| String::from_utf8(message).unwrap())
    }

    pub(crate) fn state(&self) -> BTreeMap<String, String> {
        let entries = self.memory.maps.get(&0).into_iter().flatten();
        let messages = entries.map(|(key, _)| self.entry(key, u64::MAX).expect("an entry"));
        messages
            .map(|message| match decode_server(&message) {
                Ok(ServerMessage::Op(change)) => (change.key.to_string(), change.value.to_string()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    pub(crate) fn die(&mut self) {
        // The store's position only grows, also over a crash.
        let version = self.memory.version + 1000;
        self.memory = Memory { version, ..self.durable.clone() };
        self.durable = self.memory.clone();
        self.room = self.workspace.room("w");
        self.mailbox.clear();
        self.turn.clear();
        self.batches.clear();
    }
}

/// Brings one effect to whom it concerns.
fn post(
    effect: Effect<Answer>,
    version: u64,
    all: &mut BTreeMap<u64, Connection>,
    releases: &mut BTreeMap<u64, Release>,
) {
    let mut send = |to: u64, letter| releases.entry(to).or_default().letters.push(letter);
    match effect {
        Effect::Open { to, message } => {
            if let Some(connection) = all.get_mut(&to.0) {
                connection.follows = true;
                send(to.0, Letter::Opening { message, version });
            }
        }
        Effect::PublishEntry { key, record, except, .. } => {
            let spared = |member: u64| except == Some(Member(member));
            for (&member, _) in all.iter().filter(|(to, there)| there.follows && !spared(**to)) {
                send(member, Letter::Entry { key: key.clone(), message: record.clone() });
            }
        }
        Effect::Resend { to, key } => send(to.0, Letter::Resend(key)),
        other => panic!("{other:?}"),
    }
}
