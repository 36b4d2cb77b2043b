//! How a participant of a peer room speaks to the server, no more of it than a benchmark needs.

use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::packet::{self, Packet};
use crate::{
    error::Error,
    load::{
        net::Net,
        sockets::{Handler, Opening, Sockets, Wire},
    },
    wire::{frame, upgrade},
};

/// How long the tokens of a run count, in seconds.
const TOKEN_SECONDS: u64 = 24 * 60 * 60;

/// Where the server is, what opens its door, and what is sent.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The server.
    pub(crate) address: SocketAddr,
    /// The HMAC secret that it believes: each participant needs a token of its own.
    pub(crate) secret: String,
    /// Whether packets are of a type that the server stores.
    pub(crate) stored: bool,
}

/// The dialect.
pub(super) struct Peer {
    stored: bool,
}

/// Its connections.
pub(super) type Connections = Sockets<Peer>;

/// A participant in a room.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    path: String,
    name: String,
    /// Whom its packets are for, when not for all.
    target: Option<String>,
}

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// One is in the room.
    Welcome,
    /// Somebody else has come.
    Join,
    /// The payload of a packet.
    Packet(&'a [u8]),
}

/// No connections yet.
pub(super) fn connections(endpoint: &Endpoint) -> Result<Connections, Error> {
    Ok(Sockets::new(Net::new(endpoint.address)?, Peer { stored: endpoint.stored }))
}

impl Peer {
    /// A packet as this run sends them.
    pub(super) fn packet<'a>(&self, number: u64, payload: &'a [u8]) -> Packet<'a> {
        Packet { stored: self.stored, number, payload }
    }
}

impl Wire for Peer {
    type Place = Place;
    type Out<'a> = Packet<'a>;
    type In<'a> = Said<'a>;

    fn request(&self, host: &str, place: &Place) -> Vec<u8> {
        upgrade::request(host, &place.path, None)
    }

    fn accepts(&self, head: &[u8]) -> Result<(), String> {
        upgrade::check(head, None)
    }

    fn push(&self, out: &mut Vec<u8>, packet: &Packet<'_>, place: &Place, mask: [u8; 4]) {
        let mut message = Vec::with_capacity(packet.payload.len() + 256);
        packet::push(&mut message, packet, &place.name, place.target.as_deref());
        frame::push_masked(out, frame::BINARY, &message, mask);
    }

    fn read<'a>(&self, opcode: u8, payload: &'a [u8], _: &'a mut Vec<u8>) -> Option<Said<'a>> {
        match opcode {
            frame::BINARY => packet::read(payload).map(Said::Packet),
            frame::TEXT if payload.starts_with(br#"{"t":"welcome","#) => Some(Said::Welcome),
            frame::TEXT if payload.starts_with(br#"{"t":"join","#) => Some(Said::Join),
            _ => None,
        }
    }
}

/// The participants of one run, never met before, with their tokens.
pub(super) struct Run {
    run: u64,
    key: EncodingKey,
    now: u64,
}

impl Run {
    /// A new run.
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let key = EncodingKey::from_secret(endpoint.secret.as_bytes());
        Self { run: now.as_nanos() as u64, key, now: now.as_secs() }
    }

    /// The participant of a link in a room, whose packets are for another link's or for all.
    fn place(&self, link: usize, room: usize, target: Option<usize>) -> Result<Place, Error> {
        let (name, room) = (packet::name(self.run, link), format!("bench-{:x}-{room}", self.run));
        let claims = json!({ "sub": name, "room": room, "exp": self.now + TOKEN_SECONDS });
        let token = encode(&Header::default(), &claims, &self.key)
            .map_err(|error| Error::Usage(format!("no token can be made: {error}")))?;
        let path = format!("/v1/peer/{room}?access_token={token}");
        Ok(Place { path, name, target: target.map(|link| packet::name(self.run, link)) })
    }

    /// Opens a connection for each of these, its room and whom its packets are for, and waits until all
    /// are in.
    pub(super) fn join(
        &self,
        connections: &mut Connections,
        plan: impl IntoIterator<Item = (usize, Option<usize>)>,
    ) -> Result<Vec<usize>, Error> {
        let plan = plan.into_iter().enumerate();
        let places: Vec<Place> =
            plan.map(|(i, (room, to))| self.place(i, room, to)).collect::<Result<_, _>>()?;
        connections.open(places, &mut Joining::default())
    }
}

#[derive(Default)]
struct Joining {
    welcome: usize,
}

impl Opening<Peer> for Joining {
    fn done(&self, _: &Connections) -> usize {
        self.welcome
    }
}

impl Handler<Peer> for Joining {
    fn message(
        &mut self,
        _: &mut Connections,
        link: usize,
        message: Said<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        match message {
            Said::Welcome => self.welcome += 1,
            Said::Join => {}
            Said::Packet(_) => {
                let what = format!("connection {link} got a packet that nobody sent");
                return Err(Error::Violation(what));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_told_apart() {
        let wire = Peer { stored: true };
        let text = |text: &[u8]| wire.read(frame::TEXT, text, &mut Vec::new()).is_some();
        assert!(text(br#"{"t":"welcome","room":"a"}"#) && text(br#"{"t":"join","id":"a"}"#));
        assert!(!text(br#"{"t":"error","code":"rate"}"#), "nothing was refused");
        assert!(!text(br#"{"t":"leave","id":"a","reason":"closed"}"#), "nobody leaves");
        let (place, mask) = (Place { name: "user:a".into(), ..Place::default() }, [1, 2, 3, 4]);
        let mut bytes = Vec::new();
        wire.push(&mut bytes, &wire.packet(1, b"abc"), &place, mask);
        let head = frame::Head::parse(&bytes).unwrap();
        assert_eq!(head.frame_bytes(), bytes.len());
        frame::apply_mask(&mut bytes[head.head_bytes..], mask);
        let read = wire.read(frame::BINARY, &bytes[head.head_bytes..], &mut Vec::new()).is_some();
        assert!(read);
    }
}
