//! The rooms present on one shard: those it owns, and those it only follows for its connections.
//!
//! Keeps who follows which room. Nothing here commits, writes or decodes.

use std::{cell::Cell, rc::Rc, sync::Arc};

use hashbrown::HashMap;
use slab::Slab;
use syncline_engine::{Log, Map};
use syncline_protocol::dialect::Dialect;

use super::{
    collections::{Maps, Numbers},
    connection::Connection,
    frames::framing_index,
    held::LastCounted,
    prepare::Readiness,
};

/// The place of a room in its hub.
pub(super) type RoomKey = usize;

/// A room, as one shard sees it.
pub(super) struct Room<D: Dialect> {
    pub(super) name: Arc<str>,
    pub(super) role: Role<D>,
    pub(super) followers: Vec<Rc<Connection<D>>>,
    /// How many followers use each framing.
    pub(super) framings: [u32; 2],
    /// The last sequence number that is visible here.
    pub(super) released: u64,
    /// The last version that is visible here.
    pub(super) version: u64,
    /// The room's log, once it has records.
    pub(super) log: Option<Log>,
    /// Its map 0, once it has entries and somebody was fed with them.
    pub(super) entries: Option<Map>,
}

/// What a shard is to a room.
pub(super) enum Role<D: Dialect> {
    /// It applies the commands.
    Owner(Box<Owner<D>>),
    /// It has followers of a room that another shard owns.
    Mirror {
        owner: usize,
        /// How often the owner sent a connection back to be kept here.
        follows: u64,
        /// The owner was asked to send nothing any more.
        leaving: bool,
    },
}

/// What only a room's owner has.
pub(super) struct Owner<D: Dialect> {
    pub(super) state: D::Room,
    pub(super) readiness: Readiness<D>,
    /// How far it has come, visible or not.
    pub(super) numbers: Numbers,
    /// The last version given, visible or not.
    pub(super) version: Cell<u64>,
    pub(super) maps: Maps,
    /// The room's place in the turn that is being filled.
    pub(super) turn: Option<usize>,
    /// Turns that are committed and not yet released.
    pub(super) pending: u32,
    /// Shards that follow, and how many connections each was sent back to keep.
    pub(super) mirrors: Vec<(usize, u64)>,
    /// It was called, and stays until this tick though nobody may follow it.
    pub(super) lingers_until: Option<u32>,
    /// Somebody is to be told what it tells.
    pub(super) is_watched: bool,
    /// The last record that is known to be durable, where it writes behind.
    pub(super) durable_seq: u64,
    pub(super) last_opening: LastCounted,
}

impl<D: Dialect> Room<D> {
    /// Whether nobody needs it here any more.
    pub(super) fn is_unused(&self) -> bool {
        self.is_idle()
            && match &self.role {
                Role::Owner(owner) => owner.lingers_until.is_none(),
                Role::Mirror { .. } => false,
            }
    }

    /// Whether nobody needs it here now, though it may linger.
    pub(super) fn is_idle(&self) -> bool {
        self.followers.is_empty()
            && match &self.role {
                Role::Owner(owner) => {
                    owner.turn.is_none()
                        && owner.pending == 0
                        && owner.mirrors.is_empty()
                        && !owner.is_watched
                        && !matches!(owner.readiness, Readiness::Preparing(_))
                }
                Role::Mirror { .. } => false,
            }
    }

    pub(super) fn add_follower(&mut self, connection: Rc<Connection<D>>) {
        self.framings[framing_index(connection.framing())] += 1;
        connection.set_place(self.followers.len());
        self.followers.push(connection);
    }

    pub(super) fn remove_follower(&mut self, connection: &Connection<D>) {
        let place = connection.place();
        debug_assert!(std::ptr::eq(&*self.followers[place], connection), "it follows this room");
        self.framings[framing_index(connection.framing())] -= 1;
        self.followers.swap_remove(place);
        if let Some(moved) = self.followers.get(place) {
            moved.set_place(place);
        }
    }
}

/// All rooms present on one shard.
pub(super) struct Rooms<D: Dialect> {
    names: HashMap<Arc<str>, RoomKey>,
    rooms: Slab<Room<D>>,
}

impl<D: Dialect> Rooms<D> {
    pub(super) fn new() -> Self {
        Self { names: HashMap::new(), rooms: Slab::new() }
    }

    pub(super) fn find(&self, name: &str) -> Option<RoomKey> {
        self.names.get(name).copied()
    }

    pub(super) fn insert(&mut self, room: Room<D>) -> RoomKey {
        let name = room.name.clone();
        let key = self.rooms.insert(room);
        let before = self.names.insert(name, key);
        debug_assert!(before.is_none(), "a room is present once");
        key
    }

    pub(super) fn get_mut(&mut self, key: RoomKey) -> &mut Room<D> {
        &mut self.rooms[key]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (RoomKey, &Room<D>)> {
        self.rooms.iter()
    }

    /// Whether there is a room at this place.
    pub(super) fn has(&self, key: RoomKey) -> bool {
        self.rooms.contains(key)
    }

    pub(super) fn remove(&mut self, key: RoomKey) {
        let room = self.rooms.remove(key);
        self.names.remove(&room.name);
    }

    pub(super) fn remove_if_unused(&mut self, key: RoomKey) {
        if self.rooms[key].is_unused() {
            self.remove(key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }
}
