//! WebSocket connections of the generator: upgraded, their frames taken apart, pings answered.
//!
//! What messages are is said by a [`Wire`]; what is done with them by a [`Handler`].

use std::{mem, time::Duration};

use super::net::Net;
use crate::{
    error::Error,
    wire::{
        frame::{self, Head},
        upgrade,
    },
};

/// Connections that may be on their way at the same time.
const IN_FLIGHT_MAX: usize = 64;
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);

/// How a dialect is spoken.
pub(super) trait Wire {
    /// What a connection is opened for.
    type Place;
    /// What a client says.
    type Out<'a>;
    /// What a server says.
    type In<'a>;

    /// The upgrade request.
    fn request(&self, host: &str, place: &Self::Place) -> Vec<u8>;

    /// Whether the head of the answer accepts it, or what is wrong with it.
    fn accepts(&self, head: &[u8]) -> Result<(), String>;

    /// Appends the masked frame of a message.
    fn push(&self, out: &mut Vec<u8>, message: &Self::Out<'_>, place: &Self::Place, mask: [u8; 4]);

    /// The message of a data frame, unpacked into `scratch` where it has to be; `None` when it is none.
    fn read<'a>(
        &self,
        opcode: u8,
        payload: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Option<Self::In<'a>>;
}

/// What a scenario does with what arrives.
pub(super) trait Handler<W: Wire> {
    /// The upgrade of `link` is done.
    fn opened(&mut self, _sockets: &mut Sockets<W>, _link: usize) -> Result<(), Error> {
        Ok(())
    }

    /// `link` got a message at `now`.
    fn message(
        &mut self,
        sockets: &mut Sockets<W>,
        link: usize,
        message: W::In<'_>,
        now: u64,
    ) -> Result<(), Error>;
}

/// A handler under which connections are opened.
pub(super) trait Opening<W: Wire>: Handler<W> {
    /// How many are open.
    fn done(&self, sockets: &Sockets<W>) -> usize;
}

struct Socket<P> {
    place: P,
    upgraded: bool,
    /// The masking key of all its frames.
    mask: [u8; 4],
}

/// The WebSocket connections of one run.
pub(super) struct Sockets<W: Wire> {
    net: Net,
    wire: W,
    /// By link.
    sockets: Vec<Socket<W::Place>>,
    unpacked: Vec<u8>,
}

impl<W: Wire> AsRef<Net> for Sockets<W> {
    fn as_ref(&self) -> &Net {
        &self.net
    }
}

impl<W: Wire> Sockets<W> {
    /// None yet.
    pub(super) fn new(net: Net, wire: W) -> Self {
        Self { net, wire, sockets: Vec::new(), unpacked: Vec::new() }
    }

    /// How they speak.
    pub(super) fn wire(&self) -> &W {
        &self.wire
    }

    /// Nanoseconds on the run's clock.
    pub(super) fn now(&self) -> u64 {
        self.net.now()
    }

    /// What a link was opened for.
    pub(super) fn place(&self, link: usize) -> &W::Place {
        &self.sockets[link].place
    }

    /// Connects and sends the upgrade request. [`Handler::opened`] follows.
    pub(super) fn connect(&mut self, place: W::Place) -> Result<usize, Error> {
        let key = self.net.connect()?;
        let request = self.wire.request(&self.net.address().to_string(), &place);
        self.net.out(key).extend_from_slice(&request);
        let mask = (key as u32).wrapping_mul(0x9E37_79B9).wrapping_add(0x7F4A_7C15).to_be_bytes();
        self.sockets.push(Socket { place, upgraded: false, mask });
        Ok(key)
    }

    /// Opens a connection for each place, a bounded number at a time. Returns the links, in order.
    pub(super) fn open(
        &mut self,
        places: impl IntoIterator<Item = W::Place>,
        opening: &mut impl Opening<W>,
    ) -> Result<Vec<usize>, Error> {
        let mut links = Vec::new();
        let mut places = places.into_iter().peekable();
        let deadline = self.now() + OPEN_TIMEOUT.as_nanos() as u64;
        loop {
            while places.peek().is_some() && links.len() - opening.done(self) < IN_FLIGHT_MAX {
                let Some(place) = places.next() else { break };
                links.push(self.connect(place)?);
            }
            if places.peek().is_none() && opening.done(self) == links.len() {
                return Ok(links);
            }
            if self.now() > deadline {
                return Err(Error::Server(format!(
                    "{} of {} connections were open after {} s",
                    opening.done(self),
                    links.len(),
                    OPEN_TIMEOUT.as_secs()
                )));
            }
            self.turn(Duration::from_millis(100), opening)?;
        }
    }

    /// Closes a connection without a close frame.
    pub(super) fn close(&mut self, link: usize) {
        self.net.close(link);
    }

    /// Queues a message; it leaves at the end of the turn.
    pub(super) fn say(&mut self, link: usize, message: &W::Out<'_>) {
        let Socket { place, mask, .. } = &self.sockets[link];
        self.wire.push(self.net.out(link), message, place, *mask);
    }

    /// Sends what is queued, waits up to `wait` for something to arrive and handles it.
    pub(super) fn turn(
        &mut self,
        wait: Duration,
        handler: &mut impl Handler<W>,
    ) -> Result<(), Error> {
        let ready = self.net.wait(wait)?;
        for &link in &ready {
            if let Some(received) = self.net.read(link)? {
                let used = self.handle(link, received.bytes(), handler)?;
                self.net.keep(link, received, used);
            }
        }
        self.net.turned(ready)
    }

    /// Handles the whole messages at the start of `bytes` and returns their length.
    fn handle(
        &mut self,
        key: usize,
        bytes: &[u8],
        handler: &mut impl Handler<W>,
    ) -> Result<usize, Error> {
        let mut used = 0;
        if !self.sockets[key].upgraded {
            let Some(head_bytes) = upgrade::head_bytes(bytes) else { return Ok(0) };
            self.wire.accepts(&bytes[..head_bytes]).map_err(Error::Server)?;
            self.sockets[key].upgraded = true;
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
            let message = match head.opcode {
                frame::PING => {
                    self.pong(key, payload);
                    continue;
                }
                frame::CLOSE => return Err(closed(key, payload)),
                opcode => self.wire.read(opcode, payload, &mut unpacked),
            };
            let message = message.filter(|_| head.fin && head.mask.is_none()).ok_or_else(|| {
                Error::Violation(format!("connection {key} got a message that is none: {head:?}"))
            })?;
            self.net.messages += 1;
            handler.message(self, key, message, now)?;
        }
        self.unpacked = unpacked;
        Ok(used)
    }

    fn pong(&mut self, key: usize, payload: &[u8]) {
        let mask = self.sockets[key].mask;
        frame::push_masked(self.net.out(key), frame::PONG, payload, mask);
    }
}

fn closed(key: usize, payload: &[u8]) -> Error {
    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default());
    Error::Server(format!("it closed connection {key} with {code} {reason}"))
}
