//! A room of the dialect: a map, or the registry. Takes commands apart and hands answers out.
//!
//! Knows the dialect's types and the collections; nothing of sessions and of the wire around a message.

mod load;
mod map;
mod meta;
mod sweep;
mod times;
mod views;
mod write;

use super::{
    command::{Answer, Command, REGISTRY},
    fault::Fault,
    proto::ErrorCode,
    settings::{Ack, Settings},
    window::{Change, Changes},
};
use crate::dialect::{self, Collections, EachEntry, Effects, Member, UnixMillis, Unreadable};

use self::map::Map;

const NOT_HERE: Fault = Fault::new(ErrorCode::Unsupported, "this room does no such thing");

/// A room of the dialect: a map, or the registry.
#[derive(Debug)]
pub struct Room {
    name: Box<str>,
    settings: Settings,
    /// `None` until what it keeps was read.
    map: Option<Box<Map>>,
}

/// What a room needs of all that it keeps.
#[derive(Debug)]
pub struct Prepared(Box<Map>);

impl Prepared {
    pub(super) fn load(
        room: &str,
        settings: Settings,
        entries: &mut EachEntry<'_>,
    ) -> Result<Self, Unreadable> {
        load::load(room, settings, entries).map(|map| Self(Box::new(map)))
    }
}

impl Room {
    pub(super) fn new(name: &str, settings: Settings) -> Self {
        Self { name: name.into(), settings, map: None }
    }

    fn tell(changes: Changes, origin: u64, effects: &mut impl Effects<Notice = Change>) {
        for change in changes.finish(origin) {
            effects.notify(change);
        }
    }
}

/// Asks a map.
fn ask(
    map: &mut Map,
    command: Command,
    now: UnixMillis,
    collections: &mut impl Collections,
    effects: &mut impl Effects<Answer = Answer, Notice = Change>,
) -> Result<(), Unreadable> {
    let answer = match command {
        Command::Write(write) => {
            let (written, changes) = map.write(&write, now, collections)?;
            Room::tell(changes, write.origin, effects);
            if map.settings.ack == Ack::Memory {
                effects.answer_early(Answer::Written(written));
                return Ok(());
            }
            Answer::Written(written)
        }
        Command::Position => {
            let (cursor, root) = (map.position(), map.root());
            Answer::Position { cursor, root, count: map.index.root().count }
        }
        Command::Sweep => {
            let changes = map.sweep(now, collections);
            Room::tell(changes, 0, effects);
            Answer::Swept
        }
        _ => Answer::Refused(NOT_HERE),
    };
    effects.answer(answer);
    Ok(())
}

impl dialect::Room for Room {
    type Command = Command;
    type Answer = Answer;
    type Notice = Change;
    type Prepared = Prepared;

    fn take_prepared(&mut self, Prepared(map): Prepared) {
        self.map = Some(map);
    }

    fn due(&self, now: UnixMillis) -> Option<Command> {
        self.map.as_ref().filter(|map| map.is_due(now)).map(|_| Command::Sweep)
    }

    fn memory_bytes(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.memory_bytes())
    }

    fn apply(
        &mut self,
        _: Member,
        command: Command,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = Answer, Notice = Change>,
    ) -> Result<(), Unreadable> {
        let map = match &mut self.map {
            Some(map) => map,
            none => {
                let mut entries = |map, each: &mut dyn FnMut(&[u8], &[u8])| {
                    collections.entries(map, |key, value| each(key, value))
                };
                let Prepared(map) = Prepared::load(&self.name, self.settings, &mut entries)?;
                none.insert(map)
            }
        };
        ask(map, command, now, collections, effects)
    }
}
