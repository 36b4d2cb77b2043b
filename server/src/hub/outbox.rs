//! What waits to be written to one connection: finished frames, shared by reference.
//!
//! Knows bytes and sockets; nothing of rooms, sessions or limits.

use std::{collections::VecDeque, io};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;

/// Frames that leave in one vectored write, at most.
const PIECES_PER_WRITE: usize = 64;

/// How a flush ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing waits any more.
    All,
    /// The socket takes no more for now.
    Blocked,
}

/// A queue of frames. Owns no memory on the heap while at most one piece waits.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    first: Bytes,
    rest: VecDeque<Bytes>,
    bytes: usize,
}

impl Outbox {
    /// Queues whole frames.
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.bytes += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else {
            self.rest.push_back(piece);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes as much as the socket takes, everything that waits in one call.
    pub(super) fn flush(&mut self, socket: &TcpStream) -> io::Result<Flushed> {
        while self.bytes > 0 {
            let written = if self.rest.is_empty() {
                socket.try_write(&self.first)
            } else {
                self.write_vectored(socket)
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Flushed::Blocked);
                }
                Err(error) => return Err(error),
            }
        }
        if self.rest.capacity() > PIECES_PER_WRITE {
            self.rest = VecDeque::new();
        }
        Ok(Flushed::All)
    }

    fn write_vectored(&self, socket: &TcpStream) -> io::Result<usize> {
        let mut slices = [io::IoSlice::new(&[]); PIECES_PER_WRITE];
        let mut count = 0;
        for piece in std::iter::once(&self.first).chain(&self.rest).take(PIECES_PER_WRITE) {
            slices[count] = io::IoSlice::new(piece);
            count += 1;
        }
        socket.try_write_vectored(&slices[..count])
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        while count >= self.first.len() {
            count -= self.first.len();
            match self.rest.pop_front() {
                Some(piece) => self.first = piece,
                None => {
                    self.first = Bytes::new();
                    debug_assert_eq!(count, 0, "no more was written than waited");
                    return;
                }
            }
        }
        self.first.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_keeps_the_order_and_the_count() {
        let pieces: [&'static [u8]; 4] = [b"abc", b"", b"de", b"fghij"];
        for cut in 0..=10 {
            let mut outbox = Outbox::default();
            pieces.iter().for_each(|piece| outbox.push(Bytes::from_static(piece)));
            assert_eq!(outbox.bytes(), 10);
            outbox.advance(cut);
            let left: Vec<u8> = std::iter::once(&outbox.first)
                .chain(&outbox.rest)
                .flat_map(|piece| piece.iter().copied())
                .collect();
            assert_eq!(left, b"abcdefghij"[cut..]);
            assert_eq!(outbox.bytes(), left.len());
            assert_eq!(outbox.is_empty(), left.is_empty());
        }
    }
}
