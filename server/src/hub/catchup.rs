//! Feeding a connection from the log at its own pace: for those who join and those who lag.
//!
//! One path serves both. It ends when the cursor has reached what is released, in the same
//! instant in which nothing can be released: so every record reaches a follower exactly once.

use std::{collections::VecDeque, rc::Rc};

use syncline_engine::{Error, Log, LogReader, Seq};
use syncline_protocol::dialect::{Dialect, Session};

use super::{
    Hub,
    connection::{Connection, Follow},
    frames::{message_frame, record_frame},
    names::log_name,
    room::Room,
};

/// Bytes of history encoded at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// What a record takes on the wire, for a first guess of a chunk's size.
const RECORD_BYTES_GUESS: usize = 256;
/// A connection that lags takes no more commands when it has this many records of its own to skip.
pub(super) const OWN_RECORDS_MAX: usize = 4_096;

/// A cursor into a room's log.
#[derive(Debug)]
pub(super) struct CatchUp {
    next: u64,
    /// Records from `next` on that the connection sent itself since it joined: it gets none back.
    own: VecDeque<u64>,
    /// Reads up to and with the given sequence number.
    reader: Option<(LogReader, u64)>,
    /// The session has asked for history and is to be told when it has it all.
    joining: bool,
}

/// What [`Hub::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// The connection is not catching up, or has to wait for the next release.
    Nothing,
    /// Something was queued, or the live end was reached.
    Some,
}

impl CatchUp {
    pub(super) fn joining(next: u64) -> Self {
        Self { next, own: VecDeque::new(), reader: None, joining: true }
    }

    pub(super) fn lagging(next: u64) -> Self {
        Self { next, own: VecDeque::new(), reader: None, joining: false }
    }

    /// Remembers records that the connection sent itself.
    pub(super) fn skip(&mut self, seqs: impl Iterator<Item = u64>) {
        self.own.extend(seqs);
    }

    /// Whether it begins behind what this shard has heard of yet: then it waits for that.
    pub(super) fn is_ahead_of(&self, released: u64) -> bool {
        self.next > released + 1
    }

    pub(super) fn own_records(&self) -> usize {
        self.own.len()
    }

    /// The next records up to `released`, encoded one behind the other by `deliver`.
    fn read_chunk(
        &mut self,
        log: &Log,
        released: u64,
        mut deliver: impl FnMut(u64, &[u8], &mut Vec<u8>),
    ) -> Result<Vec<u8>, Error> {
        let (reader, end) =
            self.reader.get_or_insert_with(|| (log.read(Seq(self.next)..=Seq(released)), released));
        let left = (*end + 1 - self.next) as usize;
        let guess = CHUNK_BYTES.min(left.saturating_mul(RECORD_BYTES_GUESS));
        let mut chunk = Vec::with_capacity(guess);
        while chunk.len() < CHUNK_BYTES {
            let Some(record) = reader.next_ref() else {
                // Read to the end, or trimmed: go on behind what was visible then.
                self.next = *end + 1;
                self.reader = None;
                break;
            };
            let (Seq(seq), payload) = record?;
            self.next = seq + 1;
            while self.own.front().is_some_and(|own| *own < seq) {
                self.own.pop_front();
            }
            if self.own.front() != Some(&seq) {
                deliver(seq, payload, &mut chunk);
            }
        }
        Ok(chunk)
    }
}

impl<D: Dialect> Hub<D> {
    /// Queues the next chunk of history for a connection that catches up, and makes it live when
    /// there is none.
    pub(super) fn feed(&self, connection: &Rc<Connection<D>>) -> Fed {
        let Some(key) = connection.room() else { return Fed::Nothing };
        let mut follow = connection.follow();
        let Follow::CatchUp(cursor) = &mut *follow else { return Fed::Nothing };
        let mut rooms = self.rooms();
        let room = rooms.get_mut(key);
        if cursor.is_ahead_of(room.released) {
            return Fed::Nothing;
        }
        if cursor.next > room.released {
            let joining = cursor.joining;
            let released = room.released;
            *follow = Follow::Live;
            drop((follow, rooms));
            if joining {
                self.tell_caught_up(connection, released);
            }
            return Fed::Some;
        }
        let (name, released) = (room.name.clone(), room.released);
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

    fn tell_caught_up(&self, connection: &Rc<Connection<D>>, seq: u64) {
        let message = connection.session().caught_up(seq);
        if let Some(message) = message {
            connection.send_from_task(message_frame(connection.framing(), &message));
        }
    }
}
