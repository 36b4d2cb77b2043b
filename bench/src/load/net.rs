//! The generator's event loop: reads every ready connection, hands whole messages to a handler, sends once per turn.

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
use crate::{
    error::Error,
    wire::{
        frame::{self, Head},
        json,
        message::{self, ClientMessage, ServerMessage},
        upgrade,
    },
};

const EVENTS_MAX: usize = 1024;
const RECEIVE_BYTES: usize = 512 << 10;

/// Which of the relay's framings is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// One protobuf message per binary frame.
    Binary,
    /// One JSON value per text frame.
    Json,
}

/// Where the server is and how it is spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The server.
    pub(crate) address: SocketAddr,
    /// The path of the upgrade request.
    pub(crate) path: String,
    /// How to speak.
    pub(crate) framing: Framing,
}

/// What a scenario does with what arrives.
pub(super) trait Handler {
    /// The upgrade of `link` is done.
    fn opened(&mut self, net: &mut Net, link: usize) -> Result<(), Error>;

    /// `link` got a message at `now`.
    fn message(
        &mut self,
        net: &mut Net,
        link: usize,
        message: ServerMessage<'_>,
        now: u64,
    ) -> Result<(), Error>;
}

/// All connections of one run.
pub(super) struct Net {
    endpoint: Endpoint,
    epoll: OwnedFd,
    links: Vec<Link>,
    events: Vec<epoll::Event>,
    received: Vec<u8>,
    unpacked: Vec<u8>,
    /// Connections with something to send at the end of the turn.
    talking: Vec<usize>,
    started: Instant,
    /// Reads that brought something.
    pub(super) reads: u64,
    /// Messages received.
    pub(super) messages: u64,
}

