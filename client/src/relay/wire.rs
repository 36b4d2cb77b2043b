//! The client's side of both wires of the relay, chosen once. Knows how messages are written;
//! nothing of what is in a payload.

use syncline_protocol::dialects::relay::{
    DecodeError, Hello, NAME_BYTES_MAX, ServerMessage, binary, json,
};

use super::machine::{Habits, Place};
use crate::transport::Message;

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// `syncline.relay.v1`: a payload byte costs one byte, and the server says when the history
    /// ends.
    #[default]
    Binary,
    /// The JSON of the original server: a payload byte costs about 3.6 bytes.
    Json,
}

/// The names this client says hello with are not 1 to 256 bytes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a client id must be 1 to {NAME_BYTES_MAX} bytes long")]
pub struct ClientIdError;

/// Reads and writes the messages of one client.
#[derive(Debug)]
pub(super) struct Wire {
    framing: Framing,
    acks: bool,
    client_id: String,
    discovery_key: String,
}

impl Wire {
    pub(super) fn new(
        framing: Framing,
        acks: bool,
        client_id: String,
        discovery_key: String,
    ) -> Result<Self, ClientIdError> {
        let fits = (1..=NAME_BYTES_MAX).contains(&client_id.len());
        if fits { Ok(Self { framing, acks, client_id, discovery_key }) } else { Err(ClientIdError) }
    }

    /// The subprotocol to ask for.
    pub(super) fn subprotocol(&self) -> Option<&'static str> {
        match self.framing {
            Framing::Binary => Some(binary::SUBPROTOCOL),
            Framing::Json => None,
        }
    }

    /// What the machine can rely on.
    pub(super) fn habits(&self) -> Habits {
        Habits { acks: self.acks, caught_up: self.framing == Framing::Binary }
    }

    /// The length that the submit of a payload does not exceed, in bytes.
    pub(super) fn submit_bytes_max(&self, payload_bytes: usize) -> usize {
        // Beside the payload: the id and two lengths of a varint each; or names and quotes.
        let beside = 64 + self.discovery_key.len();
        let per_byte = match self.framing {
            Framing::Binary => 1,
            Framing::Json => 4,
        };
        payload_bytes.saturating_mul(per_byte).saturating_add(beside)
    }

    /// The first message of a connection.
    pub(super) fn hello(&self, last_sequence: u64) -> Result<Message, DecodeError> {
        let (id, key) = (self.client_id.clone(), self.discovery_key.clone());
        let hello = Hello::new(id, key, last_sequence, self.acks)?;
        Ok(match self.framing {
            Framing::Binary => binary_message(|out| binary::encode_hello(&hello, out)),
            Framing::Json => text_message(|out| json::encode_hello(&hello, out)),
        })
    }

    /// The message that submits a change.
    pub(super) fn submit(&self, place: Place, payload: &[u8]) -> Message {
        match self.framing {
            Framing::Binary => binary_message(|out| binary::encode_submit(place, payload, out)),
            Framing::Json => {
                text_message(|out| json::encode_submit(&self.discovery_key, payload, out))
            }
        }
    }

    /// Reads a message of the server. As in the original app, JSON that says nothing to us is
    /// passed over.
    pub(super) fn read(&self, message: Message) -> Result<ServerMessage, DecodeError> {
        match (self.framing, message) {
            (Framing::Binary, Message::Binary(bytes)) => binary::decode_server(bytes),
            (Framing::Binary, Message::Text(_)) => Err(DecodeError::Malformed),
            (Framing::Json, Message::Binary(_)) => Ok(ServerMessage::Unknown),
            (Framing::Json, Message::Text(text)) => {
                Ok(json::decode_server(&text, &self.discovery_key)
                    .unwrap_or(ServerMessage::Unknown))
            }
        }
    }
}

fn binary_message(encode: impl FnOnce(&mut Vec<u8>)) -> Message {
    let mut out = Vec::new();
    encode(&mut out);
    Message::Binary(out.into())
}

fn text_message(encode: impl FnOnce(&mut Vec<u8>)) -> Message {
    let mut out = Vec::new();
    encode(&mut out);
    Message::Text(String::from_utf8(out).expect("JSON is UTF-8, and so are the names in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(framing: Framing) -> Wire {
        Wire::new(framing, true, "me".into(), "ab12".into()).unwrap()
    }

    fn message_bytes(message: &Message) -> usize {
        match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        }
    }

    #[test]
    fn no_submit_is_longer_than_said() {
        for framing in [Framing::Binary, Framing::Json] {
            for bytes in [0, 1, 127, 128, 1 << 14, 1 << 16] {
                let message = wire(framing).submit(u64::MAX, &vec![0xff; bytes]);
                let max = wire(framing).submit_bytes_max(bytes);
                assert!(message_bytes(&message) <= max, "{framing:?}, {bytes} bytes");
            }
        }
    }

    #[test]
    fn a_client_id_that_no_server_takes_is_refused_here() {
        for id in [String::new(), "x".repeat(NAME_BYTES_MAX + 1)] {
            let made = Wire::new(Framing::Json, true, id, "ab12".into());
            assert_eq!(made.err(), Some(ClientIdError));
        }
    }

    #[test]
    fn what_is_not_for_us_is_passed_over_in_json_and_an_error_in_binary() {
        let text = |text: &str| Message::Text(text.into());
        let json = wire(Framing::Json);
        assert_eq!(json.read(text("junk")), Ok(ServerMessage::Unknown));
        assert_eq!(json.read(text("{\"New\":{}}")), Ok(ServerMessage::Unknown));
        let binary = wire(Framing::Binary);
        assert_eq!(binary.read(text("junk")), Err(DecodeError::Malformed));
        assert_eq!(binary.read(Message::Binary(vec![0xff].into())), Err(DecodeError::Malformed));
    }
}
