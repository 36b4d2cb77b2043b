//! What is durable becomes visible: segments to followers, replies to their members, mail.

use std::{rc::Rc, sync::Arc};

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Member};

use super::{
    Hub,
    call::Answered,
    catchup::CatchUp,
    connection::Follow,
    frames::framing_index,
    mail::Mail,
    owner_of,
    release::{Pending, Released, To},
    room::{Role, Room},
    shard_of,
};

impl<D: Dialect> Hub<D> {
    /// Releases every committed turn that the durable watermark has passed.
    pub(super) fn release(&self) {
        let Some(last) = self.pending.borrow().back().map(|pending| pending.position) else {
            return;
        };
        // Writes on this thread: see `Env::inline_flush`.
        if self.env.inline_flush
            && let Err(error) = self.env.store.wait(last)
        {
            tracing::error!(%error, "the store cannot write");
            return self.env.signals[self.shard].fail();
        }
        loop {
            self.release_up_to_watermark();
            let first = self.pending.borrow().front().map(|pending| pending.position);
            self.env.signals[self.shard].want(first);
            // The watermark may have moved before the wish was seen.
            if first.is_none_or(|first| self.env.store.durable() < first) {
                return;
            }
        }
    }

    fn release_up_to_watermark(&self) {
        let durable = self.env.store.durable();
        loop {
            let mut pending = self.pending.borrow_mut();
            if pending.front().is_none_or(|first| first.position > durable) {
                return;
            }
            let Some(first) = pending.pop_front() else { return };
            drop(pending);
            self.release_turn(first);
        }
    }

    fn release_turn(&self, pending: Pending<D>) {
        let mut rooms = self.rooms();
        let mut deliveries = 0;
        for (key, released) in pending.rooms {
            let room = rooms.get_mut(key);
            if let Role::Owner(owner) = &mut room.role {
                owner.pending -= 1;
            }
            if let Some(released) = released {
                deliveries += self.deliver(room, &released);
                self.send_to_mirrors(room, released);
            }
            rooms.remove_if_unused(key);
        }
        for (to, frames) in pending.replies {
            match to {
                To::Here(connection) => connection.send_part(frames),
                To::There(to) => self.post(shard_of(to), Mail::Reply { to, frames }),
                To::Caller => {}
            }
        }
        pending.answers.into_iter().for_each(Answered::tell);
        self.env.counters.deliveries.increment(deliveries);
        self.env.relieve(self.shard, pending.bytes);
        self.env.counters.commit_seconds.record(pending.since.elapsed().as_secs_f64());
    }

    /// Sends what became visible in a room to the shards that mirror it.
    fn send_to_mirrors(&self, room: &Room<D>, released: Released) {
        let Role::Owner(owner) = &room.role else { return };
        if owner.mirrors.is_empty() {
            return;
        }
        let released = Arc::new(released);
        for (shard, _) in &owner.mirrors {
            // Until the mirror takes it: a slow one slows down who sends.
            self.env.press(self.shard, released.bytes());
            let (room, released) = (room.name.clone(), released.clone());
            self.post(*shard, Mail::Release { room, released });
        }
    }

    /// Queues what became visible in a room for everyone here who follows it; says for how many.
    fn deliver(&self, room: &mut Room<D>, released: &Released) -> u64 {
        let mut deliveries = 0;
        for connection in &room.followers {
            let own = released.own_of(connection.member());
            let mut follow = connection.follow();
            match &mut *follow {
                Follow::Nothing => {}
                Follow::CatchUp(cursor) => {
                    cursor.skip(own.iter().map(|own| own.seq));
                    if cursor.is_ahead_of(room.released) {
                        connection.wake();
                    }
                }
                // It sent all of it.
                Follow::Live if own.len() as u64 == released.records() => {}
                Follow::Live => {
                    let framing = framing_index(connection.framing());
                    let full = connection.queued_bytes() > self.env.limits.queue_bytes_max;
                    match &released.segments[framing] {
                        Some(segment) if !full => {
                            deliveries += 1;
                            if own.is_empty() {
                                connection.send(segment.clone());
                            } else {
                                let pieces = Released::without(segment, own, framing);
                                pieces.into_iter().for_each(|piece| connection.send_part(piece));
                            }
                        }
                        _ => {
                            let mut cursor = CatchUp::lagging(released.first_seq);
                            cursor.skip(own.iter().map(|own| own.seq));
                            *follow = Follow::CatchUp(Box::new(cursor));
                            self.env.counters.lagged.increment(1);
                            connection.wake();
                        }
                    }
                }
            }
        }
        room.released = released.last_seq;
        deliveries
    }

    /// Opens one letter of another shard.
    pub(super) fn open_letter(self: &Rc<Self>, mail: Mail<D>) {
        match mail {
            Mail::Adopt { handoff, from } => self.adopt(handoff, from),
            Mail::Follow { handoff, released } => self.mirror(*handoff, released),
            Mail::Unfollow { room, from, follows } => self.unfollow(room, from, follows),
            Mail::Unfollowed { room } => self.unfollowed(&room),
            Mail::Command { room, from, framing, command, bytes } => {
                self.command_from_afar(&room, from, framing, command, bytes);
            }
            Mail::Call { room, command, bytes, to } => self.answer_call(room, command, bytes, to),
            Mail::Release { room, released } => self.deliver_from_afar(&room, &released),
            Mail::Reply { to, frames } => self.reply_from_afar(to, frames),
            Mail::Fail { to, why } => {
                if let Some(connection) = self.find(to) {
                    connection.close(1011, why);
                }
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

    fn reply_from_afar(&self, to: Member, frames: Bytes) {
        if let Some(connection) = self.find(to) {
            connection.send_part(frames);
        }
    }
}
