//! Who watches which room: the sessions of each shard, and for a room's owner the shards.
//!
//! A shard asks the owner once, however many of its sessions watch. Letters between two shards keep
//! their order, so what a session asks after it began to watch is applied after that.

use std::{rc::Rc, sync::Arc};

use hashbrown::HashMap;
use slab::Slab;
use syncline_protocol::dialect::Dialect;

use super::{
    Hub, connection::Connection, follow::Follow, mail::Mail, owner_of, room::Role,
    windows::Gathering,
};

/// The sessions of one shard that watch rooms.
pub(super) struct Watchers<D: Dialect> {
    rooms: HashMap<Arc<str>, Slab<Rc<Connection<D>>>>,
}

impl<D: Dialect> Default for Watchers<D> {
    fn default() -> Self {
        Self { rooms: HashMap::new() }
    }
}

impl<D: Dialect> Watchers<D> {
    /// Those who watch a room now.
    pub(super) fn of(&self, room: &str) -> Vec<Rc<Connection<D>>> {
        let watchers = self.rooms.get(room);
        watchers.map(|all| all.iter().map(|(_, one)| one.clone()).collect()).unwrap_or_default()
    }

    /// How many rooms are watched.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Adds a watcher and says its place; true when it is the first of the room.
    fn add(&mut self, room: &Arc<str>, watcher: Rc<Connection<D>>) -> (usize, bool) {
        let watchers = self.rooms.entry_ref(room).or_default();
        let is_first = watchers.is_empty();
        (watchers.insert(watcher), is_first)
    }

    /// Removes a watcher. True when it was the last of the room.
    fn remove(&mut self, room: &str, place: usize) -> bool {
        let Some(watchers) = self.rooms.get_mut(room) else { return false };
        watchers.remove(place);
        let is_last = watchers.is_empty();
        if is_last {
            self.rooms.remove(room);
        }
        is_last
    }
}

impl<D: Dialect> Hub<D> {
    /// A session watches a room from now on.
    pub(super) fn watch(&self, connection: &Rc<Connection<D>>, room: String) {
        let mut follow = connection.follow();
        let Follow::Many(many) = &mut *follow else { return };
        if many.watches(&room) {
            return;
        }
        let room: Arc<str> = room.into();
        let (place, is_first) = self.watchers.borrow_mut().add(&room, connection.clone());
        many.note_watch(room.clone(), place);
        drop(follow);
        if is_first {
            let (owner, from) = (owner_of(&room, self.mailboxes.len()), self.shard);
            if owner == from {
                self.watch_from(room, from);
            } else {
                self.post(owner, Mail::Watch { room, from });
            }
        }
    }

    /// A session watches a room no more.
    pub(super) fn unwatch(&self, connection: &Connection<D>, room: &str) {
        let place = match &mut *connection.follow() {
            Follow::Many(many) => many.end_watch(room),
            _ => None,
        };
        if let Some(place) = place {
            self.end_watch(room, place);
        }
    }

    /// A connection ends, and watches nothing any more.
    pub(super) fn unwatch_all(&self, connection: &Connection<D>) {
        let watches = match &mut *connection.follow() {
            Follow::Many(many) => {
                self.env.relieve(self.shard, many.take_unasked());
                many.end_all()
            }
            _ => return,
        };
        for (room, place) in watches {
            self.end_watch(&room, place);
        }
    }

    fn end_watch(&self, room: &str, place: usize) {
        if self.watchers.borrow_mut().remove(room, place) {
            let (owner, from) = (owner_of(room, self.mailboxes.len()), self.shard);
            if owner == from {
                self.unwatch_from(room, from);
            } else {
                self.post(owner, Mail::Unwatch { room: room.into(), from });
            }
        }
    }

    /// To a room's owner: sessions of this shard watch it.
    pub(super) fn watch_from(&self, room: Arc<str>, shard: usize) {
        let present = self.rooms().find(&room);
        if let Some(key) = present
            && let Role::Owner(owner) = &mut self.rooms().get_mut(key).role
        {
            owner.is_watched = true;
        }
        let mut gatherings = self.gatherings.borrow_mut();
        gatherings.entry(room).or_insert_with(Gathering::new).add_shard(shard);
    }

    /// To a room's owner: no session of this shard watches it any more.
    pub(super) fn unwatch_from(&self, room: &str, shard: usize) {
        let mut gatherings = self.gatherings.borrow_mut();
        let Some(gathering) = gatherings.get_mut(room) else { return };
        if !gathering.remove_shard(shard) {
            return;
        }
        // What was gathered for nobody is not told.
        self.env.relieve(self.shard, gathering.bytes());
        gatherings.remove(room);
        drop(gatherings);
        let present = self.rooms().find(room);
        if let Some(key) = present {
            self.let_linger(key);
            let mut rooms = self.rooms();
            if let Role::Owner(owner) = &mut rooms.get_mut(key).role {
                owner.is_watched = false;
            }
            rooms.remove_if_unused(key);
        }
    }
}
