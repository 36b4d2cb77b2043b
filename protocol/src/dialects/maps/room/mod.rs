//! A map, or the registry: what is asked of it and what it answers.
//!
//! Knows the dialect's types and the collections; nothing of sessions and of the wire around a message.

use super::{
    command::{Answer, Command},
    settings::Settings,
    window::Change,
};
use crate::dialect::{self, Collections, Effects, Member, UnixMillis, Unreadable};

/// A room of the dialect: a map, or the registry.
pub struct Room {
    name: Box<str>,
    settings: Settings,
}

/// What a room needs of all that it keeps.
pub struct Prepared(());

impl Room {
    pub(super) fn new(name: &str, settings: Settings) -> Self {
        Self { name: name.into(), settings }
    }
}

impl dialect::Room for Room {
    type Command = Command;
    type Answer = Answer;
    type Notice = Change;
    type Prepared = Prepared;

    fn apply(
        &mut self,
        _: Member,
        _: Command,
        _: UnixMillis,
        _: &mut impl Collections,
        effects: &mut impl Effects<Answer = Answer, Notice = Change>,
    ) -> Result<(), Unreadable> {
        effects.answer(Answer::Swept);
        Ok(())
    }
}
