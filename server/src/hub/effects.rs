//! The sink of one command's effects: they wait in the turn until it is durable.

use std::{cell::Cell, rc::Rc, sync::Arc};

use bytes::Bytes;
use syncline_protocol::dialect::{
    Audience, Dialect, Effects, Framing, Member, Refused, Reply, Violation,
};

use super::{
    connection::Connection,
    published::Published,
    relayed::{Item, Showing},
    release::{Opening, Resend, To},
    replay::Wanted,
    replies::Replies,
    room::RoomKey,
};

/// The effects of one command.
pub(super) struct TurnEffects<'a, D: Dialect, F> {
    pub(super) dialect: &'a D,
    pub(super) key: RoomKey,
    pub(super) room_name: &'a str,
    /// The last version given.
    pub(super) version: &'a Cell<u64>,
    pub(super) published: &'a mut Published,
    pub(super) openings: &'a mut Vec<Opening<D>>,
    pub(super) replies: &'a mut Replies<D>,
    pub(super) resends: &'a mut Vec<Resend<D>>,
    /// What the room shows in this turn, where it writes behind.
    pub(super) showing: &'a mut Option<Box<Showing<D>>>,
    pub(super) present: Present,
    /// What those are told who watch or observe the room; `None` when nobody does.
    pub(super) notices: Option<&'a mut Vec<D::Notice>>,
    /// Finds a member, and its framing if that is known on this shard.
    pub(super) find: F,
    pub(super) answer: Option<D::Answer>,
    /// The answer need not wait for the device.
    pub(super) early: bool,
    pub(super) refused: Option<Refused>,
}

/// Who is in a room that relays something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Present {
    Nobody,
    Only(Member),
    Several,
}

impl Present {
    pub(super) fn of<D: Dialect>(here: &[Rc<Connection<D>>], elsewhere: bool) -> Self {
        match here {
            _ if elsewhere => Self::Several,
            [] => Self::Nobody,
            [one] => Self::Only(one.member()),
            _ => Self::Several,
        }
    }
}

/// A member that was found, and its framing if that is known.
pub(super) type Found<D> = Option<(To<D>, Option<Framing>)>;

impl<D: Dialect, F: Fn(Member) -> Found<D>> TurnEffects<'_, D, F> {
    fn showing(&mut self) -> &mut Showing<D> {
        debug_assert!(D::WRITES_BEHIND, "others show what is durable");
        self.showing.get_or_insert_default()
    }

    /// What this command replays goes up to the end of the log as it is now, of which so much is `certain`.
    pub(super) fn end_replays(&mut self, last: u64, certain: u64) {
        let openings = self.showing.iter_mut().flat_map(|showing| showing.openings());
        for replay in openings.filter_map(|opening| opening.replay.as_mut()) {
            replay.end = replay.end.min(last);
            replay.certain = replay.certain.min(certain);
        }
    }

    fn show_one(&mut self, member: Member, framing: Framing, message: &[u8]) {
        if let Some((to, _)) = (self.find)(member) {
            self.showing().one(to, member, framing, message);
        }
    }
}

impl<D: Dialect, F: Fn(Member) -> Found<D>> Effects for TurnEffects<'_, D, F> {
    type Answer = D::Answer;
    type Notice = D::Notice;

    fn relay(&mut self, framing: Framing, message: &Bytes, to: Audience) {
        match to {
            Audience::AllBut(except) => match self.present {
                Present::Nobody => {}
                Present::Only(member) if except == Some(member) => {}
                _ => self.showing().many(framing, message, except),
            },
            Audience::One(member) => self.show_one(member, framing, message),
        }
    }

    fn dismiss(&mut self, member: Member, violation: Violation) {
        if let Some((to, _)) = (self.find)(member) {
            self.showing().push(Item::Dismiss { to, violation });
        }
    }

    fn replay(&mut self, to: Member, after: u64, reader: &Arc<str>) {
        let opening = self.showing().opening_of(to);
        debug_assert!(opening.is_some(), "a replay comes behind an opening");
        if let Some(opening) = opening {
            // How far it goes is known at the end of the command.
            let (end, certain) = (u64::MAX, u64::MAX);
            let wanted = Wanted { after, end, certain, reader: reader.clone() };
            opening.replay = Some(Box::new(wanted));
        }
    }

    fn publish(&mut self, seq: u64, record: &[u8], except: Option<Member>) {
        self.published.record(self.dialect, self.room_name, seq, record, except);
    }

    fn publish_entry(&mut self, version: u64, key: &[u8], record: &[u8], except: Option<Member>) {
        self.published.entry(self.dialect, self.room_name, (version, key), record, except);
    }

    fn open(&mut self, to: Member, message: Bytes) {
        if let Some((to, _)) = (self.find)(to) {
            let (room, version) = (self.key, self.version.get());
            let opening = Opening { to, room, message, version, replay: None };
            match D::WRITES_BEHIND {
                true => self.showing().push(Item::Open(opening)),
                false => self.openings.push(opening),
            }
        }
    }

    fn resend(&mut self, to: Member, key: &[u8]) {
        if let Some((to, _)) = (self.find)(to) {
            self.resends.push(Resend { to, key: key.into() });
        }
    }

    fn reply(&mut self, to: Member, reply: Reply<'_>) {
        if let Some((found, framing)) = (self.find)(to) {
            debug_assert!(framing.is_some(), "replies go to who has sent the command");
            if D::WRITES_BEHIND {
                framing.into_iter().for_each(|framing| self.show_one(to, framing, reply.message));
            } else if let Some(framing) = framing {
                self.replies.push(|| found, to, framing, reply);
            }
        }
    }

    fn answer(&mut self, answer: D::Answer) {
        debug_assert!(self.answer.is_none(), "a caller is answered once");
        self.answer = Some(answer);
    }

    fn answer_early(&mut self, answer: D::Answer) {
        self.answer(answer);
        self.early = true;
    }

    fn notify(&mut self, notice: D::Notice) {
        if let Some(notices) = &mut self.notices {
            notices.push(notice);
        }
    }

    fn refuse(&mut self, _from: Member, why: Refused) {
        self.refused = Some(why);
    }
}
