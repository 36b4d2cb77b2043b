//! A connection that gets what its room kept before it gets what is relayed: the records are read at its own
//! pace, and what is relayed meanwhile is held.
//!
//! What is read was committed before its opening message was shown. It may not be durable yet, no more than what
//! is relayed.

use std::{collections::VecDeque, rc::Rc, sync::Arc};

use bytes::Bytes;
use syncline_engine::{Error, Log, LogReader, Seq};
use syncline_protocol::dialect::{Dialect, Queue, Session as _};

use super::{
    Hub,
    catchup::CHUNK_BYTES,
    connection::Connection,
    follow::{Fed, Follow},
    frames::{message_frame, replay_frame},
    relayed::Whole,
    room::RoomKey,
};

/// Records read at a time, and bytes of them: most may be for others.
const RECORDS_PER_CHUNK: usize = 4_096;
const READ_BYTES_PER_CHUNK: usize = 1 << 20;

/// What a member is to be sent of what its room has kept.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The last record that it has.
    pub(super) after: u64,
    /// The last record that it is sent.
    pub(super) end: u64,
    /// The last record that no power cut takes back: no later one's number is told.
    pub(super) certain: u64,
    /// As whom it reads them.
    pub(super) reader: Arc<str>,
}

/// A replay under way.
#[derive(Debug)]
pub(super) struct Replay {
    wanted: Wanted,
    /// The last record that the session was told of.
    told: u64,
    log: Option<LogReader>,
    /// Relayed since the opening message, and how many frames each piece has.
    held: VecDeque<(Bytes, u32)>,
    held_load: Queue,
}

impl Replay {
    pub(super) fn new(wanted: Wanted) -> Self {
        let held_load = Queue { frames_max: 0, bytes_max: 0 };
        let told = wanted.after;
        Self { wanted, told, log: None, held: VecDeque::new(), held_load }
    }

    /// Holds what is relayed. False when that is more than may wait.
    pub(super) fn hold(&mut self, piece: Bytes, frames: u32, whole: Whole, max: Queue) -> bool {
        let Queue { frames_max: all_frames, bytes_max: all_bytes } = &mut self.held_load;
        *all_frames += frames as usize;
        *all_bytes += piece.len();
        if *all_frames > max.frames_max || *all_bytes > max.bytes_max {
            return false;
        }
        let piece = if whole == Whole::Yes { piece } else { Bytes::copy_from_slice(&piece) };
        self.held.push_back((piece, frames));
        true
    }

    /// Everything that is held, in order.
    fn take_held(&mut self) -> VecDeque<(Bytes, u32)> {
        std::mem::take(&mut self.held)
    }

    fn is_through(&self) -> bool {
        self.wanted.after >= self.wanted.end
    }

    /// How far it has come, when that can be told and has moved. At the end something else is said.
    fn take_untold(&mut self) -> Option<u64> {
        let reached = self.wanted.after.min(self.wanted.certain);
        let moves = reached > self.told && !self.is_through();
        moves.then(|| {
            self.told = reached;
            reached
        })
    }

    /// The frames of the next records. Empty where none is for this reader.
    fn read_chunk<D: Dialect>(&mut self, log: &Log, dialect: &D) -> Result<Vec<u8>, Error> {
        let Wanted { after, end, reader, .. } = &mut self.wanted;
        let records = self.log.get_or_insert_with(|| log.read(Seq(*after + 1)..=Seq(*end)));
        let (mut chunk, mut read) = (Vec::new(), 0);
        for _ in 0..RECORDS_PER_CHUNK {
            if chunk.len() >= CHUNK_BYTES || read >= READ_BYTES_PER_CHUNK {
                break;
            }
            let Some(record) = records.next_ref() else {
                // Read to the end, or trimmed.
                *after = *end;
                break;
            };
            let (Seq(seq), payload) = record?;
            read += payload.len();
            *after = seq;
            replay_frame(dialect, reader, seq, payload, &mut chunk);
        }
        Ok(chunk)
    }
}

impl<D: Dialect> Hub<D> {
    /// Queues the next records for a connection that gets what was kept; when there are no more, what was
    /// held for it, and makes it live.
    pub(super) fn feed_replay(&self, connection: &Rc<Connection<D>>, key: RoomKey) -> Fed {
        let name = self.rooms().get_mut(key).name.clone();
        let mut follow = connection.follow();
        let Follow::Replay(replay) = &mut *follow else { return Fed::Nothing };
        if replay.is_through() {
            let held = replay.take_held();
            let end = replay.wanted.end;
            *follow = Follow::Live;
            drop(follow);
            self.tell_caught_up(connection, end);
            held.into_iter().for_each(|(piece, frames)| connection.send_held(piece, frames));
            return Fed::Some;
        }
        let chunk = self.log(&name).and_then(|log| match log {
            Some(log) => replay.read_chunk(&log, &self.dialect),
            None => {
                replay.wanted.after = replay.wanted.end;
                Ok(Vec::new())
            }
        });
        let reached = replay.take_untold();
        drop(follow);
        match chunk {
            Ok(chunk) => {
                self.counters().caught_up_bytes.increment(chunk.len() as u64);
                connection.send_from_task(chunk.into());
                if let Some(message) = reached.and_then(|seq| connection.session().replayed(seq)) {
                    connection.send_from_task(message_frame(connection.framing(), &message));
                }
                Fed::Some
            }
            Err(error) => {
                tracing::error!(%error, "history cannot be read");
                connection.close(1011, "history cannot be read");
                Fed::Nothing
            }
        }
    }
}
