//! Commands without a session: asked on any shard, applied where the room lives, answered when the
//! turn is durable.

use syncline_engine::{Error, Log};
use syncline_protocol::dialect::{Dialect, Framing, Member};
use tokio::sync::oneshot;

use super::{
    COMMAND_BYTES_EXTRA, Hub,
    apart::rooms_with_log,
    mail::Mail,
    names::log_name,
    owner_of,
    release::{Sender, To, Wanted},
};

/// Why a call got no answer. Nothing of it happened, unless the server stopped: then it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallFailed {
    /// What the room keeps could not be read, or the change could not be made.
    #[error("what the room keeps cannot be read or changed")]
    Unreadable,
    /// The disk is full: the same call may work later.
    #[error("the disk is full")]
    Full,
    /// The room holds as much as it may.
    #[error("the room holds as much as it may")]
    RoomFull,
    /// The server ends, or its store has failed.
    #[error("the server takes no more writes")]
    Stopped,
}

impl From<&Error> for CallFailed {
    fn from(error: &Error) -> Self {
        match error {
            Error::Full => Self::Full,
            Error::Poisoned | Error::Closed => Self::Stopped,
            _ => Self::Unreadable,
        }
    }
}

/// What a call ends with.
pub(super) type Outcome<D> = Result<<D as Dialect>::Answer, CallFailed>;

/// Where a call waits for its end.
pub(super) type Caller<D> = oneshot::Sender<Outcome<D>>;

/// Who hears the answer to a command.
pub(super) enum AnswerTo<D: Dialect> {
    /// A caller without a session.
    Caller(Caller<D>),
    /// The session that asked, with its own ticket.
    Session { to: To<D>, ticket: u64 },
}

/// What is to be told when the turn is durable.
pub(super) struct Answered<D: Dialect> {
    pub(super) to: AnswerTo<D>,
    pub(super) outcome: Outcome<D>,
    /// Its command has written something.
    pub(super) keeps: bool,
}

impl<D: Dialect> Answered<D> {
    /// As it is when the turn did not happen; the same if its command did not reach the turn.
    pub(super) fn failed(self, why: CallFailed) -> Self {
        Self { outcome: self.outcome.and(Err(why)), ..self }
    }
}

impl<D: Dialect> Hub<D> {
    /// Applies a command as [`Member::CALLER`] in the order of its room, wherever that lives.
    /// `bytes` is what the command holds. The answer comes when what it tells is durable; a future
    /// that is dropped takes nothing back.
    pub(crate) fn call(
        &self,
        room: &str,
        command: D::Command,
        bytes: usize,
    ) -> impl Future<Output = Result<D::Answer, CallFailed>> + use<D> {
        let (to, answer) = oneshot::channel();
        self.env.counters.calls.increment(1);
        self.begin_moment();
        if self.deaf.get() {
            let _ = to.send(Err(CallFailed::Stopped));
        } else {
            let bytes = bytes + COMMAND_BYTES_EXTRA;
            let owner = owner_of(room, self.mailboxes.len());
            self.env.press(owner, bytes);
            if owner == self.shard {
                self.answer_call(room, command, bytes, to);
            } else {
                self.post(owner, Mail::Call { room: room.into(), command, bytes, to });
            }
        }
        // Whoever is to answer goes without a word when everything ends.
        async { answer.await.unwrap_or(Err(CallFailed::Stopped)) }
    }

    /// Applies a call to a room that this shard owns.
    pub(super) fn answer_call(&self, name: &str, command: D::Command, bytes: usize, to: Caller<D>) {
        let sender = Sender {
            to: To::<D>::Caller,
            member: Member::CALLER,
            framing: Framing::Text,
            opens: false,
            answer: Wanted::ByCaller(to),
        };
        self.answer(name, sender, command, bytes);
    }

    /// Applies a command that wants an answer to a room that this shard owns, whether it is present
    /// or not.
    pub(super) fn answer(&self, name: &str, sender: Sender<D>, command: D::Command, bytes: usize) {
        let present = self.rooms().find(name);
        match present.map_or_else(|| self.open_room(name.into()), Ok) {
            Ok(key) => {
                self.let_linger(key);
                self.apply_contained(key, sender, command, bytes);
            }
            Err(error) => {
                tracing::error!(%error, "a room cannot be opened");
                self.env.relieve(self.shard, bytes);
                self.tell_sender(sender, (&error).into());
            }
        }
    }

    /// The rooms that have a log, in the order of their names, on all shards.
    pub(crate) fn rooms_with_log(&self) -> Vec<String> {
        rooms_with_log::<D>(&self.env.store)
    }

    /// The log of a room, if it has one, for reading what an answer told of. What is beyond that may
    /// not be durable yet.
    ///
    /// # Errors
    /// As [`Store::find_log`](syncline_engine::Store::find_log).
    pub(crate) fn log(&self, room: &str) -> Result<Option<Log>, Error> {
        self.env.store.find_log(&log_name::<D>(room))
    }
}
