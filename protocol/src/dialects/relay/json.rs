//! The JSON wire: one text message per value, enums tagged from outside, bytes as number arrays.
//!
//! This is the wire of the original clients (dossier, section 1): field names and their order must
//! not change, unknown fields are passed over. Nothing here knows a session or a room.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

use super::{
    message::{Change, DecodeError, Hello, ServerMessage},
    number_array,
};

/// What a client says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage<'a> {
    /// Its first message.
    Hello(Hello),
    /// A change to store and to bring to the others.
    SubmitChange {
        /// The key it is for; only the key of the hello is taken.
        discovery_key: Cow<'a, str>,
        /// Any bytes.
        payload: Bytes,
    },
}

/// The name in `features` that asks for [`encode_accepted`] messages.
const ACK: &str = "ack";

const SUBMIT_START: &[u8] = br#"{"SubmitChange":{"discovery_key":""#;
const SUBMIT_PAYLOAD: &[u8] = br#"","payload":"#;

#[derive(Deserialize)]
enum ClientWire<'a> {
    Hello {
        client_id: String,
        discovery_key: String,
        last_sequence: i64,
        #[serde(default, borrow)]
        features: Option<&'a RawValue>,
    },
    SubmitChange {
        #[serde(borrow)]
        discovery_key: Cow<'a, str>,
        payload: Vec<u8>,
    },
}

/// Reads a message of a client. A negative `last_sequence` counts as 0.
///
/// # Errors
/// [`DecodeError::Malformed`] for anything but the two messages, such as other JSON, a number of
/// the payload outside 0..=255 or a payload that is a string; [`DecodeError::InvalidHello`].
pub fn decode_client(text: &str) -> Result<ClientMessage<'_>, DecodeError> {
    if let Some((discovery_key, payload)) = decode_compact_submit(text) {
        return Ok(submit(Cow::Borrowed(discovery_key), payload));
    }
    match serde_json::from_str(text).map_err(|_| DecodeError::Malformed)? {
        ClientWire::Hello { client_id, discovery_key, last_sequence, features } => {
            let after = u64::try_from(last_sequence).unwrap_or(0);
            Hello::new(client_id, discovery_key, after, asks_for_ack(features))
                .map(ClientMessage::Hello)
        }
        ClientWire::SubmitChange { discovery_key, payload } => Ok(submit(discovery_key, payload)),
    }
}

fn submit(discovery_key: Cow<'_, str>, payload: Vec<u8>) -> ClientMessage<'_> {
    ClientMessage::SubmitChange { discovery_key, payload: Bytes::from(payload) }
}

/// A submit as JSON encoders write it by default: in field order, without white space. Anything
/// else is left to the full parser.
fn decode_compact_submit(text: &str) -> Option<(&str, Vec<u8>)> {
    let key_start = SUBMIT_START.len();
    let after_start = text.as_bytes().strip_prefix(SUBMIT_START)?;
    let key_bytes = after_start.iter().position(|&byte| byte == b'"' || needs_escape(byte))?;
    let array = after_start[key_bytes..].strip_prefix(SUBMIT_PAYLOAD)?;
    let (payload, rest) = number_array::read(array)?;
    (rest == b"}}").then(|| (&text[key_start..key_start + key_bytes], payload))
}

/// Whether `features` names [`ACK`]. A field of that name and another shape is an unknown field.
fn asks_for_ack(features: Option<&RawValue>) -> bool {
    let names: Option<Vec<Cow<'_, str>>> =
        features.and_then(|raw| serde_json::from_str(raw.get()).ok());
    names.is_some_and(|names| names.iter().any(|name| name == ACK))
}

/// Appends a hello. A sequence number above `i64::MAX` is written as `i64::MAX`.
pub fn encode_hello(hello: &Hello, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"Hello":{"client_id":"#);
    write_string(hello.client_id(), out);
    out.extend_from_slice(br#","discovery_key":"#);
    write_string(hello.discovery_key(), out);
    out.extend_from_slice(br#","last_sequence":"#);
    write_number(hello.last_sequence().min(i64::MAX.unsigned_abs()), out);
    if hello.ack() {
        out.extend_from_slice(br#","features":["ack"]"#);
    }
    out.extend_from_slice(b"}}");
}

/// Appends a change to submit.
pub fn encode_submit(discovery_key: &str, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"SubmitChange":{"discovery_key":"#);
    write_string(discovery_key, out);
    out.extend_from_slice(br#","payload":"#);
    number_array::write(payload, out);
    out.extend_from_slice(b"}}");
}

#[derive(Deserialize)]
enum ServerWire<'a> {
    ChangeOccurred {
        sequence_id: u64,
        #[serde(borrow)]
        discovery_key: Cow<'a, str>,
        source_client_id: String,
        #[serde(deserialize_with = "payload")]
        payload: Vec<u8>,
    },
    ChangeAccepted {
        sequence_id: u64,
        #[serde(borrow)]
        discovery_key: Cow<'a, str>,
    },
}

/// The payload of a change: the fast reader where it can, serde where it cannot.
fn payload<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = <&RawValue>::deserialize(deserializer)?.get();
    match number_array::read(text.as_bytes()) {
        Some((payload, [])) => Ok(payload),
        _ => serde_json::from_str(text).map_err(D::Error::custom),
    }
}

/// Reads a message of a server for a client that follows `discovery_key`. Messages for another key
/// and messages of a kind unknown here are [`ServerMessage::Unknown`].
///
/// # Errors
/// [`DecodeError::Malformed`] when the text is not JSON.
pub fn decode_server(text: &str, discovery_key: &str) -> Result<ServerMessage, DecodeError> {
    match serde_json::from_str(text) {
        Ok(ServerWire::ChangeOccurred {
            sequence_id: sequence,
            discovery_key: key,
            source_client_id,
            payload,
        }) if key == discovery_key => Ok(ServerMessage::Change(Change {
            sequence,
            source_client_id,
            payload: Bytes::from(payload),
        })),
        Ok(ServerWire::ChangeAccepted { sequence_id: sequence, discovery_key: key })
            if key == discovery_key =>
        {
            Ok(ServerMessage::Accepted { id: None, sequence })
        }
        Ok(_) => Ok(ServerMessage::Unknown),
        Err(error) if error.is_data() => Ok(ServerMessage::Unknown),
        Err(_) => Err(DecodeError::Malformed),
    }
}

/// Appends a change as the followers of `discovery_key` see it.
pub fn encode_change(
    sequence: u64,
    discovery_key: &str,
    source_client_id: &str,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(br#"{"ChangeOccurred":{"sequence_id":"#);
    write_number(sequence, out);
    out.extend_from_slice(br#","discovery_key":"#);
    write_string(discovery_key, out);
    out.extend_from_slice(br#","source_client_id":"#);
    write_string(source_client_id, out);
    out.extend_from_slice(br#","payload":"#);
    number_array::write(payload, out);
    out.extend_from_slice(b"}}");
}

/// Appends the word that a change of this client is durable, for clients that asked for `ack`.
pub fn encode_accepted(sequence: u64, discovery_key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"ChangeAccepted":{"sequence_id":"#);
    write_number(sequence, out);
    out.extend_from_slice(br#","discovery_key":"#);
    write_string(discovery_key, out);
    out.extend_from_slice(b"}}");
}

/// Whether a byte of UTF-8 may not stand for itself in a JSON string (RFC 8259, section 7).
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| needs_escape(byte)) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let [high, low] = [control >> 4, control & 15].map(|half| HEX[usize::from(half)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
