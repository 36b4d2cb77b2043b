//! A room: who is in it, what is passed on, what is kept.
//!
//! Packets are passed on at once, as the very bytes that came; what of them is stored is written behind.
//! The order of effects is the order in which everybody sees them. Nothing here logs a packet.

mod admin;
mod bans;
mod enter;
mod kept;
mod marks;
mod packets;
mod people;

use bytes::Bytes;

use self::{kept::Kept, people::People};
use super::{
    command::{Answer, Command},
    control::{self, Control, Left},
    notice::Notice,
    rate::Rates,
    settings::Settings,
};
use crate::{
    dialect::{
        self, Audience, Collections, Effects, Framing, Member, UnixMillis, Unreadable, Violation,
    },
    dialects::peer::kind::RoomKind,
};

/// What the room shows: to participants and callers, and who is there to whoever observes it.
trait Shows: Effects<Answer = Answer, Notice = Notice> {
    /// A control message.
    fn say(&mut self, message: Vec<u8>, to: Audience) {
        self.relay(Framing::Text, &Bytes::from(message), to);
    }
}

impl<E: Effects<Answer = Answer, Notice = Notice>> Shows for E {}

/// A room and who is in it.
#[derive(Debug)]
pub struct Room {
    name: Box<str>,
    settings: Settings,
    /// What it is for, while somebody is in it.
    kind: Option<RoomKind>,
    people: People,
    packet_rates: Rates,
    enter_rates: Rates,
    kept: Kept,
}

impl Room {
    pub(super) fn new(name: &str, settings: Settings) -> Self {
        let rates = |rate| Rates::new(rate, settings.participants_max);
        Self {
            name: name.into(),
            settings,
            kind: None,
            people: People::default(),
            packet_rates: rates(settings.packets(RoomKind::Data)),
            enter_rates: rates(settings.enters),
            kept: Kept::new(settings.retention),
        }
    }

    /// Tells somebody something, if it is in the room: behind all that it was told before.
    fn answer(&mut self, from: Member, message: Vec<u8>, effects: &mut impl Shows) {
        if self.people.find(from).is_some() {
            effects.say(message, Audience::One(from));
        }
    }

    /// Somebody has gone: the others are told, once.
    fn leave(&mut self, member: Member, reason: Left, effects: &mut impl Shows) {
        let Some(person) = self.people.remove(member) else { return };
        let gone = Control::Leave { id: person.identity.clone(), reason };
        effects.say(gone.encode(), Audience::AllBut(Some(member)));
        effects.notify(Notice::Left(person.identity, reason));
        if self.people.is_empty() {
            self.kind = None;
            // Who is replaced has come again already: the room goes on.
            if reason != Left::Replaced {
                effects.notify(Notice::Ended);
            }
        }
    }

    /// Closes the connection of somebody who is in the room; the others are told, once.
    fn remove(
        &mut self,
        member: Member,
        reason: Left,
        violation: Violation,
        effects: &mut impl Shows,
    ) {
        self.leave(member, reason, effects);
        effects.dismiss(member, violation);
    }
}

impl dialect::Room for Room {
    type Command = Command;
    type Answer = Answer;
    type Notice = Notice;
    type Prepared = ();

    fn apply(
        &mut self,
        from: Member,
        command: Command,
        now: UnixMillis,
        collections: &mut impl Collections,
        effects: &mut impl Effects<Answer = Answer, Notice = Notice>,
    ) -> Result<(), Unreadable> {
        match command {
            Command::Enter(entering) => self.enter(from, entering, now, collections, effects)?,
            Command::Leave(reason) => self.leave(from, reason, effects),
            Command::Packet(packet) => self.packet(from, &packet, now, collections, effects),
            Command::Malformed => self.malformed(from, effects),
            Command::Complain { code, request_id } => {
                self.answer(from, control::error(code, Some(&request_id)), effects);
            }
            Command::Ping => self.answer(from, Control::Pong.encode(), effects),
            Command::Kick { identity, ban_until } => {
                let answer = self.kick(&identity, ban_until, now, collections, effects)?;
                effects.answer(answer);
            }
            Command::Unban { identity } => effects.answer(bans::unban(&identity, collections)?),
            Command::CloseRoom => {
                let answer = self.close(effects);
                effects.answer(answer);
            }
            Command::Sweep => effects.answer(self.sweep(now, collections)?),
            Command::Forget => {
                let dropped = self.kept.forget(collections);
                effects.answer(Answer::Swept { dropped, kept: 0 });
            }
            Command::Describe => effects.answer(self.describe(now, collections)?),
        }
        Ok(())
    }
}
