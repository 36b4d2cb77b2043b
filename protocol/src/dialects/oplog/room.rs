//! The room: one dataset, made of its collections when the first command comes.
//!
//! Knows which command is which; what one does is the dataset's.

use super::{
    answer::Answer,
    batch::Scratch,
    command::{Command, Request},
    dataset::{Dataset, Told},
    limits::Limits,
};
use crate::dialect::{self, Collections, Effects, Member, UnixMillis, Unreadable};

/// A dataset.
pub struct Room {
    limits: Limits,
    dataset: Option<Dataset>,
    scratch: Scratch,
}

impl Room {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, dataset: None, scratch: Scratch::default() }
    }

    fn ask(
        &mut self,
        command: Command,
        now: UnixMillis,
        collections: &mut impl Collections,
    ) -> Result<Told, Unreadable> {
        let Command { request, candidate } = command;
        let Self { limits, dataset, scratch } = self;
        let dataset = match dataset {
            Some(dataset) => dataset,
            none => none.insert(Dataset::load(&candidate, collections)?),
        };
        match request {
            Request::Bootstrap => dataset.bootstrap(collections),
            Request::Push(push) => dataset.push(&push, now, limits, scratch, collections),
            Request::Pull(pull) => dataset.pull(&pull, now, limits, collections),
            Request::Reset(reset) => dataset.reset(&reset, limits, collections),
            Request::Checkpoint(checkpoint) => {
                dataset.checkpoint(&checkpoint, candidate, now, limits, collections)
            }
            Request::Rotate => dataset.rotate(candidate, limits, collections),
        }
    }
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
        let told = self.ask(command, now, collections);
        self.scratch.shrink();
        match told? {
            Ok(answer) => effects.answer(answer),
            Err(why) => effects.refuse(from, why),
        }
        Ok(())
    }
}
