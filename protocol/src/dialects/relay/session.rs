//! The state of one relay connection: before its hello, and after.
//!
//! What a peer sends out of turn is passed over, never answered (dossier, section 2, 7 to 11);
//! only the binary wire, which no old client speaks, calls some of it a violation.

use std::{borrow::Cow, convert::Infallible, sync::Arc};

use bytes::Bytes;

use super::{
    binary, json,
    message::{DecodeError, Hello},
    room::{Command, Sender},
};
use crate::dialect::{self, Framing, Incoming, Moment, Step, Violation};

/// Why messages are passed over: the reasons in [`Step::Ignored`].
pub mod ignored {
    /// No message of the protocol.
    pub const MALFORMED: &str = "malformed";
    /// A hello whose client id or discovery key is empty or too long.
    pub const INVALID_HELLO: &str = "invalid_hello";
    /// Something else than a hello, before the hello.
    pub const BEFORE_HELLO: &str = "before_hello";
    /// A hello after the hello, for the same key or another.
    pub const SECOND_HELLO: &str = "second_hello";
    /// A change for another key than that of the hello.
    pub const WRONG_KEY: &str = "wrong_key";
    /// A binary message in the JSON framing.
    pub const BINARY_MESSAGE: &str = "binary_message";
    /// A message of a later version.
    pub const UNKNOWN_MESSAGE: &str = "unknown_message";
}

/// Binary framing, and a message that is no protobuf of ours.
pub(super) const NOT_PROTOBUF: Violation =
    Violation { code: 1007, reason: "not a message of syncline.relay.v1" };
/// Binary framing, and a text message.
pub(super) const TEXT_MESSAGE: Violation =
    Violation { code: 1003, reason: "syncline.relay.v1 takes binary messages only" };
/// A submit whose id is not above the one before.
pub(super) const IDS_MUST_ASCEND: Violation =
    Violation { code: 1008, reason: "submit ids must ascend within a connection" };

/// The protocol state of one relay connection.
pub struct Session {
    framing: Framing,
    joined: Option<Joined>,
}

/// What a hello leaves behind.
struct Joined {
    discovery_key: Box<str>,
    sender: Arc<Sender>,
    last_id: Option<u64>,
}

impl Session {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, joined: None }
    }

    fn receive_text(&mut self, text: &str) -> Step<Command> {
        match json::decode_client(text) {
            Ok(json::ClientMessage::Hello(hello)) => self.hello(hello),
            Ok(json::ClientMessage::SubmitChange { discovery_key, payload }) => {
                self.submit_change(discovery_key, payload)
            }
            Err(DecodeError::InvalidHello) => Step::Ignored(ignored::INVALID_HELLO),
            Err(DecodeError::Malformed) => Step::Ignored(ignored::MALFORMED),
        }
    }

    fn receive_binary(&mut self, message: Bytes) -> Result<Step<Command>, Violation> {
        match binary::decode_client(message) {
            Ok(binary::ClientMessage::Submit { id, payload }) => self.submit(id, payload),
            Ok(binary::ClientMessage::Hello(hello)) => Ok(self.hello(hello)),
            Ok(binary::ClientMessage::Unknown) => Ok(Step::Ignored(ignored::UNKNOWN_MESSAGE)),
            Err(DecodeError::InvalidHello) => Ok(Step::Ignored(ignored::INVALID_HELLO)),
            Err(DecodeError::Malformed) => Err(NOT_PROTOBUF),
        }
    }

    fn hello(&mut self, hello: Hello) -> Step<Command> {
        if self.joined.is_some() {
            return Step::Ignored(ignored::SECOND_HELLO);
        }
        let sender = Arc::new(Sender::new(hello.client_id(), self.framing, hello.ack()));
        let after = hello.last_sequence();
        let room = hello.into_discovery_key();
        self.joined = Some(Joined { discovery_key: room.as_str().into(), sender, last_id: None });
        Step::Join { room, after }
    }

    /// A change on the JSON wire: it names its key and no id.
    fn submit_change(&self, discovery_key: Cow<'_, str>, payload: Bytes) -> Step<Command> {
        match &self.joined {
            None => Step::Ignored(ignored::BEFORE_HELLO),
            Some(joined) if *joined.discovery_key != *discovery_key => {
                Step::Ignored(ignored::WRONG_KEY)
            }
            Some(joined) => Step::Command(Command::new(&joined.sender, 0, payload)),
        }
    }

    /// A change on the binary wire: it names its id and no key.
    fn submit(&mut self, id: u64, payload: Bytes) -> Result<Step<Command>, Violation> {
        let Some(joined) = &mut self.joined else {
            return Ok(Step::Ignored(ignored::BEFORE_HELLO));
        };
        if joined.last_id.is_some_and(|last| id <= last) {
            return Err(IDS_MUST_ASCEND);
        }
        joined.last_id = Some(id);
        Ok(Step::Command(Command::new(&joined.sender, id, payload)))
    }
}

impl dialect::Session for Session {
    type Command = Command;
    type Answer = Infallible;
    type Window = ();

    fn framing(&self) -> Framing {
        self.framing
    }

    fn receive(
        &mut self,
        message: Incoming<'_>,
        _moment: Moment,
    ) -> Result<Step<Command>, Violation> {
        match (self.framing, message) {
            (Framing::Text, Incoming::Text(text)) => Ok(self.receive_text(text)),
            (Framing::Text, Incoming::Binary(_)) => Ok(Step::Ignored(ignored::BINARY_MESSAGE)),
            (Framing::Binary, Incoming::Binary(message)) => self.receive_binary(message),
            (Framing::Binary, Incoming::Text(_)) => Err(TEXT_MESSAGE),
        }
    }

    fn caught_up(&mut self, seq: u64) -> Option<Vec<u8>> {
        match self.framing {
            Framing::Text => None, // the original clients know no such message
            Framing::Binary => {
                let mut message = Vec::new();
                binary::encode_caught_up(seq, &mut message);
                Some(message)
            }
        }
    }
}
