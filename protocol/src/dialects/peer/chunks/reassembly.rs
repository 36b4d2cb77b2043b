//! The streams of a room that are not whole yet: bounded by count, bytes and time, over all and per
//! sender (dossier, 1.6 and section 4, H10).
//!
//! Knows senders by their keys only.

use std::{collections::HashMap, time::Duration};

use super::{
    ChunkFault, JSON_BYTES_MAX, PIECES_MAX,
    pieces::join,
    stream::{Shape, Stream},
};
use crate::dialects::peer::{id::RequestId, now::Now};

/// Bytes that the streams of one sender take in memory, at most.
pub const SENDER_BYTES_MAX: usize = 32 << 20;
/// Bytes that the streams of a room take in memory, at most.
pub const ROOM_BYTES_MAX: usize = 128 << 20;
/// Streams of one sender, at most.
pub const STREAMS_PER_SENDER_MAX: usize = 64;
/// Streams of a room, at most.
pub const STREAMS_MAX: usize = 1024;
/// A stream that gets no new piece for so long is dropped; and for so long it is remembered that a stream
/// became whole.
pub const IDLE_MAX: Duration = Duration::from_secs(30);
/// Streams of which it is remembered that they became whole, at most.
pub const FINISHED_MAX: usize = 1024;

/// What a piece says of itself and of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which it is, from 0.
    pub index: i32,
    /// Of how many.
    pub count: u32,
    /// Whether it says that it is the last.
    pub is_last: bool,
    /// Bytes of the JSON when the pieces together are a frame of zstd; 0 when they are the JSON.
    pub uncompressed_size: i32,
    /// The epoch of the group key that sealed it.
    pub epoch: u64,
}

impl Place {
    fn checked(self) -> Result<(u32, Shape), ChunkFault> {
        let Self { count, epoch, .. } = self;
        let index = u32::try_from(self.index).map_err(|_| ChunkFault::BadPlace)?;
        if !(1..=PIECES_MAX).contains(&count) || index >= count {
            return Err(ChunkFault::BadPlace);
        }
        if self.is_last != (index == count - 1) {
            return Err(ChunkFault::BadPlace);
        }
        match usize::try_from(self.uncompressed_size) {
            Ok(size) if size <= JSON_BYTES_MAX => Ok((index, Shape { count, size, epoch })),
            _ => Err(ChunkFault::BadSize),
        }
    }
}

type Name = ([u8; 32], RequestId);

/// The streams of one room that are not whole yet.
#[derive(Debug, Default)]
pub struct Reassembly {
    streams: HashMap<Name, Stream>,
    bytes: usize,
    /// When streams became whole: late copies of their pieces begin nothing.
    finished: HashMap<Name, Duration>,
    /// Streams that went to make room and are not told yet.
    evicted: usize,
}

impl Reassembly {
    /// Takes a piece whose signature and sealing were checked, and gives the JSON when it was the last
    /// that was missing. A piece that is here already changes nothing.
    ///
    /// Streams are told apart by the sender's key and the request. Within [`IDLE_MAX`] the request of a
    /// stream of several pieces that became whole must not be used for another.
    ///
    /// # Errors
    /// [`ChunkFault`]; but for [`ChunkFault::BadPlace`] and [`ChunkFault::BadSize`], what was here of the
    /// stream is gone.
    pub fn take(
        &mut self,
        sender: &[u8; 32],
        request: &RequestId,
        place: Place,
        piece: &[u8],
        now: Now,
    ) -> Result<Option<Vec<u8>>, ChunkFault> {
        let (index, shape) = place.checked()?;
        if shape.count == 1 {
            return join(piece.to_vec(), shape.size).map(Some);
        }
        let name = (*sender, request.clone());
        if self.has_finished(&name, now) {
            return Ok(None);
        }
        match self.streams.get(&name) {
            Some(stream) if stream.shape != shape => {
                self.drop_stream(&name);
                return Err(ChunkFault::Mismatch);
            }
            Some(stream) if stream.has(index) => return Ok(None),
            _ => {}
        }
        if let Err(fault) = self.make_room(&name, Stream::cost(piece)) {
            self.drop_stream(&name);
            return Err(fault);
        }
        let bytes = &mut self.bytes;
        let stream = self.streams.entry(name.clone()).or_insert_with(|| {
            *bytes += Stream::EMPTY_BYTES;
            Stream::new(shape, now.elapsed)
        });
        stream.add(index, piece, now.elapsed);
        self.bytes += Stream::cost(piece);
        if !stream.is_whole() {
            return Ok(None);
        }
        let Some(stream) = self.drop_stream(&name) else { return Ok(None) };
        self.finish(name, now);
        join(stream.into_whole(), shape.size).map(Some)
    }

