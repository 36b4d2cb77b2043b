//! How what a room shows at once reaches those who are in it: in order for each of them, on this shard and
//! on those that mirror the room.
//!
//! Who does not take it in time is closed; nobody else notices.

use std::{rc::Rc, sync::Arc};

use bytes::Bytes;
use syncline_protocol::dialect::{Dialect, Member};

use super::{
    Hub,
    connection::Connection,
    deliver::open_here,
    follow::Follow,
    mail::Mail,
    owner_of,
    relayed::{Item, Segment, Shown, Whole},
    release::{Opening, To},
    room::RoomKey,
    room::{Role, Room, Rooms},
    shard_of,
};

impl<D: Dialect> Hub<D> {
    /// Shows what a room of this shard did in a turn; says to how many.
    pub(super) fn show(&self, rooms: &mut Rooms<D>, key: RoomKey, shown: Shown<D>) -> u64 {
        let room = rooms.get_mut(key);
        let mut deliveries = 0;
        let Shown { items, last, ones } = shown;
        for item in items {
            match item {
                Item::Many(segment) => deliveries += self.show_many(room, segment),
                Item::One { to, place, frames } => {
                    deliveries += 1;
                    self.show_one(to, ones.slice(place), frames);
                }
                Item::Open(opening) => self.show_opening(room, opening),
                Item::Dismiss { to, violation } => {
                    self.fail(&to, violation.code, violation.reason);
                }
            }
        }
        if !last.is_empty() {
            deliveries += self.show_many(room, last);
        }
        deliveries
    }

    fn show_many(&self, room: &Room<D>, segment: Segment) -> u64 {
        let deliveries = self.show_segment(room, &segment);
        self.mirror_segment(room, segment);
        deliveries
    }

    fn show_segment(&self, room: &Room<D>, segment: &Segment) -> u64 {
        let mut deliveries = 0;
        for connection in &room.followers {
            let any = segment.pieces_for(connection.member(), |piece, frames, whole| {
                self.hand(connection, piece, frames, whole);
            });
            deliveries += u64::from(any);
        }
        deliveries
    }

    fn mirror_segment(&self, room: &Room<D>, segment: Segment) {
        let Role::Owner(owner) = &room.role else { return };
        if owner.mirrors.is_empty() {
            return;
        }
        let segment = Arc::new(segment);
        for (shard, _) in &owner.mirrors {
            // Until the mirror takes it: a slow one slows down who sends.
            self.env.press(self.shard, segment.held_bytes());
            let (room, segment) = (room.name.clone(), segment.clone());
            self.post(*shard, Mail::Segment { room, segment });
        }
    }

    /// Mail from a room's owner: frames for those who are in it here.
    pub(super) fn segment_from_afar(&self, name: &str, segment: &Segment) {
        let mut rooms = self.rooms();
        if let Some(key) = rooms.find(name) {
            let deliveries = self.show_segment(rooms.get_mut(key), segment);
            self.env.counters.deliveries.increment(deliveries);
        }
        let owner = owner_of(name, self.mailboxes.len());
        self.env.relieve(owner, segment.held_bytes());
    }

    fn show_one(&self, to: To<D>, piece: Bytes, frames: u32) {
        match to {
            To::Here(connection) => self.hand(&connection, piece, frames, Whole::No),
            To::There(to) => {
                self.env.press(self.shard, piece.len());
                let from = self.shard;
                self.post(shard_of(to), Mail::Relayed { to, piece, frames, from });
            }
            To::Caller => {}
        }
    }

    /// Mail from a room's owner: frames for one member.
    pub(super) fn relayed_from_afar(&self, to: Member, piece: Bytes, frames: u32, from: usize) {
        self.env.relieve(from, piece.len());
        if let Some(connection) = self.find(to) {
            self.hand(&connection, piece, frames, Whole::No);
        }
    }

    fn show_opening(&self, room: &mut Room<D>, opening: Opening<D>) {
        let Opening { to, message, version, replay, .. } = opening;
        match to {
            To::Here(connection) => open_here(room, &connection, message, version, replay),
            To::There(to) => {
                self.post(shard_of(to), Mail::Open { to, message, version, replay });
            }
            To::Caller => {}
        }
    }

    /// Gives a connection finished frames, if it is in its room. What is not the whole of its buffer is
    /// copied while it has to wait: it must not keep all of that.
    fn hand(&self, connection: &Rc<Connection<D>>, piece: Bytes, frames: u32, whole: Whole) {
        let mut follow = connection.follow();
        let in_time = match &mut *follow {
            Follow::Live => {
                drop(follow);
                connection.send_relayed(piece, frames, whole)
            }
            Follow::Replay(replay) => {
                let held = replay.hold(piece, frames, whole, self.queue);
                drop(follow);
                held
            }
            _ => return,
        };
        if !in_time {
            *connection.follow() = Follow::Nothing;
            let violation = self.dialect.too_slow();
            connection.close(violation.code, violation.reason);
        }
    }
}
