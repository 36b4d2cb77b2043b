//! One operation: a key, its value as raw JSON and a timestamp, kept as the finished message.
//!
//! What arrives is written once, and this one copy is stored from and sent. Knows no room.

use std::{fmt, ops::Range};

use serde_json::value::RawValue;

const START: &[u8] = br#"{"type":"op","payload":{"key":"#;
const VALUE: &[u8] = br#","value":"#;
const TIMESTAMP: &[u8] = br#","timestamp":"#;
const END: &[u8] = b"}}";

/// The bytes that a message has besides its key and its value, at most, unless the key has to be
/// escaped.
const AROUND: usize = START.len() + 2 + VALUE.len() + TIMESTAMP.len() + 20 + END.len();

/// An operation, and the message that carries it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Op {
    message: Vec<u8>,
    key: Key,
    value: Range<usize>,
    timestamp: i64,
}

/// Where the key is.
#[derive(Clone, PartialEq, Eq)]
enum Key {
    /// In the message, as it is.
    There(Range<usize>),
    /// Here, because the message has it escaped.
    Apart(Box<str>),
}

impl Op {
    pub(super) fn new(key: &str, value: &RawValue, timestamp: i64) -> Self {
        let value = value.get().as_bytes();
        let mut message = Vec::with_capacity(AROUND + key.len() + value.len());
        let (key_at, value_at) = write(key, value, timestamp, &mut message);
        let key = match key_at.len() == key.len() {
            true => Key::There(key_at),
            false => Key::Apart(key.into()),
        };
        Self { message, key, value: value_at, timestamp }
    }

    /// The key's bytes; UTF-8.
    pub(super) fn key(&self) -> &[u8] {
        match &self.key {
            Key::There(at) => &self.message[at.clone()],
            Key::Apart(key) => key.as_bytes(),
        }
    }

    /// The value's JSON.
    pub(super) fn value(&self) -> &[u8] {
        &self.message[self.value.clone()]
    }

    /// Microseconds since the Unix epoch, as its maker says.
    pub(super) fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The whole message, for everyone.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Op")
            .field("message_bytes", &self.message.len())
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

/// Appends the message of an operation. Says where the key stands in it, without its quotes, and
/// where the value.
pub(super) fn write(
    key: &str,
    value: &[u8],
    timestamp: i64,
    out: &mut Vec<u8>,
) -> (Range<usize>, Range<usize>) {
    out.extend_from_slice(START);
    let key_start = out.len() + 1;
    write_string(key, out);
    let key_at = key_start..out.len() - 1;
    out.extend_from_slice(VALUE);
    let value_start = out.len();
    out.extend_from_slice(value);
    let value_at = value_start..out.len();
    out.extend_from_slice(TIMESTAMP);
    write_number(timestamp, out);
    out.extend_from_slice(END);
    (key_at, value_at)
}

/// Appends text as a JSON string.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a JSON number.
pub(super) fn write_number(number: i64, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(out, &number);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    proptest! {
        #[test]
        fn the_parts_are_those_it_was_made_of(key in "\\PC{0,20}|[\\x00-\\x7f]{1,20}", timestamp: i64) {
            let op = Op::new(&key, raw(r#"{"b":1, "a":[]}"#), timestamp);
            prop_assert_eq!(op.key(), key.as_bytes());
            prop_assert_eq!(op.value(), br#"{"b":1, "a":[]}"#);
            prop_assert_eq!(op.timestamp(), timestamp);
            let read: serde_json::Value = serde_json::from_slice(op.message()).unwrap();
            prop_assert_eq!(&read["payload"]["key"], &key);
            prop_assert_eq!(&read["payload"]["timestamp"], &timestamp);
        }
    }

    #[test]
    fn a_plain_key_is_not_kept_twice_and_the_room_reserved_is_enough() {
        let op = Op::new("cursor", raw("1"), i64::MIN);
        assert!(matches!(op.key, Key::There(_)));
        assert_eq!(op.message.len(), AROUND + "cursor".len() + 1);
        assert_eq!(op.message.capacity(), op.message.len());
        assert!(matches!(Op::new("a\"b", raw("1"), 0).key, Key::Apart(_)));
    }
}