    /// Drops the streams that got no new piece for [`IDLE_MAX`]. Returns how many, with those that went
    /// to make room for other senders since the last call.
    pub fn expire(&mut self, now: Now) -> usize {
        let idle =
            self.streams.iter().filter(|(_, stream)| stream.progress + IDLE_MAX <= now.elapsed);
        let idle: Vec<Name> = idle.map(|(name, _)| name.clone()).collect();
        idle.iter().for_each(|name| drop(self.drop_stream(name)));
        idle.len() + std::mem::take(&mut self.evicted)
    }

    /// When [`expire`](Self::expire) has something to do; `None` while there is no stream.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.streams.values().map(|stream| stream.progress + IDLE_MAX).min()
    }

    /// Bytes that all streams take in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Streams that are not whole yet.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Forgets all streams of a sender: its key is not believed any more.
    pub fn forget(&mut self, sender: &[u8; 32]) {
        let of_sender = self.streams.keys().filter(|(key, _)| key == sender);
        let names: Vec<Name> = of_sender.cloned().collect();
        names.iter().for_each(|name| drop(self.drop_stream(name)));
    }

    /// Whether a piece of this cost has a place. When the room is full, the sender that has most in it
    /// loses what waits longest, if that is another.
    fn make_room(&mut self, name: &Name, cost: usize) -> Result<(), ChunkFault> {
        let is_new = !self.streams.contains_key(name);
        let cost = cost + if is_new { Stream::EMPTY_BYTES } else { 0 };
        let (streams, bytes) = self.share(&name.0);
        if bytes + cost > SENDER_BYTES_MAX || (is_new && streams >= STREAMS_PER_SENDER_MAX) {
            return Err(ChunkFault::SenderFull);
        }
        while self.bytes + cost > ROOM_BYTES_MAX || (is_new && self.streams.len() >= STREAMS_MAX) {
            let greediest = self.greediest().filter(|(sender, _)| *sender != name.0);
            let Some((_, victim)) = greediest else { return Err(ChunkFault::RoomFull) };
            self.drop_stream(&victim);
            self.evicted += 1;
        }
        Ok(())
    }

    /// Streams and bytes of a sender.
    fn share(&self, sender: &[u8; 32]) -> (usize, usize) {
        let of_sender = self.streams.iter().filter(|((key, _), _)| key == sender);
        of_sender
            .fold((0, 0), |(streams, bytes), (_, stream)| (streams + 1, bytes + stream.bytes()))
    }

    /// The sender with most bytes here, and its stream that has waited longest.
    fn greediest(&self) -> Option<([u8; 32], Name)> {
        let mut shares: HashMap<[u8; 32], usize> = HashMap::new();
        for ((sender, _), stream) in &self.streams {
            *shares.entry(*sender).or_default() += stream.bytes();
        }
        let (sender, _) = shares.into_iter().max_by_key(|&(sender, bytes)| (bytes, sender))?;
        let of_sender = self.streams.iter().filter(|((key, _), _)| *key == sender);
        let oldest = of_sender.min_by_key(|((_, request), stream)| (stream.progress, request))?;
        Some((sender, oldest.0.clone()))
    }

    fn drop_stream(&mut self, name: &Name) -> Option<Stream> {
        let stream = self.streams.remove(name)?;
        self.bytes -= stream.bytes();
        Some(stream)
    }

    fn has_finished(&self, name: &Name, now: Now) -> bool {
        self.finished.get(name).is_some_and(|since| *since + IDLE_MAX > now.elapsed)
    }

    fn finish(&mut self, name: Name, now: Now) {
        if self.finished.len() >= FINISHED_MAX {
            self.finished.retain(|_, since| *since + IDLE_MAX > now.elapsed);
        }
        if self.finished.len() >= FINISHED_MAX {
            let oldest = self.finished.iter().min_by_key(|(name, since)| (**since, *name));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.finished.remove(&oldest);
            }
        }
        self.finished.insert(name, now.elapsed);
    }
}
