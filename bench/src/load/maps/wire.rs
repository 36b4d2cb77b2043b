//! How the maps dialect is spoken, no more of it than a benchmark needs, and how connections are let in.

use std::net::SocketAddr;

use prost::Message as _;
use syncline_protocol::dialects::maps::proto::{
    AuthRequest, AuthStatus, Envelope, Subscribe, SyncRequest, envelope::Payload,
    sync_request::Type,
};

use crate::{
    error::Error,
    load::{
        net::Net,
        sockets::{Handler, Opening, Sockets, Wire},
    },
    wire::{frame, upgrade},
};

const PATH: &str = "/v1/maps";

/// Where the server is, what opens its door, and what it promises.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The server.
    pub(crate) address: SocketAddr,
    /// A token that allows everything in every map.
    pub(crate) token: String,
    /// Whether its acknowledgements say that a write is durable.
    pub(crate) durable: bool,
}

/// The dialect.
pub(super) struct Coordinator {
    token: String,
}

/// Its connections.
pub(super) type Connections = Sockets<Coordinator>;

/// What a connection is opened for.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The name of the client's node; empty for none.
    pub(super) node: String,
    /// The map that it follows; empty for none.
    pub(super) follows: String,
}

impl Place {
    /// A client that writes as this node.
    pub(super) fn writer(node: String) -> Self {
        Self { node, ..Self::default() }
    }

    /// A client that is told what changes in this map.
    pub(super) fn follower(map: String) -> Self {
        Self { follows: map, ..Self::default() }
    }
}

/// No connections yet.
pub(super) fn connections(endpoint: &Endpoint) -> Result<Connections, Error> {
    let wire = Coordinator { token: endpoint.token.clone() };
    Ok(Sockets::new(Net::new(endpoint.address)?, wire))
}

/// A request of this type about a map.
pub(super) fn request(kind: Type, map: &str) -> SyncRequest {
    SyncRequest { r#type: kind.into(), map_name: map.into(), ..SyncRequest::default() }
}

impl Wire for Coordinator {
    type Place = Place;
    type Out<'a> = Envelope;
    type In<'a> = Envelope;

    fn request(&self, host: &str, _: &Place) -> Vec<u8> {
        upgrade::request(host, PATH, None)
    }

    fn accepts(&self, head: &[u8]) -> Result<(), String> {
        upgrade::check(head, None)
    }

    fn push(&self, out: &mut Vec<u8>, envelope: &Envelope, _: &Place, mask: [u8; 4]) {
        frame::push_head(out, frame::BINARY, envelope.encoded_len(), Some(mask));
        let start = out.len();
        envelope.encode(out).expect("a Vec takes every byte");
        frame::apply_mask(&mut out[start..], mask);
    }

    fn read<'a>(&self, opcode: u8, bytes: &'a [u8], _: &'a mut Vec<u8>) -> Option<Envelope> {
        if opcode == frame::BINARY { Envelope::decode(bytes).ok() } else { None }
    }
}

/// A message that is not what was waited for.
pub(super) fn unexpected(link: usize, message: &Envelope) -> Error {
    let mut said = format!("{message:?}");
    let end = (0..=said.len().min(400)).rev().find(|&end| said.is_char_boundary(end));
    said.truncate(end.unwrap_or(0));
    Error::Violation(format!("connection {link} got {said}"))
}

/// Opens a connection for each place. They are let in, and follow what they are to follow.
pub(super) fn open(
    sockets: &mut Connections,
    places: impl IntoIterator<Item = Place>,
) -> Result<Vec<usize>, Error> {
    sockets.open(places, &mut Joining::default())
}

#[derive(Default)]
struct Joining {
    joined: usize,
}

impl Opening<Coordinator> for Joining {
    fn done(&self, _: &Connections) -> usize {
        self.joined
    }
}

impl Handler<Coordinator> for Joining {
    fn opened(&mut self, sockets: &mut Connections, link: usize) -> Result<(), Error> {
        let (token, node_id) = (sockets.wire().token.clone(), sockets.place(link).node.clone());
        let auth = AuthRequest { token, node_id, protocol_version: 1, ..AuthRequest::default() };
        sockets.say(link, &envelope(Payload::Auth(auth)));
        Ok(())
    }

    fn message(
        &mut self,
        sockets: &mut Connections,
        link: usize,
        message: Envelope,
        _now: u64,
    ) -> Result<(), Error> {
        let follows = sockets.place(link).follows.clone();
        match &message.payload {
            Some(Payload::AuthResp(response)) if response.status() == AuthStatus::Ok => {
                if follows.is_empty() {
                    self.joined += 1;
                } else {
                    let subscribe = Subscribe { map_name: follows, ..Subscribe::default() };
                    sockets.say(link, &envelope(Payload::Subscribe(subscribe)));
                }
                Ok(())
            }
            Some(Payload::Ack(ack)) if ack.results.is_empty() && !follows.is_empty() => {
                self.joined += 1;
                Ok(())
            }
            _ => Err(unexpected(link, &message)),
        }
    }
}

/// A message that needs no id, since answers come in the order of what they answer.
pub(super) fn envelope(payload: Payload) -> Envelope {
    Envelope { correlation_id: String::new(), payload: Some(payload) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_leaves_masked_and_comes_back_whole() {
        let wire = Coordinator { token: String::new() };
        let said = envelope(Payload::SyncReq(request(Type::Get, "m")));
        let (mask, mut bytes) = ([9, 8, 7, 6], Vec::new());
        wire.push(&mut bytes, &said, &Place::default(), mask);
        let head = frame::Head::parse(&bytes).unwrap();
        assert_eq!((head.frame_bytes(), head.mask), (bytes.len(), Some(mask)));
        frame::apply_mask(&mut bytes[head.head_bytes..], mask);
        let payload = &bytes[head.head_bytes..];
        assert_eq!(wire.read(frame::BINARY, payload, &mut Vec::new()), Some(said));
        assert_eq!(wire.read(frame::TEXT, payload, &mut Vec::new()), None);
    }
}
