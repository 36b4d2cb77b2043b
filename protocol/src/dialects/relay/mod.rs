//! The `relay` dialect: opaque changes of a document, routed by its discovery key.
//!
//! A client says hello with a discovery key, gets every change of that key after the last one it
//! has, then the live ones. The server numbers changes and never looks into them. Two wires meet
//! in the same rooms: [`json`], the wire of the original clients, and [`binary`].
//!
//! ```
//! use syncline_protocol::dialect::{Handshake, Incoming, Moment, Session, Step};
//! use syncline_protocol::dialects::relay::Relay;
//!
//! let relay = Relay::default();
//! let mut session = relay.accept(&Handshake { path: Relay::PATH, subprotocols: &[] }).session;
//! let hello = r#"{"Hello":{"client_id":"a","discovery_key":"k","last_sequence":7}}"#;
//! let step = session.receive(Incoming::Text(hello), Moment::default()).expect("text closes no JSON session");
//! let Step::Join { room, after } = step else { panic!("a hello joins") };
//! assert_eq!((room.as_str(), after), ("k", 7));
//! ```

pub mod binary;
pub mod json;
mod message;
mod number_array;
mod proto;
mod protobuf;
mod room;
mod session;

pub use message::{Change, DecodeError, Hello, NAME_BYTES_MAX, ServerMessage};
pub use room::{Command, Limits, Room};
pub use session::{Session, ignored};

use std::convert::Infallible;

use crate::dialect::{Accepted, Dialect, Framing, Handshake};

/// The dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relay {
    limits: Limits,
}

impl Relay {
    /// The dialect with these limits for each discovery key.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// The path of its upgrade request.
    pub const PATH: &'static str = "/sync";

    /// A session for a peer that sent this upgrade request.
    #[must_use]
    pub fn accept(&self, handshake: &Handshake<'_>) -> Accepted<Session> {
        if handshake.subprotocols.contains(&binary::SUBPROTOCOL) {
            let session = Session::new(Framing::Binary);
            Accepted { session, subprotocol: Some(binary::SUBPROTOCOL) }
        } else {
            Accepted { session: Session::new(Framing::Text), subprotocol: None }
        }
    }
}

impl Dialect for Relay {
    const NAME: &'static str = "relay";
    type Command = Command;
    type Answer = Infallible;
    type Session = Session;
    type Room = Room;
    type Notice = ();
    type Window = ();
    type Prepared = ();

    fn room(&self, name: &str) -> Room {
        Room::new(name, self.limits)
    }

    fn deliver(&self, framing: Framing, room: &str, seq: u64, record: &[u8], out: &mut Vec<u8>) {
        match framing {
            Framing::Binary => out.extend_from_slice(record),
            Framing::Text => {
                if let Some(change) = binary::usual_change(record) {
                    json::encode_change(seq, room, change.source_client_id, change.payload, out);
                }
            }
        }
    }
}
