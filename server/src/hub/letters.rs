//! What another shard has written: each letter goes to whoever knows what to do.

use std::{rc::Rc, sync::Arc};

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Member};

use super::{
    Hub, connection::Connection, deliver::open_here, mail::Mail, owner_of, release::Released,
    replay::Wanted, tell::Telling,
};

impl<D: Dialect> Hub<D> {
    /// Opens one letter of another shard.
    pub(super) fn open_letter(self: &Rc<Self>, mail: Mail<D>) {
        match mail {
            Mail::Adopt { handoff, from } => self.adopt(handoff, from),
            Mail::Follow { handoff, released, version } => self.mirror(*handoff, released, version),
            Mail::Unfollow { room, from, follows } => self.unfollow(room, from, follows),
            Mail::Unfollowed { room } => self.unfollowed(&room),
            Mail::Command { room, sender, command, bytes } => {
                self.command_from_afar(&room, sender, command, bytes);
            }
            Mail::Call { room, command, bytes, to } => self.answer_call(&room, command, bytes, to),
            Mail::Ask { room, sender, ticket, command, bytes } => {
                self.ask_from_afar(&room, sender, ticket, command, bytes);
            }
            Mail::Answer { to, ticket, outcome } => self.answer_from_afar(to, ticket, outcome),
            Mail::Watch { room, from } => self.watch_from(room, from),
            Mail::Unwatch { room, from } => self.unwatch_from(&room, from),
            Mail::Window { notices, from, bytes } => {
                self.tell_later(Telling::Window { notices, from, bytes });
            }
            Mail::Prepared { room, prepared } => self.end_preparation(&room, prepared),
            Mail::Release { room, released } => self.deliver_from_afar(&room, &released),
            Mail::Open { to, message, version, replay } => {
                self.open_from_afar(to, message, version, replay);
            }
            Mail::Segment { room, segment } => self.segment_from_afar(&room, &segment),
            Mail::Relayed { to, piece, frames, from } => {
                self.relayed_from_afar(to, piece, frames, from);
            }
            Mail::Reply { to, frames } => {
                self.with(to, |connection| connection.send_part(frames));
            }
            Mail::Resend { to, key } => self.with(to, |connection| self.resend(connection, &key)),
            Mail::Fail { to, code, why } => {
                self.with(to, |connection| connection.close(code, why));
            }
        }
    }

    fn deliver_from_afar(&self, name: &str, released: &Arc<Released>) {
        let mut rooms = self.rooms();
        if let Some(key) = rooms.find(name) {
            let deliveries = self.deliver(rooms.get_mut(key), released);
            self.env.counters.deliveries.increment(deliveries);
        }
        let owner = owner_of(name, self.mailboxes.len());
        self.env.relieve(owner, released.bytes());
    }

    fn open_from_afar(
        &self,
        to: Member,
        message: Bytes,
        version: u64,
        replay: Option<Box<Wanted>>,
    ) {
        self.with(to, |connection| {
            if let Some(key) = connection.room() {
                open_here(self.rooms().get_mut(key), connection, message, version, replay);
            }
        });
    }

    /// Does something with a member of this shard, if it is still there.
    fn with(&self, member: Member, act: impl FnOnce(&Rc<Connection<D>>)) {
        if let Some(connection) = self.find(member) {
            act(&connection);
        }
    }
}
