//! The wire: one JSON object per text message, its kind in `type`.
//!
//! This is the wire of the original clients (dossier, section 1): names and their order must not
//! change, unknown fields are passed over. Nothing here knows a session or a room.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{fields, number, op};

/// What a client says.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientMessage<'a> {
    /// Set a key.
    Op(Change<'a>),
    /// It is alive. Takes no answer.
    Ping,
    /// A message of a later version, to be passed over.
    Unknown,
}

/// A key that is set, as it is on the wire.
#[derive(Debug)]
pub struct Change<'a> {
    /// The key, at least a byte long.
    pub key: Cow<'a, str>,
    /// The value, byte for byte. `null` is one.
    pub value: &'a RawValue,
    /// Microseconds since the Unix epoch, as the maker says; the highest wins.
    pub timestamp: i64,
}

/// Why text of a peer is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No JSON, or no object.
    #[error("not a message of the workspace protocol; see its description of the wire")]
    Malformed,
    /// An `op` that cannot be one, and why.
    #[error("invalid_op: {0}")]
    Invalid(&'static str),
}

/// An operation as encoders write it: every field there once and of its type.
#[derive(Deserialize)]
struct Usual<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    payload: UsualPayload<'a>,
}

#[derive(Deserialize)]
struct UsualPayload<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
    timestamp: i64,
}

/// Reads a message of a client. Of a field that is there twice the last one counts.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_client(text: &str) -> Result<ClientMessage<'_>, DecodeError> {
    if let Some(change) = usual_op(text) {
        return Ok(ClientMessage::Op(change));
    }
    let [kind, payload] =
        fields::of(text, ["type", "payload"]).map_err(|_| DecodeError::Malformed)?;
    match kind.and_then(string).as_deref() {
        Some("op") => change(payload).map(ClientMessage::Op),
        Some("ping") => Ok(ClientMessage::Ping),
        _ => Ok(ClientMessage::Unknown),
    }
}

/// The operation that is written as encoders write it; anything else is left to the reader that
/// tells what is wrong.
fn usual_op(text: &str) -> Option<Change<'_>> {
    let Usual { kind, payload } = serde_json::from_str(text).ok()?;
    let UsualPayload { key, value, timestamp } = payload;
    (kind == "op" && !key.is_empty()).then_some(Change { key, value, timestamp })
}

fn change(payload: Option<&RawValue>) -> Result<Change<'_>, DecodeError> {
    let payload = payload.ok_or(DecodeError::Invalid("the payload is missing"))?;
    let [key, value, timestamp] = fields::of(payload.get(), ["key", "value", "timestamp"])
        .map_err(|_| DecodeError::Invalid("the payload must be an object"))?;
    let key = key.and_then(string).filter(|key| !key.is_empty());
    let key = key.ok_or(DecodeError::Invalid("the key must be a string and not empty"))?;
    let value = value.ok_or(DecodeError::Invalid("the value is missing"))?;
    let timestamp = timestamp.and_then(|raw| number::integral(raw.get()));
    let timestamp = timestamp
        .ok_or(DecodeError::Invalid("the timestamp must be an integer of at most 64 bits"))?;
    Ok(Change { key, value, timestamp })
}

fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}

/// Appends the message that sets a key, of a client or of a server.
pub fn encode_op(key: &str, value: &RawValue, timestamp: i64, out: &mut Vec<u8>) {
    op::write(key, value.get().as_bytes(), timestamp, out);
}

/// Appends the word that something a client sent was not taken, and why.
pub fn encode_error(why: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"error","payload":"#);
    op::write_string(why, out);
    out.push(b'}');
}

/// What a server says.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerMessage<'a> {
    /// The first message: the value of every key. It replaces all that the client had.
    Init(Vec<(String, &'a RawValue)>),
    /// A key was set.
    Op(Change<'a>),
    /// Something this client sent was not taken.
    Error(String),
    /// A message of a later version, to be passed over.
    Unknown,
}

/// Reads a message of a server.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_server(text: &str) -> Result<ServerMessage<'_>, DecodeError> {
    if let Some(change) = usual_op(text) {
        return Ok(ServerMessage::Op(change));
    }
    let [kind, payload, data] =
        fields::of(text, ["type", "payload", "data"]).map_err(|_| DecodeError::Malformed)?;
    match kind.and_then(string).as_deref() {
        Some("op") => change(payload).map(ServerMessage::Op),
        Some("init") => {
            let data = data.ok_or(DecodeError::Invalid("the data of an init is missing"))?;
            let all = fields::all(data.get())
                .map_err(|_| DecodeError::Invalid("the data of an init must be an object"))?;
            Ok(ServerMessage::Init(all))
        }
        Some("error") => {
            let why = payload.and_then(string).unwrap_or_default();
            Ok(ServerMessage::Error(why.into_owned()))
        }
        _ => Ok(ServerMessage::Unknown),
    }
}
