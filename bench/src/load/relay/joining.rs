//! Joining rooms. Every scenario of the relay begins with it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::wire::{Framing, Net, Relay};
use crate::{
    error::Error,
    load::sockets::{Handler, Opening},
    wire::message::{ClientMessage, ServerMessage},
};

/// Room names of one run: like an app's discovery keys in length, and never met before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    run: u64,
}

impl Names {
    /// The names of a new run.
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { run: now.as_nanos() as u64 }
    }

    /// A discovery key: 64 hexadecimal digits.
    pub(super) fn room(&self, room: usize) -> String {
        format!("{:016x}{room:048x}", self.run)
    }

    /// A client id: 36 characters, like an app's.
    fn client(&self, link: usize) -> String {
        format!("{:08x}-0000-4000-8000-{link:012x}", self.run as u32)
    }
}

struct Joining {
    names: Names,
    ack: bool,
    opened: usize,
    joined: usize,
}

/// Opens a connection for each room named and joins it from its beginning. Returns the links, in order.
///
/// The binary framing says when a join is done. The JSON framing does not; there the hello has been sent, and
/// what is submitted before the join takes effect arrives as history.
pub(super) fn join(
    net: &mut Net,
    names: Names,
    rooms: impl IntoIterator<Item = usize>,
    ack: bool,
) -> Result<Vec<usize>, Error> {
    let mut joining = Joining { names, ack, opened: 0, joined: 0 };
    net.open(rooms.into_iter().map(|room| names.room(room)), &mut joining)
}

impl Opening<Relay> for Joining {
    fn done(&self, net: &Net) -> usize {
        match net.wire().framing() {
            Framing::Binary => self.joined,
            Framing::Json => self.opened,
        }
    }
}

impl Handler<Relay> for Joining {
    fn opened(&mut self, net: &mut Net, link: usize) -> Result<(), Error> {
        self.opened += 1;
        hello(net, self.names, link, self.ack);
        Ok(())
    }

    fn message(
        &mut self,
        _net: &mut Net,
        link: usize,
        message: ServerMessage<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        match message {
            ServerMessage::CaughtUp { sequence: 0 } => {
                self.joined += 1;
                Ok(())
            }
            other => {
                Err(Error::Violation(format!("connection {link} joined an empty room: {other:?}")))
            }
        }
    }
}

/// Says hello for the room the link was opened for, from its beginning.
pub(super) fn hello(net: &mut Net, names: Names, link: usize, ack: bool) {
    let room = net.place(link).clone();
    net.say(
        link,
        &ClientMessage::Hello {
            client_id: names.client(link).as_bytes(),
            discovery_key: room.as_bytes(),
            last_sequence: 0,
            ack,
        },
    );
}
