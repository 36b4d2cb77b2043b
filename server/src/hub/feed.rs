//! Feeding a connection at its own pace: from the log, or with the newest of the entries that it has
//! missed.
//!
//! Feeding ends when everything released was sent, in the same instant in which nothing can be
//! released: so every record reaches a follower exactly once, and of every entry the newest.

use std::rc::Rc;

use syncline_engine::{Error, Log, Map};
use syncline_protocol::dialect::{Dialect, Session};

use super::{
    Hub,
    catchup::CHUNK_BYTES,
    connection::Connection,
    follow::{Fed, Follow},
    frames::{entry_frame, message_frame, record_frame},
    names::{log_name, map_name},
    room::{Room, RoomKey},
};

/// Keys looked up at a time.
const KEYS_PER_FEED: usize = 1_024;

/// Some entries, and what they were for.
#[derive(Default)]
struct Entries {
    frames: Vec<u8>,
    resends: u64,
}

impl<D: Dialect> Hub<D> {
    /// Queues the next chunk for a connection that is fed, and makes it live when there is none.
    pub(super) fn feed(&self, connection: &Rc<Connection<D>>) -> Fed {
        let Some(key) = connection.room() else { return self.drain_many(connection) };
        let follow = connection.follow();
        match &*follow {
            Follow::Nothing | Follow::Opening | Follow::Live | Follow::Many(_) => Fed::Nothing,
            Follow::CatchUp(_) => {
                drop(follow);
                self.feed_records(connection, key)
            }
            Follow::Behind(_) => {
                drop(follow);
                self.feed_entries(connection, key)
            }
            Follow::Replay(_) => {
                drop(follow);
                self.feed_replay(connection, key)
            }
        }
    }

    /// Tells a session that speaks with many rooms, and was behind, that its peer has taken all.
    fn drain_many(&self, connection: &Rc<Connection<D>>) -> Fed {
        let was_behind = match &mut *connection.follow() {
            Follow::Many(many) => many.set_behind(false),
            _ => false,
        };
        if !was_behind || self.deaf.get() {
            return Fed::Nothing;
        }
        self.with_session(connection, Session::drained);
        Fed::Some
    }

    fn feed_records(&self, connection: &Rc<Connection<D>>, key: RoomKey) -> Fed {
        let mut follow = connection.follow();
        let Follow::CatchUp(cursor) = &mut *follow else { return Fed::Nothing };
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        if cursor.is_ahead_of(room.released) {
            return Fed::Nothing;
        }
        let (name, released) = (room.name.clone(), room.released);
        if cursor.is_through(released) {
            let joining = cursor.is_joining();
            *follow = Follow::Live;
            drop((follow, rooms));
            if joining {
                self.tell_caught_up(connection, released);
            }
            return Fed::Some;
        }
        let framing = connection.framing();
        let chunk = self.log_of(room).and_then(|log| {
            cursor.read_chunk(log, released, |seq, record, out| {
                record_frame(self.dialect(), framing, &name, seq, record, out);
            })
        });
        drop((follow, rooms));
        match chunk {
            Ok(chunk) => {
                self.counters().caught_up_bytes.increment(chunk.len() as u64);
                connection.send_from_task(chunk.into());
                Fed::Some
            }
            Err(error) => {
                tracing::error!(%error, "history cannot be read");
                connection.close(1011, "history cannot be read");
                Fed::Nothing
            }
        }
    }

    /// The room's log, for reading.
    fn log_of<'a>(&self, room: &'a mut Room<D>) -> Result<&'a Log, Error> {
        if room.log.is_none() {
            room.log = Some(self.env.store.log(&log_name::<D>(&room.name))?);
        }
        room.log.as_ref().ok_or(Error::Poisoned)
    }

    pub(super) fn tell_caught_up(&self, connection: &Rc<Connection<D>>, seq: u64) {
        let message = connection.session().caught_up(seq);
        if let Some(message) = message {
            connection.send_from_task(message_frame(connection.framing(), &message));
        }
    }

    fn feed_entries(&self, connection: &Rc<Connection<D>>, key: RoomKey) -> Fed {
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        let read =
            self.entries_of(room).and_then(|map| self.read_entries(connection, map, room.version));
        let version = room.version;
        drop(rooms);
        let Entries { frames, resends } = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "entries cannot be read");
                connection.close(1011, "entries cannot be read");
                return Fed::Nothing;
            }
        };
        self.counters().resends.increment(resends);
        let something = !frames.is_empty();
        if something {
            self.counters().caught_up_bytes.increment(frames.len() as u64);
            connection.send_from_task(frames.into());
        }
        let mut follow = connection.follow();
        let through = matches!(&*follow, Follow::Behind(behind) if behind.is_empty());
        if through {
            *follow = Follow::Live;
        }
        drop(follow);
        connection.note_fed(something, through.then_some(version), resends);
        Fed::Some
    }

    /// Map 0 of a room, for reading, if it exists.
    fn entries_of(&self, room: &mut Room<D>) -> Result<Option<Map>, Error> {
        if room.entries.is_none() {
            room.entries = self.env.store.find_map(&map_name::<D>(&room.name, 0))?;
        }
        Ok(room.entries.clone())
    }

    /// Takes keys out of what a connection has missed, and makes frames of their entries as far as
    /// these are visible already: of newer ones the release is still to come.
    fn read_entries(
        &self,
        connection: &Connection<D>,
        map: Option<Map>,
        visible: u64,
    ) -> Result<Entries, Error> {
        let mut read = Entries::default();
        let mut follow = connection.follow();
        let Follow::Behind(behind) = &mut *follow else { return Ok(read) };
        for _ in 0..KEYS_PER_FEED {
            if read.frames.len() >= CHUNK_BYTES {
                break;
            }
            let Some((key, resends)) = behind.next() else { break };
            read.resends += resends;
            let Some(map) = &map else { continue };
            let Some(value) = map.get(&key)? else { continue };
            let start = read.frames.len();
            let version =
                entry_frame(self.dialect(), connection.framing(), &key, &value, &mut read.frames);
            if version.is_none_or(|version| version > visible) {
                read.frames.truncate(start);
            }
        }
        Ok(read)
    }
}
