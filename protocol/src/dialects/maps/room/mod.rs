//! A room of the dialect: a map, or the registry. Takes commands apart and hands answers out.
//!
//! Knows the dialect's types and the collections; nothing of sessions and of the wire around a message.

mod buckets;
mod failure;
mod get;
mod load;
mod map;
mod merkle;
mod meta;
mod pages;
mod pull;
mod scope;
mod sweep;
mod sync;
mod theirs;
mod times;
mod views;
mod write;

use super::{
    command::{Answer, Command, REGISTRY},
    fault::Fault,
    proto::ErrorCode,
    registry::Registry,
    settings::{Limits, Settings},
    window::{Change, Changes},
};
use crate::dialect::{self, Collections, EachEntry, Effects, Member, UnixMillis, Unreadable};

use self::{failure::Failure, map::Map};

const NOT_HERE: Fault = Fault::new(ErrorCode::Unsupported, "this room does no such thing");

/// A room of the dialect: a map, or the registry.
#[derive(Debug)]
pub struct Room {
    name: Box<str>,
    settings: Settings,
    /// `None` until what it keeps was read.
    state: Option<Prepared>,
}

/// What a room needs of all that it keeps.
#[derive(Debug)]
pub struct Prepared(State);

#[derive(Debug)]
enum State {
    Map(Box<Map>),
    Registry(Registry),
}

impl Prepared {
    pub(super) fn load(
        room: &str,
        settings: Settings,
        entries: &mut EachEntry<'_>,
    ) -> Result<Self, Unreadable> {
        if room == REGISTRY {
            return Registry::load(entries).map(State::Registry).map(Self);
        }
        load::load(room, settings, entries).map(|map| Self(State::Map(Box::new(map))))
    }
}

impl Room {
    pub(super) fn new(name: &str, settings: Settings) -> Self {
        Self { name: name.into(), settings, state: None }
    }
}

fn tell(changes: Changes, origin: u64, effects: &mut impl Effects<Notice = Change>) {
    for change in changes.finish(origin) {
        effects.notify(change);
    }
}

/// Asks a map.
fn ask(
    map: &mut Map,
    command: Command,
    now: UnixMillis,
    collections: &mut impl Collections,
    effects: &mut impl Effects<Answer = Answer, Notice = Change>,
) -> Result<Answer, Unreadable> {
    Ok(match command {
        Command::Write(write) => {
            let (written, changes) = map.write(&write, now, collections)?;
            tell(changes, write.origin, effects);
            Answer::Written(written)
        }
        Command::Sync(request) => match map.sync(&request, now, collections) {
            Ok(synced) => Answer::Synced(synced),
            Err(Failure::Refused(fault)) => Answer::Refused(fault),
            Err(Failure::Unreadable(unreadable)) => return Err(unreadable),
        },
        Command::Feed(feed) => Answer::Fed(map.feed(&feed, collections)?),
        Command::Position => {
            let (cursor, root) = (map.position(), map.root());
            Answer::Position { cursor, root, count: map.index.root().count }
        }
        Command::Sweep => {
            tell(map.sweep(now, collections), 0, effects);
            Answer::Swept
        }
        _ => Answer::Refused(NOT_HERE),
    })
}

/// Asks the registry.
fn ask_registry(
    registry: &mut Registry,
    command: &Command,
    limits: &Limits,
    collections: &mut impl Collections,
) -> Result<Answer, Unreadable> {
    match command {
        Command::Admit { user, map } => registry.admit((user, map), limits, collections),
        Command::Bind { user, node, claim } => {
            Registry::bind((user, node, *claim), limits, collections)
        }
        Command::List { after, maps_max } => Ok(registry.list(after, *maps_max)),
        _ => Ok(Answer::Refused(NOT_HERE)),
    }
}

impl dialect::Room for Room {
    type Command = Command;
    type Answer = Answer;
    type Notice = Change;
    type Prepared = Prepared;

    fn take_prepared(&mut self, prepared: Prepared) {
        self.state = Some(prepared);
    }

    fn due(&self, now: UnixMillis) -> Option<Command> {
        match &self.state {
            Some(Prepared(State::Map(map))) if map.is_due(now) => Some(Command::Sweep),
            _ => None,
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.state {
            Some(Prepared(State::Map(map))) => map.memory_bytes(),
            Some(Prepared(State::Registry(registry))) => registry.memory_bytes(),
            None => 0,
        }
    }

    fn apply(
        &mut self,
        _: Member,
        command: Command,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = Answer, Notice = Change>,
    ) -> Result<(), Unreadable> {
        let state = match &mut self.state {
            Some(state) => state,
            none => {
                let mut entries = |map, each: &mut dyn FnMut(&[u8], &[u8])| {
                    collections.entries(map, |key, value| each(key, value))
                };
                none.insert(Prepared::load(&self.name, self.settings, &mut entries)?)
            }
        };
        let answer = match &mut state.0 {
            State::Map(map) => ask(map, command, now, collections, effects)?,
            State::Registry(registry) => {
                ask_registry(registry, &command, &self.settings.limits, collections)?
            }
        };
        match answer {
            Answer::Written(written) if !written.durable => {
                effects.answer_early(Answer::Written(written));
            }
            answer => effects.answer(answer),
        }
        Ok(())
    }
}
