//! The sink of one command's effects: they wait in the turn until it is durable.

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Effects, Framing, Member, Refused, Reply};

use super::{published::Published, release::To, replies::Replies};

/// The effects of one command.
pub(super) struct TurnEffects<'a, D: Dialect, F> {
    pub(super) dialect: &'a D,
    pub(super) room_name: &'a str,
    pub(super) published: &'a mut Published,
    pub(super) replies: &'a mut Replies<D>,
    /// Finds a member and its framing.
    pub(super) find: F,
    pub(super) answer: Option<D::Answer>,
    pub(super) refused: Option<Refused>,
}

impl<D: Dialect, F: Fn(Member) -> Option<(To<D>, Framing)>> Effects for TurnEffects<'_, D, F> {
    type Answer = D::Answer;

    fn publish(&mut self, seq: u64, record: &[u8], except: Option<Member>) {
        self.published.record(self.dialect, self.room_name, seq, record, except);
    }

    fn publish_entry(&mut self, _: u64, _: &[u8], _: &[u8], _: Option<Member>) {}

    fn open(&mut self, _: Member, _: Bytes) {}

    fn resend(&mut self, _: Member, _: &[u8]) {}

    fn reply(&mut self, to: Member, reply: Reply<'_>) {
        if let Some((found, framing)) = (self.find)(to) {
            self.replies.push(|| found, to, framing, reply);
        }
    }

    fn answer(&mut self, answer: D::Answer) {
        debug_assert!(self.answer.is_none(), "a caller is answered once");
        self.answer = Some(answer);
    }

    fn refuse(&mut self, _from: Member, why: Refused) {
        self.refused = Some(why);
    }
}
