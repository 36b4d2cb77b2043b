//! A participant of the peer dialect as a test of the server needs one: one socket, packets as bytes,
//! control messages as JSON.
//!
//! Knows the wire by its specification, and no cryptography: the server has none either.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{
    PATIENCE,
    http::{self, Answer},
    workspace,
    ws::{BINARY, CLOSE, Event, FIN, Frame, PING, PONG, Socket, TEXT},
};

pub use crate::workspace::{SECRET, server};

/// The type of packets that carry data, and are stored.
pub const DATA_CHUNK: u8 = 2;
/// The type of packets that tell keys.
pub const HANDSHAKE: u8 = 3;

/// A packet as it leaves, with what the server reads of it and a payload that it does not.
#[derive(Debug, Clone, Default)]
pub struct Packet<'a> {
    /// Its type.
    pub kind: u8,
    /// Its request.
    pub request_id: &'a str,
    /// Who sends it.
    pub sender_id: &'a str,
    /// Whom it is for; empty for all.
    pub target_id: &'a str,
    /// What it carries.
    pub payload: &'a [u8],
}

impl Packet<'_> {
    /// The bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0x08, self.kind];
        let texts = [(2, self.request_id), (3, self.sender_id), (9, self.target_id)];
        let texts = texts.map(|(number, text)| (number, text.as_bytes()));
        for (number, bytes) in texts.into_iter().chain([(5, self.payload)]) {
            if !bytes.is_empty() {
                field(&mut out, number, bytes);
            }
        }
        out
    }
}

/// Appends a field of bytes of a protobuf message.
pub fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

/// A packet with data for all.
#[must_use]
pub fn data(sender: &str, request: &str, payload: &[u8]) -> Vec<u8> {
    let kind = DATA_CHUNK;
    Packet { kind, request_id: request, sender_id: sender, target_id: "", payload }.bytes()
}

/// What a token says for a participant who may do everything in these rooms for an hour.
///
/// # Panics
/// When the clock stands before 1970.
#[must_use]
pub fn claims(name: &str, rooms: &str) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    json!({ "sub": name, "room": rooms, "hist": true, "exp": now + 3600 })
}

/// A token of claims, some of them changed.
///
/// # Panics
/// When either is no object.
#[must_use]
pub fn token(mut claims: Value, changes: &Value) -> String {
    let all = claims.as_object_mut().expect("claims are an object");
    for (name, value) in changes.as_object().expect("changes are an object") {
        match value {
            Value::Null => all.remove(name),
            value => all.insert(name.clone(), value.clone()),
        };
    }
    workspace::token(&claims)
}

/// Asks for a WebSocket in a room, its name encoded already; `more` is appended to the query.
#[must_use]
pub fn dial(address: SocketAddr, room: &str, token: &str, more: &str) -> (Socket, Answer) {
    Socket::try_open(address, &format!("/v1/peer/{room}?access_token={token}{more}"), &[])
}

/// A page of what is stored of a room, its name encoded already.
#[must_use]
pub fn packets(address: SocketAddr, room: &str, token: &str, query: &str) -> Answer {
    http::get(address, &format!("/v1/peer/{room}/packets?access_token={token}{query}"))
}

/// Something that a participant is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A control message.
    Control(Value),
    /// A packet.
    Packet(Vec<u8>),
    /// The close code.
    Closed(u16),
}

/// A participant that answers pings while it reads, and has read its welcome.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    name: String,
    /// The first message.
    pub welcome: Value,
}

impl Client {
    /// Comes into a room, its name encoded already, with a token for all rooms.
    ///
    /// # Panics
    /// When the server does not let it in, or begins with something else than a welcome.
    #[must_use]
    pub fn join(address: SocketAddr, room: &str, name: &str) -> Self {
        Self::join_with(address, room, name, &json!({}), "")
    }

    /// The same, with some claims changed and more in the query.
    ///
    /// # Panics
    /// As [`Client::join`].
    #[must_use]
    pub fn join_with(
        address: SocketAddr,
        room: &str,
        name: &str,
        changes: &Value,
        more: &str,
    ) -> Self {
        Self::try_join(address, room, name, changes, more).expect("it is let in")
    }

    /// The same; `None` when the connection is closed instead.
    ///
    /// # Panics
    /// When the upgrade is refused, or the server begins with something else.
    #[must_use]
    pub fn try_join(
        address: SocketAddr,
        room: &str,
        name: &str,
        changes: &Value,
        more: &str,
    ) -> Option<Self> {
        let mut client = Self::enter(address, room, name, changes, more);
        match client.said() {
            Said::Control(welcome) if welcome["t"] == "welcome" => client.welcome = welcome,
            Said::Closed(_) => return None,
            other => panic!("waited for a welcome: {other:?}"),
        }
        Some(client)
    }

