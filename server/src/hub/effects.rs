//! The sink of one command's effects: they wait in the turn until it is durable.

use std::cell::Cell;

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Effects, Framing, Member, Refused, Reply};

use super::{
    published::Published,
    release::{Opening, Resend, To},
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
    /// What those are told who watch the room; `None` when nobody does.
    pub(super) notices: Option<&'a mut Vec<D::Notice>>,
    /// Finds a member, and its framing if that is known on this shard.
    pub(super) find: F,
    pub(super) answer: Option<D::Answer>,
    /// The answer need not wait for the device.
    pub(super) early: bool,
    pub(super) refused: Option<Refused>,
}

/// A member that was found, and its framing if that is known.
pub(super) type Found<D> = Option<(To<D>, Option<Framing>)>;

impl<D: Dialect, F: Fn(Member) -> Found<D>> Effects for TurnEffects<'_, D, F> {
    type Answer = D::Answer;
    type Notice = D::Notice;

    fn publish(&mut self, seq: u64, record: &[u8], except: Option<Member>) {
        self.published.record(self.dialect, self.room_name, seq, record, except);
    }

    fn publish_entry(&mut self, version: u64, key: &[u8], record: &[u8], except: Option<Member>) {
        self.published.entry(self.dialect, self.room_name, (version, key), record, except);
    }

    fn open(&mut self, to: Member, message: Bytes) {
        if let Some((to, _)) = (self.find)(to) {
            let (room, version) = (self.key, self.version.get());
            self.openings.push(Opening { to, room, message, version });
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
            if let Some(framing) = framing {
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
