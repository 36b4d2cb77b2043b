//! How the relay dialect is spoken: both its framings, and where.

use std::net::SocketAddr;

use crate::{
    error::Error,
    load::{
        net,
        sockets::{Sockets, Wire},
    },
    wire::{
        frame, json,
        message::{self, ClientMessage, ServerMessage},
        upgrade,
    },
};

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

/// The dialect.
pub(super) struct Relay {
    path: String,
    framing: Framing,
}

/// Its connections.
pub(super) type Net = Sockets<Relay>;

/// No connections yet.
pub(super) fn net(endpoint: &Endpoint) -> Result<Net, Error> {
    let relay = Relay { path: endpoint.path.clone(), framing: endpoint.framing };
    Ok(Sockets::new(net::Net::new(endpoint.address)?, relay))
}

impl Relay {
    /// How it speaks.
    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    fn is_binary(&self) -> bool {
        self.framing == Framing::Binary
    }
}

impl Wire for Relay {
    /// The room; the JSON framing names it in every submit.
    type Place = String;
    type Out<'a> = ClientMessage<'a>;
    type In<'a> = ServerMessage<'a>;

    fn request(&self, host: &str, _room: &String) -> Vec<u8> {
        upgrade::request(host, &self.path, self.is_binary().then_some(upgrade::SUBPROTOCOL))
    }

    fn accepts(&self, head: &[u8]) -> Result<(), String> {
        upgrade::check(head, self.is_binary().then_some(upgrade::SUBPROTOCOL))
    }

    fn push(&self, out: &mut Vec<u8>, message: &ClientMessage<'_>, room: &String, mask: [u8; 4]) {
        match self.framing {
            Framing::Binary => message::push_client(out, message, mask),
            Framing::Json => json::push_client(out, message, room, mask),
        }
    }

    fn read<'a>(
        &self,
        opcode: u8,
        payload: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Option<ServerMessage<'a>> {
        match (opcode, self.framing) {
            (frame::BINARY, Framing::Binary) => message::read_server(payload),
            (frame::TEXT, Framing::Json) => json::read_server(payload, scratch),
            _ => None,
        }
    }
}
