//! The client's side of the wire: JSON messages, written and read. Knows how they are written;
//! nothing of what follows from them.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::{Number, value::RawValue};

use super::{json::Json, machine::Key};
use crate::transport::Message;

/// How the server writes the values of its first message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opening {
    /// `"data":{"key":value}`, without timestamps.
    #[default]
    Values,
    /// `"data":{"key":{"value":value,"timestamp":1}}`.
    Entries,
}

/// A key of the server's first message, with its value and, if the server says it, its timestamp.
pub(super) type Opened = (Key, Json, Option<i64>);

/// What the server says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerMessage {
    /// The whole workspace.
    Init(Vec<Opened>),
    /// A value of a key.
    Op { key: Key, value: Json, stamp: i64 },
    /// Something that this client sent was not taken.
    Refused(String),
    /// Nothing that concerns a client: it is passed over, as the original ones do.
    Other,
}

/// A first message that does not hold a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Operation<'a> {
    key: String,
    #[serde(borrow)]
    value: &'a RawValue,
    timestamp: Number,
}

#[derive(Deserialize)]
struct Enveloped<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
    timestamp: Number,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    payload: OutgoingOperation<'a>,
}

#[derive(Serialize)]
struct OutgoingOperation<'a> {
    key: &'a str,
    value: &'a RawValue,
    timestamp: i64,
}

/// The length that [`operation`] does not exceed, in bytes.
pub(super) fn operation_bytes_max(key: &str, value: &Json) -> usize {
    // A control character of the key takes six bytes.
    key.len().saturating_mul(6).saturating_add(value.text().len()).saturating_add(96)
}

/// The message that sets a key.
pub(super) fn operation(key: &str, value: &Json, stamp: i64) -> Message {
    let payload = OutgoingOperation { key, value: value.raw(), timestamp: stamp };
    let text = serde_json::to_string(&Outgoing { kind: "op", payload });
    Message::Text(text.expect("strings, numbers and raw JSON can be written as JSON"))
}

/// Reads a message of the server.
pub(super) fn read(message: &Message, opening: Opening) -> Result<ServerMessage, Malformed> {
    let Message::Text(text) = message else { return Ok(ServerMessage::Other) };
    let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else {
        return Ok(ServerMessage::Other);
    };
    match (&*frame.kind, frame.data, frame.payload) {
        ("init", data, _) => init(data.ok_or(Malformed)?, opening).map(ServerMessage::Init),
        ("op", _, Some(payload)) => Ok(op(payload).unwrap_or(ServerMessage::Other)),
        ("error", _, payload) => {
            Ok(ServerMessage::Refused(payload.map(reason).unwrap_or_default()))
        }
        _ => Ok(ServerMessage::Other),
    }
}

fn init(data: &RawValue, opening: Opening) -> Result<Vec<Opened>, Malformed> {
    let entries: BTreeMap<String, &RawValue> =
        serde_json::from_str(data.get()).map_err(|_| Malformed)?;
    let opened = entries.into_iter().map(|(key, raw)| match opening {
        Opening::Values => Some((key.into(), json(raw), None)),
        Opening::Entries => {
            let entry: Enveloped<'_> = serde_json::from_str(raw.get()).ok()?;
            Some((key.into(), json(entry.value), Some(micros(&entry.timestamp)?)))
        }
    });
    opened.collect::<Option<_>>().ok_or(Malformed)
}

fn op(payload: &RawValue) -> Option<ServerMessage> {
    let Operation { key, value, timestamp } = serde_json::from_str(payload.get()).ok()?;
    let stamp = micros(&timestamp)?;
    (!key.is_empty()).then(|| ServerMessage::Op { key: key.into(), value: json(value), stamp })
}

fn json(raw: &RawValue) -> Json {
    Json::from(raw.to_owned())
}

/// A timestamp; other servers pass on what their clients wrote, such as `1e6`.
fn micros(number: &Number) -> Option<i64> {
    let integral = |float: &f64| float.fract() == 0.0 && float.abs() < 9.2e18;
    #[allow(clippy::cast_possible_truncation, reason = "it is integral and in range")]
    number.as_i64().or_else(|| number.as_f64().filter(integral).map(|float| float as i64))
}

