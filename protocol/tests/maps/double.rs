//! A map over collections in plain memory, as a test asks it.

use syncline_protocol::{
    dialect::{
        Collections as _, Dialect, Member, Room as _, UnixMillis, Unreadable,
        memory::{Effect, Memory, Seen},
    },
    dialects::maps::{
        Ack, Answer, Change, Command, Cursor, Fed, Feed, Hlc, Kind, Limits, Maps, Page, Path,
        Record, Room, Settings, Synced, Write, Written,
        proto::{OpResult, SyncRequest, SyncResponse, op_result::Outcome, sync_request::Type},
    },
};

/// The time of most tests, in milliseconds.
pub(crate) const NOW: u64 = 1_700_000_000_000;
/// A day in milliseconds.
pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

/// The map's name.
pub(crate) const MAP: &str = "todos";

/// A map.
pub(crate) struct Space {
    pub(crate) maps: Maps,
    pub(crate) room: Room,
    pub(crate) memory: Memory,
    pub(crate) now: u64,
    /// All that those who watch were told.
    pub(crate) changes: Vec<Change>,
    /// Whether the last answer came early.
    pub(crate) early: bool,
}

impl Default for Space {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Space {
    pub(crate) fn new(settings: Settings) -> Self {
        let maps = Maps::new(settings);
        let (room, memory) = (maps.room(MAP), Memory::default());
        Self { maps, room, memory, now: NOW, changes: Vec::new(), early: false }
    }

    pub(crate) fn limited(limit: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        limit(&mut limits);
        Self::new(Settings { limits, ..Settings::default() })
    }

    pub(crate) fn hasty() -> Self {
        Self::new(Settings { ack: Ack::Memory, ..Settings::default() })
    }

    /// Drops the room; what comes next is asked of one made of what it kept.
    pub(crate) fn restart(&mut self, prepared: bool) {
        self.room = self.maps.room(MAP);
        // After a restart versions go on somewhere above.
        self.memory.version += 1000;
        if prepared {
            let memory = &self.memory;
            let found = self
                .maps
                .prepare(MAP, &mut |map, each| memory.entries(map, |key, value| each(key, value)));
            self.room.take_prepared(found.unwrap().unwrap());
        }
    }

    pub(crate) fn try_ask(&mut self, command: Command) -> Result<Answer, Unreadable> {
        let mut seen = Seen::default();
        let now = UnixMillis(self.now);
        let outcome = self.room.apply(Member::CALLER, command, now, &mut self.memory, &mut seen);
        let mut answers = Vec::new();
        for effect in seen.0 {
            match effect {
                Effect::Answer(answer) => answers.push((answer, false)),
                Effect::AnswerEarly(answer) => answers.push((answer, true)),
                Effect::Notify(change) => self.changes.push(change),
                other => panic!("{other:?}"),
            }
        }
        outcome?;
        assert_eq!(answers.len(), 1, "every command is answered once");
        let (answer, early) = answers.remove(0);
        self.early = early;
        Ok(answer)
    }

    pub(crate) fn ask(&mut self, command: Command) -> Answer {
        self.try_ask(command).unwrap()
    }

    /// Writes records in one batch.
    pub(crate) fn write(&mut self, records: impl IntoIterator<Item = Record>) -> Written {
        let ops = (0..).zip(records).collect();
        match self.ask(Command::Write(Write { origin: 7, ops })) {
            Answer::Written(written) => written,
            other => panic!("{other:?}"),
        }
    }

    /// Writes one record, and says what became of it.
    pub(crate) fn set(&mut self, record: Record) -> Outcome {
        let written = self.write([record]);
        match &*written.results {
            [] => Outcome::Applied,
            [result] => result.outcome(),
            more => panic!("{more:?}"),
        }
    }

    /// Writes one record that is refused, or at least not applied.
    pub(crate) fn result(&mut self, record: Record) -> OpResult {
        self.write([record]).results.remove(0)
    }

    pub(crate) fn sync(&mut self, request: SyncRequest) -> Vec<Page> {
        match self.ask(Command::Sync(Box::new(request))) {
            Answer::Synced(Synced { pages, position }) => {
                assert_eq!(position, self.position().0);
                check_pages(&pages);
                pages
            }
            other => panic!("{other:?}"),
        }
    }

    /// What a request is answered in all, its pages put together.
    pub(crate) fn response(&mut self, request: SyncRequest) -> SyncResponse {
        let whole = self.sync(request).into_iter().reduce(|mut first, next| {
            first.append(next);
            first
        });
        whole.unwrap().to_response()
    }

    pub(crate) fn refused(&mut self, request: SyncRequest) -> i32 {
        match self.ask(Command::Sync(Box::new(request))) {
            Answer::Refused(fault) => fault.code.into(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn feed(&mut self, feed: Feed) -> Fed {
        match self.ask(Command::Feed(feed)) {
            Answer::Fed(fed) => fed,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn position(&mut self) -> (Cursor, [u8; 16], u64) {
        match self.ask(Command::Position) {
            Answer::Position { cursor, root, count } => (cursor, root, count),
            other => panic!("{other:?}"),
        }
    }

    /// Sweeps as long as something is due, and says how often that was.
    pub(crate) fn sweep(&mut self) -> usize {
        let mut sweeps = 0;
        while let Some(command) = self.room.due(UnixMillis(self.now)) {
            assert_eq!(self.ask(command), Answer::Swept);
            sweeps += 1;
            assert!(sweeps < 1000, "sweeps come to an end");
        }
        sweeps
    }

    /// What the room says that it takes.
    pub(crate) fn room_bytes(&self) -> usize {
        self.room.memory_bytes()
    }

    /// The record of a key, as it is kept.
    pub(crate) fn kept(&self, key: &str) -> Option<Record> {
        let path = Path::of(key).to_key();
        let bytes = self.memory.get(0, &path).unwrap()?;
        Some(syncline_protocol::dialects::maps::Stored::decode(bytes).unwrap().record)
    }
}

/// That pages of one answer say that there are more of them.
fn check_pages(pages: &[Page]) {
    let last = pages.len().checked_sub(1).expect("an answer has a page");
    for (at, page) in pages.iter().enumerate() {
        let response = page.to_response();
        assert_eq!(page.ops_len(), response.ops.len());
        assert!(response.server_time.is_empty());
        assert!(at == last || response.more);
    }
}

/// A timestamp of this many milliseconds after [`NOW`].
pub(crate) fn at(millis: i64, node: &str) -> Hlc {
    format!("{}:0:{node}", NOW.checked_add_signed(millis).unwrap()).parse().unwrap()
}

pub(crate) fn hlc(text: &str) -> Hlc {
    text.parse().unwrap()
}

pub(crate) fn put(key: &str, hlc: Hlc, value: &str) -> Record {
    let value = value.as_bytes().to_vec().into();
    Record { key: key.into(), kind: Kind::Put, hlc, ttl_ms: 0, value }
}

pub(crate) fn remove(key: &str, hlc: Hlc) -> Record {
    Record { kind: Kind::Remove, ..put(key, hlc, "") }
}

pub(crate) fn living(key: &str, hlc: Hlc, value: &str, ttl_ms: u64) -> Record {
    Record { ttl_ms, ..put(key, hlc, value) }
}

/// A request of this type on the map.
pub(crate) fn request(kind: Type) -> SyncRequest {
    SyncRequest { r#type: kind.into(), map_name: MAP.into(), ..SyncRequest::default() }
}
