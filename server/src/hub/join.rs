//! Joining and leaving rooms, and moving connections to the shard that owns their room.
//!
//! A room's first followers are moved to its owner, so that their traffic crosses no mailbox. A
//! crowded room sends later ones back: their shard then mirrors the room.

use std::{cell::Cell, rc::Rc, sync::Arc};

use syncline_protocol::dialect::Dialect;
use tokio::net::TcpStream;

use super::{
    COMMAND_BYTES_EXTRA, Hub,
    catchup::CatchUp,
    collections::{Maps, Numbers, first_version},
    connection::{Connection, Parts},
    follow::{Follow, Wish},
    held::LastCounted,
    mail::{Handoff, Mail},
    owner_of,
    prepare::Readiness,
    room::{Owner, Role, Room, RoomKey},
};

/// A connection that has come from another shard, its room and what it wants there.
type Unpacked<D> = (Rc<Connection<D>>, Arc<str>, Wish<<D as Dialect>::Command>);

impl<D: Dialect> Hub<D> {
    /// A session asks to follow a room.
    pub(super) fn join(&self, connection: &Rc<Connection<D>>, room: &str, wish: Wish<D::Command>) {
        if connection.room().is_some() || connection.speaks_with_many() {
            return;
        }
        let owner = owner_of(room, self.mailboxes.len());
        let present = self.rooms().find(room);
        if let Some(key) = present
            && !matches!(self.rooms().get_mut(key).role, Role::Mirror { leaving: true, .. })
        {
            return self.follow(connection, key, wish);
        }
        if owner != self.shard {
            return connection.move_to(room.into(), wish);
        }
        match self.open_room(room.into()) {
            Ok(key) => self.follow(connection, key, wish),
            Err(error) => {
                tracing::error!(%error, "a room cannot be opened");
                connection.close(1011, "the room cannot be opened");
            }
        }
    }

    /// Makes a room present on the shard that owns it.
    pub(super) fn open_room(&self, name: Arc<str>) -> Result<RoomKey, syncline_engine::Error> {
        let log = self.log(&name)?;
        // A room is closed only when nothing of it waits any more: all there is, is durable.
        let numbers = Numbers::of(log.as_ref());
        let version = first_version(self.env.store.appended());
        let owner = Owner {
            state: self.dialect.room(&name),
            readiness: Readiness::of_new(),
            numbers,
            version: Cell::new(version),
            maps: Maps::default(),
            turn: None,
            pending: 0,
            mirrors: Vec::new(),
            lingers_until: None,
            is_watched: self.gatherings.borrow().contains_key(&name),
            durable_seq: numbers.last_seq,
            last_opening: LastCounted::default(),
        };
        Ok(self.rooms().insert(Room {
            name,
            role: Role::Owner(Box::new(owner)),
            followers: Vec::new(),
            framings: [0; 2],
            released: numbers.last_seq,
            version,
            log,
            entries: None,
        }))
    }

    fn follow(&self, connection: &Rc<Connection<D>>, key: RoomKey, wish: Wish<D::Command>) {
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        let owner = match &room.role {
            Role::Owner(_) => self.shard,
            Role::Mirror { owner, .. } => *owner,
        };
        match wish {
            Wish::Join { after } => {
                // Beyond the end there is nothing to send until the room goes on.
                let next = after.min(self.end_of(room, after)) + 1;
                room.add_follower(connection.clone());
                connection.set_room(key, owner, Follow::CatchUp(Box::new(CatchUp::joining(next))));
            }
            Wish::Open(opening) => {
                connection.expect_opening();
                room.add_follower(connection.clone());
                connection.set_room(key, owner, Follow::Opening);
                drop(rooms);
                self.command(connection, opening, COMMAND_BYTES_EXTRA, true);
            }
        }
    }

    /// The last record of a room that its followers may have been shown, as far as one who has
    /// `after` needs to know. A mirror may hear of it later than a client that was elsewhere before.
    fn end_of(&self, room: &Room<D>, after: u64) -> u64 {
        let Role::Mirror { .. } = room.role else { return room.released };
        if after <= room.released {
            return room.released;
        }
        let log = self.log(&room.name).ok().flatten();
        log.map_or(0, |log| log.next_seq().0 - 1).max(room.released)
    }

    /// Takes a connection that ends, or moves, out of its room.
    pub(super) fn leave(&self, connection: &Connection<D>) {
        let Some(key) = connection.room() else { return };
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        room.remove_follower(connection);
        self.leave_mirror(room);
        rooms.remove_if_unused(key);
    }

