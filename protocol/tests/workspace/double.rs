//! A server in a few lines: the entries in memory, effects that are only written down.

pub(crate) use syncline_protocol::dialect::memory::{self, Memory, Seen};
use syncline_protocol::{
    dialect::{
        Dialect, Framing, Incoming, Member, Moment, Room as _, Session as _, Step, UnixMillis,
        Violation,
    },
    dialects::workspace::{Answer, Command, Handshake, Room, Session, Settings, Workspace},
};

/// What a command made visible.
pub(crate) type Effect = memory::Effect<Answer>;

pub(crate) const NAME: &str = "plans/ü";

/// A moment long after every stamp of the tests, at which nothing is on its way.
pub(crate) const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// One workspace and its collections.
pub(crate) struct Space {
    pub(crate) workspace: Workspace,
    pub(crate) room: Room,
    pub(crate) memory: Memory,
}

impl Space {
    pub(crate) fn new(settings: Settings) -> Self {
        let workspace = Workspace::new(settings);
        Self { workspace, room: workspace.room(NAME), memory: Memory::default() }
    }

    /// A client whose opening was applied.
    pub(crate) fn join(&mut self) -> Client {
        let mut client = Client::connect(self.workspace);
        let Step::Open { room, opening } = client.session.start() else { panic!("no opening") };
        assert_eq!(room, NAME);
        assert!(self.workspace.reads_entries(&opening));
        let effects = self.apply(Member(0), opening);
        assert!(matches!(&effects[..], [Effect::Open { .. }]), "{effects:?}");
        client
    }

    /// The opening message that a client gets who joins now.
    pub(crate) fn opening(&mut self) -> String {
        let Step::Open { opening, .. } = Client::connect(self.workspace).session.start() else {
            panic!("no opening")
        };
        match &self.apply(Member(9), opening)[..] {
            [Effect::Open { to: Member(9), message }] => text(message),
            other => panic!("{other:?}"),
        }
    }

    /// The effects of one command.
    pub(crate) fn apply(&mut self, from: Member, command: Command) -> Vec<Effect> {
        let mut seen = Seen::default();
        let applied = self.room.apply(from, command, NOW, &mut self.memory, &mut seen);
        applied.expect("memory can be read");
        seen.0
    }

    /// What `client` sends and what comes of it; panics when it is no command.
    pub(crate) fn take(&mut self, from: Member, client: &mut Client, text: &str) -> Vec<Effect> {
        match client.text(text) {
            Ok(Step::Command(command)) => self.apply(from, command),
            other => panic!("no command: {other:?}"),
        }
    }

    /// The answer to a caller's command.
    pub(crate) fn call(&mut self, command: Command) -> Answer {
        let effects = self.apply(Member::CALLER, command);
        match effects.into_iter().next_back() {
            Some(Effect::Answer(answer)) => answer,
            other => panic!("no answer: {other:?}"),
        }
    }

    /// A key as it reaches who was too slow, and its version.
    pub(crate) fn delivered(&self, key: &str) -> (u64, String) {
        let stored = &self.memory.maps[&0][key.as_bytes()];
        let mut out = b"kept".to_vec();
        let version = self.workspace.deliver_entry(Framing::Text, key.as_bytes(), stored, &mut out);
        (version.expect("an entry"), text(out.strip_prefix(b"kept").expect("deliver appends")))
    }
}

/// A session and the client at its other end.
pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) moment: Moment,
}

impl Client {
    pub(crate) fn connect(workspace: Workspace) -> Self {
        let session = workspace.accept(&handshake());
        assert_eq!(session.framing(), Framing::Text);
        let mut moment = Moment { now: NOW, opened: NOW, ..Moment::default() };
        moment.received.opening = true;
        moment.received.version = u64::MAX;
        Self { session, moment }
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<Step<Command>, Violation> {
        self.session.receive(Incoming::Text(text), self.moment)
    }
}

pub(crate) fn handshake() -> Handshake<'static> {
    Handshake {
        workspace: NAME,
        connected: NOW,
        may_write: true,
        expires: None,
        pongs_at_once: false,
    }
}

/// An operation as the clients write it.
pub(crate) fn op(key: &str, value: &str, timestamp: i64) -> String {
    format!(
        r#"{{"type":"op","payload":{{"key":"{key}","value":{value},"timestamp":{timestamp}}}}}"#
    )
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("JSON is UTF-8")
}

/// A step in a few words, to compare.
pub(crate) fn label(step: Result<Step<Command>, Violation>) -> String {
    match step {
        Ok(Step::None) => "none".into(),
        Ok(Step::Ignored(why)) => format!("ignored {why}"),
        Ok(Step::Join { room, .. }) => format!("join {room}"),
        Ok(Step::Command(_)) => "command".into(),
        Ok(Step::Answered { message, .. }) => format!("answered {}", text(&message)),
        Ok(Step::Open { room, .. }) => format!("open {room}"),
        Ok(Step::Refused { reason, .. }) => format!("refused {reason}"),
        Ok(Step::Acts(acts)) => format!("acts {}", acts.len()),
        Err(Violation { code, .. }) => format!("close {code}"),
    }
}
