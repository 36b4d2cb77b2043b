//! How what is visible reaches those who follow a room: whole segments to who keeps up, a cursor or
//! the keys that have changed to who does not.

use std::rc::Rc;

use bytes::Bytes;
use syncline_protocol::dialect::Dialect;

use super::{
    Hub,
    behind::Behind,
    catchup::CatchUp,
    connection::Connection,
    follow::Follow,
    frames::framing_index,
    release::{Own, Released},
    replay::{Replay, Wanted},
    room::Room,
};

impl<D: Dialect> Hub<D> {
    /// Queues what became visible in a room for everyone here who follows it; says for how many.
    pub(super) fn deliver(&self, room: &mut Room<D>, released: &Released) -> u64 {
        let mut deliveries = 0;
        for connection in &room.followers {
            let own = released.own_of(connection.member());
            let mut follow = connection.follow();
            match &mut *follow {
                Follow::Nothing | Follow::Opening | Follow::Replay(_) | Follow::Many(_) => {}
                Follow::CatchUp(cursor) => {
                    cursor.skip(own.iter().map(|own| own.number));
                    if cursor.is_ahead_of(room.released) {
                        connection.wake();
                    }
                }
                Follow::Behind(_) => {
                    drop(follow);
                    self.mark_behind(connection, released, own);
                }
                // It sent all of it.
                Follow::Live if own.len() as u64 == released.count => {
                    drop(follow);
                    if released.keys.is_some() {
                        connection.note_released(released.last, false);
                    }
                }
                Follow::Live => {
                    let framing = framing_index(connection.framing());
                    let full = connection.queued_bytes() > self.env.limits.queue_bytes_max;
                    match &released.segments[framing] {
                        Some(segment) if !full => {
                            drop(follow);
                            deliveries += 1;
                            if own.is_empty() {
                                connection.send(segment.clone());
                            } else {
                                let pieces = Released::without(segment, own, framing);
                                pieces.into_iter().for_each(|piece| connection.send_part(piece));
                            }
                            if released.keys.is_some() {
                                connection.note_released(released.last, true);
                            }
                        }
                        _ => {
                            drop(follow);
                            self.fall_behind(connection, released, own);
                        }
                    }
                }
            }
        }
        match released.keys {
            Some(_) => room.version = released.last,
            None => room.released = released.last,
        }
        deliveries
    }

    /// A connection does not keep up: from now on it is fed at its own pace.
    fn fall_behind(&self, connection: &Rc<Connection<D>>, released: &Released, own: &[Own]) {
        if released.keys.is_some() {
            self.env.counters.behind.increment(1);
            *connection.follow() = Follow::Behind(Box::default());
            return self.mark_behind(connection, released, own);
        }
        let mut cursor = CatchUp::lagging(released.first);
        cursor.skip(own.iter().map(|own| own.number));
        *connection.follow() = Follow::CatchUp(Box::new(cursor));
        self.env.counters.lagged.increment(1);
        connection.wake();
    }

    /// Notes which entries a connection has missed that does not keep up. Its own are none of them.
    fn mark_behind(&self, connection: &Rc<Connection<D>>, released: &Released, own: &[Own]) {
        let Some(keys) = &released.keys else { return };
        self.add_behind(connection, |behind| {
            for key in released.keys_for(keys, own) {
                behind.add(key, 0);
            }
        });
    }

    /// Sends one entry to a connection, in order with the others and as it is then.
    pub(super) fn resend(&self, connection: &Rc<Connection<D>>, key: &[u8]) {
        let mut follow = connection.follow();
        match &*follow {
            Follow::Live => *follow = Follow::Behind(Box::default()),
            Follow::Behind(_) => {}
            Follow::Nothing
            | Follow::Opening
            | Follow::CatchUp(_)
            | Follow::Replay(_)
            | Follow::Many(_) => {
                // What it is sent next has the entry, or nothing is sent any more.
                drop(follow);
                return connection.note_needless(1);
            }
        }
        drop(follow);
        self.add_behind(connection, |behind| behind.add(key, 1));
    }

    /// Adds to what a connection has missed; closes it when that is too much.
    fn add_behind(&self, connection: &Rc<Connection<D>>, add: impl FnOnce(&mut Behind)) {
        let mut follow = connection.follow();
        let Follow::Behind(behind) = &mut *follow else { return };
        add(behind);
        if behind.bytes() <= self.env.limits.queue_bytes_max {
            drop(follow);
            return connection.wake();
        }
        *follow = Follow::Nothing;
        drop(follow);
        let violation = self.dialect.too_slow();
        connection.close(violation.code, violation.reason);
    }
}

/// Queues an opening message for a connection of this shard. All that it says is visible.
pub(super) fn open_here<D: Dialect>(
    room: &mut Room<D>,
    connection: &Rc<Connection<D>>,
    message: Bytes,
    version: u64,
    replay: Option<Box<Wanted>>,
) {
    room.version = room.version.max(version);
    let follow =
        replay.map_or(Follow::Live, |wanted| Follow::Replay(Box::new(Replay::new(*wanted))));
    connection.open_with(message, version, follow);
}
