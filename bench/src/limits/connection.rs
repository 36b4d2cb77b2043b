//! One connection of a yardstick: its socket, its undecoded bytes and what the socket did not take.
//!
//! It knows nothing of rooms.

use std::io;

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    fd::OwnedFd,
    io::Errno,
    net::{self, SendFlags},
};

/// A peer that leaves more than this unread is cut off.
const BACKLOG_BYTES_MAX: usize = 256 << 20;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The socket, non-blocking.
    pub(super) socket: OwnedFd,
    /// Whether the upgrade is done.
    pub(super) upgraded: bool,
    /// The room it joined.
    pub(super) room: Option<usize>,
    /// Who it said it is.
    pub(super) client_id: Box<[u8]>,
    /// Whether it wants acknowledgements.
    pub(super) ack: bool,
    /// The last submit of this turn and its sequence number.
    pub(super) accepted: Option<(u64, u64)>,
    /// The last turn in which it submitted.
    pub(super) wrote_in_turn: u64,
    /// Bytes received that are not a whole frame yet.
    pub(super) tail: Vec<u8>,
    backlog: Vec<u8>,
    backlog_sent: usize,
}

impl Connection {
    /// A connection just accepted.
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            upgraded: false,
            room: None,
            client_id: Box::default(),
            ack: false,
            accepted: None,
            wrote_in_turn: 0,
            tail: Vec::new(),
            backlog: Vec::new(),
            backlog_sent: 0,
        }
    }

    /// Sends `bytes`; keeps what the socket does not take and asks `epoll` to be told when it does.
    pub(super) fn send(&mut self, epoll: &OwnedFd, key: u64, bytes: &[u8]) -> io::Result<()> {
        if !self.backlog.is_empty() {
            return self.keep(bytes);
        }
        let sent = match net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(Errno::AGAIN) => 0,
            Err(errno) => return Err(errno.into()),
        };
        if sent < bytes.len() {
            self.keep(&bytes[sent..])?;
            let flags = EventFlags::IN | EventFlags::OUT;
            epoll::modify(epoll, &self.socket, EventData::new_u64(key), flags)?;
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.backlog.len() - self.backlog_sent + bytes.len() > BACKLOG_BYTES_MAX {
            return Err(io::Error::other("the peer does not read"));
        }
        self.backlog.extend_from_slice(bytes);
        Ok(())
    }

    /// Sends what was kept, as far as the socket takes it.
    pub(super) fn drain(&mut self, epoll: &OwnedFd, key: u64) -> io::Result<()> {
        while self.backlog_sent < self.backlog.len() {
            let waiting = &self.backlog[self.backlog_sent..];
            match net::send(&self.socket, waiting, SendFlags::NOSIGNAL) {
                Ok(sent) => self.backlog_sent += sent,
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
        self.backlog = Vec::new();
        self.backlog_sent = 0;
        epoll::modify(epoll, &self.socket, EventData::new_u64(key), EventFlags::IN)?;
        Ok(())
    }
}
