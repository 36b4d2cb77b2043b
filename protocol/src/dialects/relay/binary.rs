//! The binary wire: one protobuf message (proto/relay.proto) per binary message.
//!
//! Submits and changes are the hot path: they are read and written by hand where their bytes have
//! the usual form, and by prost where they have not. Nothing here knows a session or a room.

use bytes::{Buf, Bytes};
use prost::Message;

use super::{
    message::{Change, DecodeError, Hello, ServerMessage},
    proto::{self, client_message, server_message},
    protobuf::{
        Fields, LENGTH_DELIMITED, VARINT, bytes_field_len, varint_field_len, varint_len,
        write_bytes_field, write_varint, write_varint_field,
    },
};

/// The WebSocket subprotocol that chooses this wire.
pub const SUBPROTOCOL: &str = "syncline.relay.v1";

/// What a client says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// Its first message.
    Hello(Hello),
    /// A change to store and to bring to the others.
    Submit {
        /// Chosen by the client, ascending within its connection.
        id: u64,
        /// Any bytes: a part of the message, not a copy.
        payload: Bytes,
    },
    /// A message of a later version, to be passed over.
    Unknown,
}

// Keys of the fields read and written by hand: number << 3 | wire type.
const CLIENT_SUBMIT: u8 = 2 << 3 | LENGTH_DELIMITED;
const SUBMIT_ID: u8 = 1 << 3 | VARINT;
const SUBMIT_PAYLOAD: u8 = 2 << 3 | LENGTH_DELIMITED;
const SERVER_CHANGE: u8 = 1 << 3 | LENGTH_DELIMITED;
const SERVER_ACCEPTED: u8 = 2 << 3 | LENGTH_DELIMITED;
const SERVER_CAUGHT_UP: u8 = 3 << 3 | LENGTH_DELIMITED;
const CHANGE_SEQUENCE: u8 = 1 << 3 | VARINT;
const CHANGE_SOURCE: u8 = 2 << 3 | LENGTH_DELIMITED;
const CHANGE_PAYLOAD: u8 = 3 << 3 | LENGTH_DELIMITED;
const ACCEPTED_ID: u8 = 1 << 3 | VARINT;
const ACCEPTED_SEQUENCE: u8 = 2 << 3 | VARINT;
const CAUGHT_UP_SEQUENCE: u8 = 1 << 3 | VARINT;

/// Reads a message of a client. It allocates no more than the names of a hello.
///
/// # Errors
/// [`DecodeError::Malformed`] when the bytes are no protobuf, a string is no UTF-8 or a known
/// field has another type; [`DecodeError::InvalidHello`].
pub fn decode_client(mut message: Bytes) -> Result<ClientMessage, DecodeError> {
    if let Some((id, payload_start)) = usual_submit(&message) {
        message.advance(payload_start);
        return Ok(ClientMessage::Submit { id, payload: message });
    }
    match proto::ClientMessage::decode(message).map_err(|_| DecodeError::Malformed)?.kind {
        Some(client_message::Kind::Hello(hello)) => {
            Hello::new(hello.client_id, hello.discovery_key, hello.last_sequence, hello.ack)
                .map(ClientMessage::Hello)
        }
        Some(client_message::Kind::Submit(proto::Submit { id, payload })) => {
            Ok(ClientMessage::Submit { id, payload })
        }
        None => Ok(ClientMessage::Unknown),
    }
}

/// The id and the start of the payload of a submit whose fields are there once, in order, with
/// nothing else around. The payload goes to the end of the message.
fn usual_submit(message: &[u8]) -> Option<(u64, usize)> {
    let mut fields = Fields::new(message);
    fields.key(CLIENT_SUBMIT)?;
    fields.whole_length()?;
    fields.key(SUBMIT_ID)?;
    let id = fields.varint()?;
    fields.key(SUBMIT_PAYLOAD)?;
    fields.whole_length()?;
    Some((id, message.len() - fields.rest().len()))
}

/// Appends a hello.
pub fn encode_hello(hello: &Hello, out: &mut Vec<u8>) {
    let hello = proto::Hello {
        client_id: hello.client_id().to_owned(),
        discovery_key: hello.discovery_key().to_owned(),
        last_sequence: hello.last_sequence(),
        ack: hello.ack(),
    };
    let kind = Some(client_message::Kind::Hello(hello));
    out.extend_from_slice(&proto::ClientMessage { kind }.encode_to_vec());
}

