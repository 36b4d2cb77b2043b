//! The replies of a turn, one behind the other in one buffer.

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Framing, Member, Reply};

use crate::ws::framed;

use super::{frames::opcode, release::To};

/// Replies in the order in which they were given.
pub(super) struct Replies<D: Dialect> {
    arena: Vec<u8>,
    to: Vec<(To<D>, usize, bool)>,
}

impl<D: Dialect> Default for Replies<D> {
    fn default() -> Self {
        Self { arena: Vec::new(), to: Vec::new() }
    }
}

impl<D: Dialect> Replies<D> {
    pub(super) fn push(
        &mut self,
        to: impl FnOnce() -> To<D>,
        member: Member,
        framing: Framing,
        reply: Reply<'_>,
    ) {
        // The last reply of this member says less than this one: it need not be sent.
        let replaced = reply.cumulative
            && self.to.last().is_some_and(|(last, _, cumulative)| *cumulative && last.is(member));
        if replaced {
            if let Some((_, start, _)) = self.to.last() {
                self.arena.truncate(*start);
            }
        } else {
            self.to.push((to(), self.arena.len(), reply.cumulative));
        }
        framed(&mut self.arena, opcode(framing), reply.message.len(), |out| {
            out.extend_from_slice(reply.message);
        });
    }

    pub(super) fn finish(self) -> Vec<(To<D>, Bytes)> {
        let arena = Bytes::from(self.arena);
        let mut end = arena.len();
        let mut replies: Vec<_> = self
            .to
            .into_iter()
            .rev()
            .map(|(to, start, _)| {
                let frames = arena.slice(start..end);
                end = start;
                (to, frames)
            })
            .collect();
        replies.reverse();
        replies
    }
}
