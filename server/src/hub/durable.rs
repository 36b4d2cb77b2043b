//! What is durable becomes visible: openings, segments, replies, resends and answers, in this order.

use std::sync::Arc;

use syncline_protocol::dialect::Dialect;

use super::{
    Hub,
    deliver::open_here,
    mail::Mail,
    release::{Opening, Pending, Released, Resend, To},
    room::{Role, Room},
    shard_of,
};

impl<D: Dialect> Hub<D> {
    /// Releases every committed turn that the durable watermark has passed.
    pub(super) fn release(&self) {
        if D::WRITES_BEHIND {
            return self.show_all();
        }
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
        // Before what was published behind them in the same turn.
        for Opening { to, room, message, version, .. } in pending.openings {
            match to {
                To::Here(connection) => {
                    open_here(rooms.get_mut(room), &connection, message, version, None);
                }
                To::There(to) => {
                    let replay = None;
                    self.post(shard_of(to), Mail::Open { to, message, version, replay });
                }
                To::Caller => {}
            }
        }
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
        drop(rooms);
        for Resend { to, key } in pending.resends {
            match to {
                To::Here(connection) => self.resend(&connection, &key),
                To::There(to) => self.post(shard_of(to), Mail::Resend { to, key }),
                To::Caller => {}
            }
        }
        pending.answers.into_iter().for_each(|answered| self.tell(answered));
        self.take_notices(pending.noted, pending.bytes);
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
}