/// Appends a change to submit. `id` must be above every id this connection used before.
pub fn encode_submit(id: u64, payload: &[u8], out: &mut Vec<u8>) {
    let body_len = varint_field_len(id) + bytes_field_len(payload);
    out.push(CLIENT_SUBMIT);
    write_varint(body_len as u64, out);
    write_varint_field(SUBMIT_ID, id, out);
    write_bytes_field(SUBMIT_PAYLOAD, payload, out);
}

/// A change, its parts lying in the message it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChangeRef<'a> {
    /// Its place among the changes of its key.
    pub sequence: u64,
    /// The client id of its maker.
    pub source_client_id: &'a str,
    /// The bytes, as they were submitted.
    pub payload: &'a [u8],
}

/// Reads a message that [`ChangeEncoder`] wrote, without copying; `None` for any other.
#[must_use]
pub fn usual_change(message: &[u8]) -> Option<ChangeRef<'_>> {
    let mut fields = Fields::new(message);
    fields.key(SERVER_CHANGE)?;
    fields.whole_length()?;
    fields.key(CHANGE_SEQUENCE)?;
    let sequence = fields.varint()?;
    fields.key(CHANGE_SOURCE)?;
    let source_client_id = std::str::from_utf8(fields.bytes()?).ok()?;
    if !fields.rest().is_empty() {
        fields.key(CHANGE_PAYLOAD)?;
        fields.whole_length()?;
    }
    Some(ChangeRef { sequence, source_client_id, payload: fields.rest() })
}

/// Writes the changes of one client: what does not change from one to the next is kept encoded.
pub struct ChangeEncoder {
    /// Key, length and bytes of the client id.
    source_field: Box<[u8]>,
}

impl ChangeEncoder {
    /// An encoder for the changes of this client.
    #[must_use]
    pub fn new(source_client_id: &str) -> Self {
        let mut source_field = Vec::with_capacity(bytes_field_len(source_client_id.as_bytes()));
        write_bytes_field(CHANGE_SOURCE, source_client_id.as_bytes(), &mut source_field);
        Self { source_field: source_field.into_boxed_slice() }
    }

    /// Appends a change.
    pub fn encode(&self, sequence: u64, payload: &[u8], out: &mut Vec<u8>) {
        let body_len =
            varint_field_len(sequence) + self.source_field.len() + bytes_field_len(payload);
        out.reserve(1 + varint_len(body_len as u64) + body_len);
        out.push(SERVER_CHANGE);
        write_varint(body_len as u64, out);
        write_varint_field(CHANGE_SEQUENCE, sequence, out);
        out.extend_from_slice(&self.source_field);
        write_bytes_field(CHANGE_PAYLOAD, payload, out);
    }
}

/// Appends the word that every submit up to `id` is durable and that `id` got `sequence`.
pub fn encode_accepted(id: u64, sequence: u64, out: &mut Vec<u8>) {
    out.push(SERVER_ACCEPTED);
    write_varint((varint_field_len(id) + varint_field_len(sequence)) as u64, out);
    write_varint_field(ACCEPTED_ID, id, out);
    write_varint_field(ACCEPTED_SEQUENCE, sequence, out);
}

/// Appends the word that the history has been sent up to `sequence`.
pub fn encode_caught_up(sequence: u64, out: &mut Vec<u8>) {
    out.push(SERVER_CAUGHT_UP);
    write_varint(varint_field_len(sequence) as u64, out);
    write_varint_field(CAUGHT_UP_SEQUENCE, sequence, out);
}