    /// The same, and reads nothing: the server may not want it.
    ///
    /// # Panics
    /// When the upgrade is refused.
    #[must_use]
    pub fn enter(address: SocketAddr, room: &str, name: &str, changes: &Value, more: &str) -> Self {
        let token = token(claims(name, "*"), changes);
        let (socket, answer) = dial(address, room, &token, more);
        assert_eq!(answer.status, 101, "{}", answer.text());
        Self { socket, name: name.into(), welcome: Value::Null }
    }

    /// The frames below.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Sends a packet.
    ///
    /// # Panics
    /// When the server has gone.
    pub fn send(&mut self, packet: &[u8]) {
        assert!(self.socket.send(FIN | BINARY, packet), "the server has gone");
    }

    /// Sends data to all, and says which bytes those were.
    pub fn share(&mut self, request: &str, payload: &[u8]) -> Vec<u8> {
        let packet = data(&self.name, request, payload);
        self.send(&packet);
        packet
    }

    /// Sends a packet of this type to one participant, and says which bytes those were.
    pub fn tell(&mut self, kind: u8, request: &str, target: &str) -> Vec<u8> {
        let name = self.name.clone();
        let packet = Packet {
            kind,
            request_id: request,
            sender_id: &name,
            target_id: target,
            payload: b"for one",
        };
        let packet = packet.bytes();
        self.send(&packet);
        packet
    }

    /// Sends a control message.
    ///
    /// # Panics
    /// When the server has gone.
    pub fn say(&mut self, text: &str) {
        assert!(self.socket.send_text(text), "the server has gone");
    }

    /// What comes next; `None` when nothing does in time, or the connection ends without a word.
    pub fn hears(&mut self, wait: Duration) -> Option<Said> {
        loop {
            let frame = match self.socket.event(wait) {
                Event::Frame(frame) => frame,
                Event::Nothing | Event::End => return None,
            };
            let code = frame.close_code();
            let Frame { first, payload } = frame;
            match first & 0x0f {
                TEXT => {
                    let control = serde_json::from_slice(&payload).expect("text is JSON");
                    return Some(Said::Control(control));
                }
                BINARY => return Some(Said::Packet(payload)),
                PING => {
                    self.socket.send(FIN | PONG, &payload);
                }
                PONG => {}
                CLOSE => return Some(Said::Closed(code.unwrap_or(1005))),
                other => panic!("a frame of opcode {other}"),
            }
        }
    }

    /// What comes next.
    ///
    /// # Panics
    /// When nothing does.
    pub fn said(&mut self) -> Said {
        self.hears(PATIENCE).expect("something to hear")
    }

    /// The next message, a control message.
    ///
    /// # Panics
    /// When something else comes.
    pub fn control(&mut self) -> Value {
        match self.said() {
            Said::Control(control) => control,
            other => panic!("waited for a control message: {other:?}"),
        }
    }

    /// The next message, a packet.
    ///
    /// # Panics
    /// When something else comes.
    pub fn packet(&mut self) -> Vec<u8> {
        match self.said() {
            Said::Packet(packet) => packet,
            other => panic!("waited for a packet: {other:?}"),
        }
    }

    /// The code with which the server closes the connection, whatever comes before it.
    ///
    /// # Panics
    /// When it does not.
    pub fn closed(&mut self) -> u16 {
        loop {
            if let Said::Closed(code) = self.said() {
                return code;
            }
        }
    }

    /// Ends the connection in order, and waits for the server to do so too. The room hears of it a little
    /// later.
    pub fn leave(mut self) {
        self.socket.send(FIN | CLOSE, &1000_u16.to_be_bytes());
        while !matches!(self.socket.event(PATIENCE), Event::End) {}
    }
}

/// The control message about somebody who has come or gone.
#[must_use]
pub fn presence(what: &str, id: &str, reason: Option<&str>) -> Value {
    match reason {
        None => json!({ "t": what, "id": id }),
        Some(reason) => json!({ "t": what, "id": id, "reason": reason }),
    }
}

/// The control message that says that something was not taken.
#[must_use]
pub fn error(code: &str, request: &str) -> Value {
    json!({ "t": "error", "code": code, "request_id": request })
}
