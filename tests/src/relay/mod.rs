//! A peer of the relay dialect, in either framing, as a test wants it.
//!
//! Knows the wire from its description: the JSON shapes and the protobuf fields are written down
//! again here, so that a slip in the protocol crate cannot hide.

mod binary;
pub mod json;

use std::{net::SocketAddr, time::Duration};

use crate::{
    PATIENCE,
    ws::{BINARY, CLOSE, Event, FIN, Frame, PING, PONG, Socket, TEXT},
};

/// The path of the dialect.
pub const PATH: &str = "/sync";
/// The subprotocol of the binary framing.
pub const SUBPROTOCOL: &str = "syncline.relay.v1";
/// As long as a test listens to be sure that nothing comes.
pub const SILENCE: Duration = Duration::from_millis(300);

/// How a peer's messages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// JSON in text frames.
    Json,
    /// Protobuf in binary frames.
    Binary,
}

/// What a peer says about itself when it joins.
#[derive(Debug, Clone)]
pub struct Hello {
    /// Its own name.
    pub client: String,
    /// The room.
    pub key: String,
    /// The last sequence number it has.
    pub after: i64,
    /// Whether it wants its submissions acknowledged.
    pub ack: bool,
}

impl Hello {
    /// From the beginning, without acknowledgements.
    #[must_use]
    pub fn new(client: &str, key: &str) -> Self {
        Self { client: client.into(), key: key.into(), after: 0, ack: false }
    }

    /// Only what comes after this sequence number.
    #[must_use]
    pub fn after(mut self, seq: i64) -> Self {
        self.after = seq;
        self
    }

    /// With acknowledgements.
    #[must_use]
    pub fn with_ack(mut self) -> Self {
        self.ack = true;
        self
    }
}

/// A message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A change of the room.
    Change {
        /// Its place.
        seq: u64,
        /// Who submitted it.
        source: String,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// What has been submitted so far is durable: in JSON each one, in binary all up to `id`.
    Accepted {
        /// The submission's id; 0 in JSON, which has none.
        id: u64,
        /// Its place.
        seq: u64,
    },
    /// The history has been sent up to here.
    CaughtUp(u64),
}

impl Message {
    /// The sequence number and the payload of a change.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn into_change(self) -> (u64, Vec<u8>) {
        match self {
            Self::Change { seq, payload, .. } => (seq, payload),
            other => panic!("waited for a change, got {other:?}"),
        }
    }
}

/// A connection that speaks the dialect.
#[derive(Debug)]
pub struct Peer {
    socket: Socket,
    framing: Framing,
    key: String,
    next_id: u64,
    close_code: Option<u16>,
}

impl Peer {
    /// Connects, and joins with JSON messages.
    ///
    /// # Panics
    /// When the server does not take the connection.
    #[must_use]
    pub fn json(address: SocketAddr, hello: &Hello) -> Self {
        Self::join(address, Framing::Json, hello)
    }

    /// Connects, and joins with binary messages.
    ///
    /// # Panics
    /// When the server does not take the connection or the subprotocol.
    #[must_use]
    pub fn binary(address: SocketAddr, hello: &Hello) -> Self {
        Self::join(address, Framing::Binary, hello)
    }

    /// Connects and joins.
    ///
    /// # Panics
    /// When the server does not take the connection.
    #[must_use]
    pub fn join(address: SocketAddr, framing: Framing, hello: &Hello) -> Self {
        let mut peer = Self::connect(address, framing, &hello.key);
        peer.hello(hello);
        peer
    }

    /// Connects and says nothing yet; `key` is what its submissions will name.
    ///
    /// # Panics
    /// When the server does not take the connection or the subprotocol.
    #[must_use]
    pub fn connect(address: SocketAddr, framing: Framing, key: &str) -> Self {
        let offer: &[(&str, &str)] = match framing {
            Framing::Json => &[],
            Framing::Binary => &[("Sec-WebSocket-Protocol", SUBPROTOCOL)],
        };
        let (socket, answer) = Socket::try_open(address, PATH, offer);
        assert_eq!(answer.status, 101, "{}", answer.text());
        let chosen = offer.first().map(|(_, name)| *name);
        assert_eq!(answer.header("sec-websocket-protocol"), chosen);
        Self { socket, framing, key: key.into(), next_id: 1, close_code: None }
    }

    /// The connection below.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Says hello; false when the server has gone.
    pub fn hello(&mut self, hello: &Hello) -> bool {
        let (first, message) = match self.framing {
            Framing::Json => (FIN | TEXT, json::hello(hello).into_bytes()),
            Framing::Binary => (FIN | BINARY, binary::hello(hello)),
        };
        self.socket.send(first, &message)
    }

    /// Submits a change and returns its id (of use in binary only); none when the server has gone.
    pub fn submit(&mut self, payload: &[u8]) -> Option<u64> {
        let id = self.next_id;
        self.next_id += 1;
        let (first, message) = match self.framing {
            Framing::Json => (FIN | TEXT, json::submit(&self.key, payload).into_bytes()),
            Framing::Binary => (FIN | BINARY, binary::submit(id, payload)),
        };
        self.socket.send(first, &message).then_some(id)
    }

    /// The next message, or none when the connection ends first.
    ///
    /// # Panics
    /// When nothing comes within [`PATIENCE`], or a frame that is no message.
    pub fn try_message(&mut self) -> Option<Message> {
        match self.socket.event(PATIENCE) {
            Event::Frame(frame) if frame.opcode() == CLOSE => {
                self.close_code = frame.close_code();
                None
            }
            // On a busy machine the server may find a client silent for long.
            Event::Frame(frame) if frame.opcode() == PING => {
                self.socket.send(FIN | PONG, &frame.payload);
                self.try_message()
            }
            Event::Frame(frame) => Some(self.parse(&frame)),
            Event::End => None,
            Event::Nothing => panic!("waited for a message"),
        }
    }

    /// The code of the close frame that [`Peer::try_message`] met.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        self.close_code
    }

    /// The next message.
    ///
    /// # Panics
    /// When the connection ends first.
    pub fn message(&mut self) -> Message {
        self.try_message().expect("a message before the connection ends")
    }

    /// The next message, which must be a change: its sequence number and payload.
    pub fn change(&mut self) -> (u64, Vec<u8>) {
        self.message().into_change()
    }

    /// The next `count` messages, which must be changes.
    pub fn changes(&mut self, count: usize) -> Vec<(u64, Vec<u8>)> {
        (0..count).map(|_| self.change()).collect()
    }

    /// Listens for a while.
    ///
    /// # Panics
    /// When anything comes.
    pub fn hears_nothing(&mut self) {
        assert_eq!(self.socket.event(SILENCE), Event::Nothing, "nothing was to come");
    }

    fn parse(&self, frame: &Frame) -> Message {
        match self.framing {
            Framing::Json => {
                assert_eq!(frame.first, FIN | TEXT, "a JSON message is one text frame");
                json::parse(&self.key, &frame.payload)
            }
            Framing::Binary => {
                assert_eq!(frame.first, FIN | BINARY, "a binary message is one binary frame");
                binary::parse(&frame.payload)
            }
        }
    }
}