    /// Asks the owner of a room to send nothing any more, when nobody follows it here.
    fn leave_mirror(&self, room: &mut Room<D>) {
        if room.followers.is_empty()
            && let Role::Mirror { owner, follows, leaving: leaving @ false } = &mut room.role
        {
            *leaving = true;
            let (room, from, follows) = (room.name.clone(), self.shard, *follows);
            self.post(*owner, Mail::Unfollow { room, from, follows });
        }
    }

    /// Sends a connection, whose task has ended, to the shard that owns the room.
    pub(super) fn hand_over(
        &self,
        connection: Rc<Connection<D>>,
        room: Arc<str>,
        wish: Wish<D::Command>,
    ) {
        let Ok(connection) = Rc::try_unwrap(connection) else {
            debug_assert!(false, "nobody else holds a connection that has joined no room");
            return;
        };
        let Parts { socket, session, unread, outbox, open } = connection.into_parts();
        let socket = match socket.into_std() {
            Ok(socket) => socket,
            Err(error) => return tracing::warn!(%error, "a connection was lost on its way"),
        };
        let owner = owner_of(&room, self.mailboxes.len());
        let handoff = Box::new(Handoff { socket, session, unread, outbox, open, room, wish });
        self.post(owner, Mail::Adopt { handoff, from: self.shard });
    }

    /// Mail to the owner of a room: a connection that wants to join.
    pub(super) fn adopt(self: &Rc<Self>, handoff: Box<Handoff<D>>, from: usize) {
        let key = self.rooms().find(&handoff.room);
        let key = match key.map_or_else(|| self.open_room(handoff.room.clone()), Ok) {
            Ok(key) => key,
            Err(error) => {
                tracing::error!(%error, "a room cannot be opened");
                if let Some((connection, ..)) = self.unpack(*handoff) {
                    connection.close(1011, "the room cannot be opened");
                }
                return;
            }
        };
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        let (released, version) = (room.released, room.version);
        if room.followers.len() >= self.env.limits.followers_moved_max
            && let Role::Owner(owner) = &mut room.role
        {
            match owner.mirrors.iter_mut().find(|(shard, _)| *shard == from) {
                Some((_, follows)) => *follows += 1,
                None => owner.mirrors.push((from, 1)),
            }
            return self.post(from, Mail::Follow { handoff, released, version });
        }
        drop(rooms);
        match self.unpack(*handoff) {
            Some((connection, _, wish)) => self.follow(&connection, key, wish),
            None => self.rooms().remove_if_unused(key),
        }
    }

    /// Mail from a room's owner: this shard follows the room from `released` on.
    pub(super) fn mirror(self: &Rc<Self>, handoff: Handoff<D>, released: u64, version: u64) {
        let present = self.rooms().find(&handoff.room);
        let key = match present {
            Some(key) => key,
            None => {
                let owner = owner_of(&handoff.room, self.mailboxes.len());
                self.rooms().insert(Room {
                    name: handoff.room.clone(),
                    role: Role::Mirror { owner, follows: 0, leaving: false },
                    followers: Vec::new(),
                    framings: [0; 2],
                    released,
                    version,
                    log: None,
                    entries: None,
                })
            }
        };
        if let Role::Mirror { follows, leaving, .. } = &mut self.rooms().get_mut(key).role {
            *follows += 1;
            *leaving = false;
        }
        match self.unpack(handoff) {
            Some((connection, _, wish)) => self.follow(&connection, key, wish),
            None => self.leave_mirror(self.rooms().get_mut(key)),
        }
    }

    fn unpack(self: &Rc<Self>, handoff: Handoff<D>) -> Option<Unpacked<D>> {
        let Handoff { socket, session, unread, outbox, open, room, wish } = handoff;
        let socket = TcpStream::from_std(socket).ok()?;
        Some((self.admit(Parts { socket, session, unread, outbox, open }), room, wish))
    }

    /// Mail to a room's owner: a mirror has no followers left. When one is on its way to it, it
    /// will ask again.
    pub(super) fn unfollow(&self, name: Arc<str>, from: usize, follows: u64) {
        let Some(key) = self.rooms().find(&name) else { return };
        let mut rooms = self.rooms();
        if let Role::Owner(owner) = &mut rooms.get_mut(key).role
            && let Some(place) = owner.mirrors.iter().position(|mirror| *mirror == (from, follows))
        {
            owner.mirrors.swap_remove(place);
            self.post(from, Mail::Unfollowed { room: name });
        }
        rooms.remove_if_unused(key);
    }

    /// Mail from a room's owner: no release of it will come here any more.
    pub(super) fn unfollowed(&self, name: &str) {
        let Some(key) = self.rooms().find(name) else { return };
        debug_assert!(
            self.rooms().get_mut(key).followers.is_empty(),
            "nobody joins a mirror that is leaving"
        );
        self.rooms().remove(key);
    }
}