impl Net {
    /// No connections yet.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        Ok(Self {
            endpoint: endpoint.clone(),
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            links: Vec::new(),
            events: Vec::with_capacity(EVENTS_MAX),
            received: vec![0; RECEIVE_BYTES],
            unpacked: Vec::new(),
            talking: Vec::new(),
            started: Instant::now(),
            reads: 0,
            messages: 0,
        })
    }

    /// Nanoseconds since this was made.
    pub(super) fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// How it speaks.
    pub(super) fn framing(&self) -> Framing {
        self.endpoint.framing
    }

    /// The room that a link was opened for.
    pub(super) fn room(&self, link: usize) -> &str {
        &self.links[link].room
    }

    /// Connects and sends the upgrade request. [`Handler::opened`] follows.
    pub(super) fn connect(&mut self, room: String) -> Result<usize, Error> {
        let Endpoint { address, path, framing } = &self.endpoint;
        let socket = TcpStream::connect(address)
            .map_err(|error| Error::Server(format!("cannot connect to {address}: {error}")))?;
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let key = self.links.len();
        epoll::add(&self.epoll, &socket, EventData::new_u64(key as u64), EventFlags::IN)?;
        let request = upgrade::request(&address.to_string(), path, *framing == Framing::Binary);
        let mask = (key as u32).wrapping_mul(0x9E37_79B9).wrapping_add(0x7F4A_7C15).to_be_bytes();
        self.links.push(Link::new(socket, room, mask, request));
        self.talking.push(key);
        Ok(key)
    }

    /// Closes a connection without a close frame.
    pub(super) fn close(&mut self, link: usize) {
        self.links[link].socket = None;
    }

    /// Queues a message; it leaves at the end of the turn.
    pub(super) fn say(&mut self, link: usize, message: &ClientMessage<'_>) {
        let target = &mut self.links[link];
        if target.out.is_empty() {
            self.talking.push(link);
        }
        match self.endpoint.framing {
            Framing::Binary => message::push_client(&mut target.out, message, target.mask),
            Framing::Json => json::push_client(&mut target.out, message, &target.room, target.mask),
        }
    }

    /// Sends what is queued, waits up to `wait` for something to arrive and handles it.
    pub(super) fn turn(&mut self, wait: Duration, handler: &mut impl Handler) -> Result<(), Error> {
        self.flush()?;
        let mut events = mem::take(&mut self.events);
        events.clear();
        let timeout =
            Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        for event in &events {
            let (link, flags) = (event.data.u64() as usize, event.flags);
            if flags.contains(EventFlags::OUT) {
                self.links[link].flush(&self.epoll, link)?;
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.receive(link, handler)?;
            }
        }
        self.events = events;
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

    /// Reads once and handles every whole message. What remains waits in the link's tail.
    fn receive(&mut self, key: usize, handler: &mut impl Handler) -> Result<(), Error> {
        let link = &mut self.links[key];
        let Some(socket) = &link.socket else { return Ok(()) };
        let mut received = mem::take(&mut self.received);
        let kept = link.tail.len();
        if received.len() < kept + RECEIVE_BYTES {
            received.resize(kept + RECEIVE_BYTES, 0);
        }
        received[..kept].copy_from_slice(&link.tail);
        link.tail.clear();
        let end = match sys::recv(socket, &mut received[kept..], RecvFlags::empty()) {
            Ok((0, _)) => {
                return Err(Error::Server(format!("it closed connection {key}")));
            }
            Ok((bytes, _)) => kept + bytes,
            Err(Errno::AGAIN | Errno::INTR) => kept,
            Err(errno) => return Err(io::Error::from(errno).into()),
        };
        self.reads += 1;
        let used = self.handle(key, &received[..end], handler)?;
        self.links[key].tail.extend_from_slice(&received[used..end]);
        received.truncate(RECEIVE_BYTES);
        self.received = received;
        Ok(())
    }

    /// Handles the whole messages at the start of `bytes` and returns their length.
    fn handle(
        &mut self,
        key: usize,
        bytes: &[u8],
        handler: &mut impl Handler,
    ) -> Result<usize, Error> {
        let mut used = 0;
        if !self.links[key].upgraded {
            let Some(head_bytes) = upgrade::head_bytes(bytes) else { return Ok(0) };
            let binary = self.endpoint.framing == Framing::Binary;
            upgrade::check(&bytes[..head_bytes], binary).map_err(Error::Server)?;
            self.links[key].upgraded = true;
            handler.opened(self, key)?;
            used = head_bytes;
        }
        let now = self.now();
        let mut unpacked = mem::take(&mut self.unpacked);
        while let Some(head) = Head::parse(&bytes[used..]) {
            let frame_bytes = head.frame_bytes();
            if bytes.len() - used < frame_bytes {
                break;
            }
            let payload = &bytes[used + head.head_bytes..used + frame_bytes];
            used += frame_bytes;
            let message = match (head.opcode, self.endpoint.framing) {
                (frame::BINARY, Framing::Binary) => message::read_server(payload),
                (frame::TEXT, Framing::Json) => json::read_server(payload, &mut unpacked),
                (frame::PING, _) => {
                    self.pong(key, payload);
                    continue;
                }
                (frame::CLOSE, _) => return Err(closed(key, payload)),
                _ => None,
            };
            let message = message.filter(|_| head.fin && head.mask.is_none()).ok_or_else(|| {
                Error::Violation(format!("connection {key} got a message that is none: {head:?}"))
            })?;
            self.messages += 1;
            handler.message(self, key, message, now)?;
        }
        self.unpacked = unpacked;
        Ok(used)
    }

    fn pong(&mut self, key: usize, payload: &[u8]) {
        let link = &mut self.links[key];
        if link.out.is_empty() {
            self.talking.push(key);
        }
        frame::push_head(&mut link.out, frame::PONG, payload.len(), Some(link.mask));
        let start = link.out.len();
        link.out.extend_from_slice(payload);
        frame::apply_mask(&mut link.out[start..], link.mask);
    }
}

fn closed(key: usize, payload: &[u8]) -> Error {
    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default());
    Error::Server(format!("it closed connection {key} with {code} {reason}"))
}