/// What an error says, shortened to what a person reads.
fn reason(payload: &RawValue) -> String {
    const CHARS_MAX: usize = 500;
    let text = serde_json::from_str::<String>(payload.get());
    text.unwrap_or_else(|_| payload.get().to_owned()).chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, opening: Opening) -> Result<ServerMessage, Malformed> {
        read(&Message::Text(text.into()), opening)
    }

    fn json(text: &str) -> Json {
        Json::from_text(text).unwrap()
    }

    #[test]
    fn an_operation_is_written_as_the_protocol_has_it_and_read_back() {
        let message = operation("a \"b\"\u{1}", &json("{\"x\": 1}"), 17);
        let Message::Text(text) = &message else { panic!("it is text") };
        assert_eq!(
            text,
            r#"{"type":"op","payload":{"key":"a \"b\"\u0001","value":{"x": 1},"timestamp":17}}"#
        );
        assert!(text.len() <= operation_bytes_max("a \"b\"\u{1}", &json("{\"x\": 1}")));
        let read = read(&message, Opening::Values);
        let key = "a \"b\"\u{1}".into();
        assert_eq!(read, Ok(ServerMessage::Op { key, value: json("{\"x\": 1}"), stamp: 17 }));
    }

    #[test]
    fn no_operation_is_longer_than_said() {
        for key in ["k", "\u{1}\u{2}\u{1f}", "\u{10ffff}"] {
            let Message::Text(text) = operation(key, &json("null"), i64::MIN) else {
                panic!("it is text")
            };
            assert!(text.len() <= operation_bytes_max(key, &json("null")));
        }
    }

    #[test]
    fn the_workspace_is_read_in_both_forms() {
        let values = read_text(r#"{"type":"init","data":{"b":[1 ],"a":null}}"#, Opening::Values);
        let expected = vec![("a".into(), json("null"), None), ("b".into(), json("[1 ]"), None)];
        assert_eq!(values, Ok(ServerMessage::Init(expected)));
        let text = r#"{"type":"init","data":{"a":{"key":"a","value":7,"timestamp":5}}}"#;
        let entries = read_text(text, Opening::Entries);
        assert_eq!(entries, Ok(ServerMessage::Init(vec![("a".into(), json("7"), Some(5))])));
    }

    #[test]
    fn a_first_message_without_a_workspace_is_an_error() {
        for text in [r#"{"type":"init"}"#, r#"{"type":"init","data":[]}"#] {
            assert_eq!(read_text(text, Opening::Values), Err(Malformed));
        }
        let bare = r#"{"type":"init","data":{"a":1}}"#;
        assert_eq!(read_text(bare, Opening::Entries), Err(Malformed));
    }

    #[test]
    fn what_is_not_for_us_is_passed_over() {
        for text in [
            "junk",
            "42",
            r#"{"type":"pong"}"#,
            r#"{"type":"presence","users":[]}"#,
            r#"{"type":"op"}"#,
            r#"{"type":"op","payload":{"key":"","value":1,"timestamp":1}}"#,
            r#"{"type":"op","payload":{"key":"a","timestamp":1}}"#,
            r#"{"type":"op","payload":{"key":"a","value":1,"timestamp":"1"}}"#,
            r#"{"type":"op","payload":{"key":"a","value":1,"timestamp":1.5}}"#,
        ] {
            assert_eq!(read_text(text, Opening::Values), Ok(ServerMessage::Other), "{text}");
        }
    }

    #[test]
    fn a_timestamp_may_be_written_as_a_float() {
        let text = r#"{"type":"op","payload":{"key":"a","value":1,"timestamp":1e6}}"#;
        let stamp = 1_000_000;
        let op = ServerMessage::Op { key: "a".into(), value: json("1"), stamp };
        assert_eq!(read_text(text, Opening::Values), Ok(op));
    }

    #[test]
    fn an_error_is_told_in_its_words() {
        let text = r#"{"type":"error","payload":"permission_denied"}"#;
        let refused = ServerMessage::Refused("permission_denied".into());
        assert_eq!(read_text(text, Opening::Values), Ok(refused));
    }
}
