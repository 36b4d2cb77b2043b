//! What a session wants done that speaks with many rooms: its questions go to whichever shard owns the
//! room, in the order in which they were asked.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use syncline_engine::Error;
use syncline_protocol::dialect::{Act, Dialect};

use super::{
    COMMAND_BYTES_EXTRA, Hub,
    call::{AnswerTo, Answered, CallFailed},
    connection::Connection,
    follow::Follow,
    mail::{Afar, Mail},
    many::Many,
    owner_of,
    release::{Sender, To, Wanted},
    room::RoomKey,
};

impl<D: Dialect> Hub<D> {
    /// A session wants something done, after a message of its peer if that had any bytes.
    pub(super) fn begin_acts(
        &self,
        connection: &Rc<Connection<D>>,
        acts: Vec<Act<D::Command>>,
        bytes: usize,
    ) {
        if connection.room().is_some() {
            debug_assert!(false, "a session that has joined a room speaks with no other");
            return;
        }
        let mut follow = connection.follow();
        if matches!(&*follow, Follow::Nothing) {
            *follow = Follow::Many(Box::<Many>::default());
        }
        drop(follow);
        self.act(connection, acts, bytes);
    }

    /// Does what a session wants, in order. `bytes` came with the message that caused it, if one did:
    /// they wait with the first question.
    fn act(&self, connection: &Rc<Connection<D>>, acts: Vec<Act<D::Command>>, mut bytes: usize) {
        for act in acts {
            match act {
                Act::Send(message) => self.send_message(connection, message),
                Act::Ask { ticket, room, command } => {
                    let bytes = std::mem::take(&mut bytes) + COMMAND_BYTES_EXTRA;
                    self.ask(connection, ticket, &room, command, bytes);
                }
                Act::Watch(room) => self.watch(connection, room),
                Act::Unwatch(room) => self.unwatch(connection, &room),
                Act::Close(violation) => {
                    self.counters().violations.increment(1);
                    return connection.close(violation.code, violation.reason);
                }
            }
        }
        self.note_unasked(connection, bytes);
    }

    /// A session has taken a message of its peer, with so many bytes, and asked nothing. When it waits
    /// for answers it may keep the message until then.
    pub(super) fn note_unasked(&self, connection: &Connection<D>, bytes: usize) {
        if let Follow::Many(many) = &mut *connection.follow()
            && many.note_unasked(bytes)
        {
            self.env.press(self.shard, bytes);
        }
    }

    fn ask(
        &self,
        connection: &Rc<Connection<D>>,
        ticket: u64,
        room: &str,
        command: D::Command,
        mut bytes: usize,
    ) {
        if let Follow::Many(many) = &mut *connection.follow() {
            many.note_asked();
            let unasked = many.take_unasked();
            self.env.relieve(self.shard, unasked);
            bytes += unasked;
        }
        let owner = owner_of(room, self.mailboxes.len());
        self.env.press(owner, bytes);
        let (member, framing) = (connection.member(), connection.framing());
        if owner == self.shard {
            let (to, answer) = (To::Here(connection.clone()), Wanted::BySession(ticket));
            let sender = Sender { to, member, framing, opens: false, answer };
            self.answer(room, sender, command, bytes);
        } else {
            let sender = Afar { member, framing, opens: false };
            self.post(owner, Mail::Ask { room: room.into(), sender, ticket, command, bytes });
        }
    }

    /// Mail to the owner of a room: a question from afar.
    pub(super) fn ask_from_afar(
        &self,
        room: &str,
        sender: Afar,
        ticket: u64,
        command: D::Command,
        bytes: usize,
    ) {
        let Afar { member, framing, opens } = sender;
        let (to, answer) = (To::There(member), Wanted::BySession(ticket));
        self.answer(room, Sender { to, member, framing, opens, answer }, command, bytes);
    }

    /// Applies a command that wants an answer. When the room panics its turn does not happen, and all
    /// who have a part in it are told so: the room is made anew then.
    pub(super) fn apply_contained(
        &self,
        key: RoomKey,
        sender: Sender<D>,
        command: D::Command,
        bytes: usize,
    ) {
        let hearer = match (&sender.to, &sender.answer) {
            (to, Wanted::BySession(ticket)) => Some((to.clone(), *ticket)),
            _ => None,
        };
        let apply = || self.apply(key, sender, command, bytes);
        if catch_unwind(AssertUnwindSafe(apply)).is_ok() {
            return;
        }
        self.counters().panics.increment(1);
        tracing::error!("a room has panicked; its turn does not happen");
        let mut turn = self.turn.borrow_mut();
        turn.fault = Some(Error::Rejected("a room has panicked".into()));
        // Told with the others of the turn: what is asked then is not of it any more.
        turn.answers.extend(hearer.map(|(to, ticket)| Answered {
            to: AnswerTo::Session { to, ticket },
            outcome: Err(CallFailed::Unreadable),
            keeps: false,
        }));
    }

    /// Tells who sent a command that it was not applied.
    pub(super) fn tell_sender(&self, sender: Sender<D>, why: CallFailed) {
        match sender.answer {
            Wanted::Nothing => self.fail(&sender.to, 1011, "what the room keeps cannot be read"),
            _ => {
                let hearer = sender.into_hearer();
                let told = hearer.map(|to| Answered { to, outcome: Err(why), keeps: false });
                told.into_iter().for_each(|answered| self.tell(answered));
            }
        }
    }
}