/// Reads a message of a server.
///
/// # Errors
/// [`DecodeError::Malformed`] when the bytes are no protobuf, a string is no UTF-8 or a known
/// field has another type.
pub fn decode_server(message: Bytes) -> Result<ServerMessage, DecodeError> {
    if let Some(change) = usual_change(&message) {
        return Ok(ServerMessage::Change(Change {
            sequence: change.sequence,
            source_client_id: change.source_client_id.to_owned(),
            payload: message.slice_ref(change.payload),
        }));
    }
    Ok(match proto::ServerMessage::decode(message).map_err(|_| DecodeError::Malformed)?.kind {
        Some(server_message::Kind::Change(change)) => ServerMessage::Change(Change {
            sequence: change.sequence,
            source_client_id: change.source_client_id,
            payload: change.payload,
        }),
        Some(server_message::Kind::Accepted(accepted)) => {
            ServerMessage::Accepted { id: Some(accepted.id), sequence: accepted.sequence }
        }
        Some(server_message::Kind::CaughtUp(proto::CaughtUp { sequence })) => {
            ServerMessage::CaughtUp { sequence }
        }
        None => ServerMessage::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out);
        out
    }

    /// Numbers of every size, payloads of every length a varint can begin to say.
    fn number() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift)
    }

    fn payload() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![any::<Vec<u8>>(), (120..140_usize).prop_map(|len| vec![7; len])]
    }

    proptest! {
        #[test]
        fn what_is_written_by_hand_is_what_prost_writes(
            id in number(), sequence in number(), source in "\\PC{0,200}", payload in payload()
        ) {
            let by_hand = encoded(|out| encode_submit(id, &payload, out));
            let submit = proto::Submit { id, payload: Bytes::from(payload.clone()) };
            let kind = Some(client_message::Kind::Submit(submit));
            prop_assert_eq!(by_hand, proto::ClientMessage { kind }.encode_to_vec());

            let server = |kind| proto::ServerMessage { kind: Some(kind) }.encode_to_vec();
            let by_hand = encoded(|out| ChangeEncoder::new(&source).encode(sequence, &payload, out));
            let (source_client_id, payload) = (source, Bytes::from(payload));
            let change = proto::Change { sequence, source_client_id, payload };
            prop_assert_eq!(by_hand, server(server_message::Kind::Change(change)));

            let by_hand = encoded(|out| encode_accepted(id, sequence, out));
            let accepted = proto::Accepted { id, sequence };
            prop_assert_eq!(by_hand, server(server_message::Kind::Accepted(accepted)));

            let by_hand = encoded(|out| encode_caught_up(sequence, out));
            let caught_up = proto::CaughtUp { sequence };
            prop_assert_eq!(by_hand, server(server_message::Kind::CaughtUp(caught_up)));
        }

        /// Whatever the hand-written readers take, prost takes too, and reads the same from it.
        #[test]
        fn what_is_read_by_hand_is_what_prost_reads(
            id in number(), payload in payload(), at: prop::sample::Index, byte: u8, bend: bool
        ) {
            let mut submit = encoded(|out| encode_submit(id, &payload, out));
            let mut change = encoded(|out| ChangeEncoder::new("a").encode(id, &payload, out));
            for message in [&mut submit, &mut change] {
                let at = at.index(message.len().min(12));
                message[at] = if bend { byte } else { message[at] };
            }
            if let Some((id, start)) = usual_submit(&submit) {
                let payload = Bytes::copy_from_slice(&submit[start..]);
                let kind = Some(client_message::Kind::Submit(proto::Submit { id, payload }));
                let read = proto::ClientMessage::decode(&submit[..]);
                prop_assert_eq!(read, Ok(proto::ClientMessage { kind }));
            } else if !bend {
                prop_assert!(id == 0 || id >> 63 == 1 || payload.is_empty());
            }
            if let Some(read) = usual_change(&change) {
                let kind = Some(server_message::Kind::Change(proto::Change {
                    sequence: read.sequence,
                    source_client_id: read.source_client_id.to_owned(),
                    payload: Bytes::copy_from_slice(read.payload),
                }));
                let by_prost = proto::ServerMessage::decode(&change[..]);
                prop_assert_eq!(by_prost, Ok(proto::ServerMessage { kind }));
            } else if !bend {
                prop_assert!(id == 0 || id >> 63 == 1);
            }
        }
    }

    #[test]
    fn fields_in_an_unusual_order_or_twice_are_read_by_prost() {
        let payload_first = [0x12, 5, 0x12, 1, b'x', 0x08, 3];
        let submit_twice = [0x12, 2, 0x08, 1, 0x12, 5, 0x08, 3, 0x12, 1, b'x'];
        let unknown_field = [0x12, 7, 0x08, 3, 0x12, 1, b'x', 0x78, 1];
        let long_varint = [0x12, 6, 0x08, 0x83, 0, 0x12, 1, b'x'];
        let messages: [&[u8]; 4] = [&payload_first, &submit_twice, &unknown_field, &long_varint];
        for message in messages {
            let read = decode_client(Bytes::copy_from_slice(message));
            let expected = ClientMessage::Submit { id: 3, payload: Bytes::from_static(b"x") };
            assert!(read == Ok(expected), "{message:x?}");
        }
    }

    #[test]
    fn a_payload_is_a_part_of_its_message() {
        let message = Bytes::from(encoded(|out| encode_submit(1, &[7; 1000], out)));
        let end = message.as_ptr_range().end;
        let Ok(ClientMessage::Submit { payload, .. }) = decode_client(message) else { panic!() };
        assert_eq!(payload.as_ptr_range().end, end);
    }
}
