//! The generator's event loop: many connections on one thread, read when they are ready, sent once per turn.
//!
//! Bytes only: what they mean is said by who reads them.

use std::{
    io, mem,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
    fd::OwnedFd,
    io::Errno,
    net::{self as sys, RecvFlags},
};

use super::link::Link;
use crate::error::Error;

const EVENTS_MAX: usize = 1024;
const RECEIVE_BYTES: usize = 512 << 10;

/// Unused bytes up to so many are copied into the shared buffer before more is read; more than that grow where they
/// are, or a long message would be copied as often as a part of it comes.
const COPIED_MAX: usize = 64 << 10;

/// All connections of one run.
pub(super) struct Net {
    address: SocketAddr,
    epoll: OwnedFd,
    links: Vec<Link>,
    events: Vec<epoll::Event>,
    ready: Vec<usize>,
    buffer: Vec<u8>,
    /// Connections with something to send at the end of the turn.
    talking: Vec<usize>,
    started: Instant,
    /// Reads that brought something.
    pub(super) reads: u64,
    /// Messages received, as their readers count them.
    pub(super) messages: u64,
}

/// What a connection has received and nobody has taken yet.
pub(super) struct Received {
    buffer: Vec<u8>,
    /// Whether the buffer is the one that all connections share.
    shared: bool,
}

impl Received {
    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }
}

impl Net {
    /// No connections yet; they will go to `address`.
    pub(super) fn new(address: SocketAddr) -> Result<Self, Error> {
        Ok(Self {
            address,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            links: Vec::new(),
            events: Vec::with_capacity(EVENTS_MAX),
            ready: Vec::with_capacity(EVENTS_MAX),
            buffer: Vec::with_capacity(RECEIVE_BYTES),
            talking: Vec::new(),
            started: Instant::now(),
            reads: 0,
            messages: 0,
        })
    }

    /// The server.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nanoseconds since this was made.
    pub(super) fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Connects. Links are numbered from 0.
    pub(super) fn connect(&mut self) -> Result<usize, Error> {
        let address = self.address;
        let socket = TcpStream::connect(address)
            .map_err(|error| Error::Server(format!("cannot connect to {address}: {error}")))?;
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let key = self.links.len();
        epoll::add(&self.epoll, &socket, EventData::new_u64(key as u64), EventFlags::IN)?;
        self.links.push(Link::new(socket));
        Ok(key)
    }

    /// Closes a connection.
    pub(super) fn close(&mut self, link: usize) {
        self.links[link].socket = None;
    }

    /// Where what leaves at the end of the turn is appended.
    pub(super) fn out(&mut self, link: usize) -> &mut Vec<u8> {
        let out = &mut self.links[link].out;
        if out.is_empty() {
            self.talking.push(link);
        }
        out
    }

    /// Sends what is queued and waits up to `wait` for something to arrive: the links that are ready. The list
    /// comes back with [`Self::turned`].
    pub(super) fn wait(&mut self, wait: Duration) -> Result<Vec<usize>, Error> {
        self.flush()?;
        self.events.clear();
        let timeout =
            Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut ready = mem::take(&mut self.ready);
        ready.clear();
        for event in &self.events {
            let (link, flags) = (event.data.u64() as usize, event.flags);
            if flags.contains(EventFlags::OUT) {
                self.links[link].flush(&self.epoll, link)?;
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                ready.push(link);
            }
        }
        Ok(ready)
    }

    /// Ends a turn: sends what was said in it.
    pub(super) fn turned(&mut self, ready: Vec<usize>) -> Result<(), Error> {
        self.ready = ready;
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Error> {
        for link in self.talking.drain(..) {
            self.links[link]
                .flush(&self.epoll, link)
                .map_err(|error| Error::Server(format!("connection {link} ended: {error}")))?;
        }
        Ok(())
    }

    /// Reads once. What is there then comes back with [`Self::keep`]; none when the link was closed here.
    pub(super) fn read(&mut self, key: usize) -> Result<Option<Received>, Error> {
        let link = &mut self.links[key];
        let Some(socket) = &link.socket else { return Ok(None) };
        let shared = link.tail.len() <= COPIED_MAX;
        let mut buffer = mem::take(if shared { &mut self.buffer } else { &mut link.tail });
        if shared {
            buffer.clear();
            buffer.append(&mut link.tail);
        }
        buffer.reserve(RECEIVE_BYTES);
        match sys::recv(socket, spare_capacity(&mut buffer), RecvFlags::empty()) {
            Ok((0, _)) => {
                return Err(Error::Server(format!("it closed connection {key}")));
            }
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(io::Error::from(errno).into()),
        }
        self.reads += 1;
        Ok(Some(Received { buffer, shared }))
    }

    /// Keeps what was not used of what was read.
    pub(super) fn keep(&mut self, link: usize, received: Received, used: usize) {
        let Received { mut buffer, shared } = received;
        if shared {
            self.links[link].tail.extend_from_slice(&buffer[used..]);
            self.buffer = buffer;
        } else if used > 0 {
            self.links[link].tail = buffer.split_off(used);
        } else {
            self.links[link].tail = buffer;
        }
    }
}
