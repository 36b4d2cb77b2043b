//! One connection of the generator: its socket, its undecoded bytes and what it still has to send.

use std::{io, net::TcpStream};

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    fd::OwnedFd,
    io::Errno,
    net::{self, SendFlags},
};

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    /// The socket, non-blocking; `None` once it is closed.
    pub(super) socket: Option<TcpStream>,
    /// Bytes received that are not a whole message yet.
    pub(super) tail: Vec<u8>,
    /// Finished messages that wait for the end of the turn, or for the socket.
    pub(super) out: Vec<u8>,
    out_sent: usize,
    waits: bool,
}

impl Link {
    /// A connection whose TCP handshake is done.
    pub(super) fn new(socket: TcpStream) -> Self {
        let (tail, out) = (Vec::new(), Vec::new());
        Self { socket: Some(socket), tail, out, out_sent: 0, waits: false }
    }

    /// Sends what waits, as far as the socket takes it; asks `epoll` to be told when it takes more.
    pub(super) fn flush(&mut self, epoll: &OwnedFd, key: usize) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        while self.out_sent < self.out.len() {
            match net::send(socket, &self.out[self.out_sent..], SendFlags::NOSIGNAL) {
                Ok(sent) => self.out_sent += sent,
                Err(Errno::AGAIN) => return self.interest(epoll, key, true),
                Err(errno) => return Err(errno.into()),
            }
        }
        self.out.clear();
        self.out_sent = 0;
        self.interest(epoll, key, false)
    }

    fn interest(&mut self, epoll: &OwnedFd, key: usize, waits: bool) -> io::Result<()> {
        if let (Some(socket), true) = (&self.socket, self.waits != waits) {
            let flags = if waits { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(epoll, socket, EventData::new_u64(key as u64), flags)?;
            self.waits = waits;
        }
        Ok(())
    }
}
