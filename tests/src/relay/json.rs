//! The JSON framing, shape by shape. Written down again from the dossier; knows no socket.

use serde_json::{json, value::RawValue};

use super::{Hello, Message};

pub(super) fn hello(hello: &Hello) -> String {
    let mut fields = json!({
        "client_id": hello.client, "discovery_key": hello.key, "last_sequence": hello.after,
    });
    if hello.ack {
        fields["features"] = json!(["ack"]);
    }
    json!({ "Hello": fields }).to_string()
}

/// The JSON text of a submission.
#[must_use]
pub fn submit(key: &str, payload: &[u8]) -> String {
    let numbers: Vec<String> = (0..=255).map(|n: u8| n.to_string()).collect();
    let mut text = format!(r#"{{"SubmitChange":{{"discovery_key":{},"payload":["#, json!(key));
    for (at, byte) in payload.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "," });
        text.push_str(&numbers[usize::from(*byte)]);
    }
    text + "]}}"
}

/// Takes a JSON message apart; every field must be there and no other.
pub(super) fn parse(key: &str, text: &[u8]) -> Message {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    enum Wire {
        ChangeOccurred(Change),
        ChangeAccepted(Accepted),
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Change {
        sequence_id: u64,
        discovery_key: String,
        source_client_id: String,
        payload: Box<RawValue>,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Accepted {
        sequence_id: u64,
        discovery_key: String,
    }
    let message: Wire = serde_json::from_slice(text).expect("a message of the dialect");
    let (of, message) = match message {
        Wire::ChangeOccurred(c) => (
            c.discovery_key,
            Message::Change {
                seq: c.sequence_id,
                source: c.source_client_id,
                payload: bytes(c.payload.get()),
            },
        ),
        Wire::ChangeAccepted(a) => {
            (a.discovery_key, Message::Accepted { id: 0, seq: a.sequence_id })
        }
    };
    assert_eq!(of, key, "a message of another room");
    message
}

/// A JSON array of numbers from 0 to 255, written without spaces. By hand, because unoptimised
/// builds read millions of them.
fn bytes(array: &str) -> Vec<u8> {
    let inside = array.strip_prefix('[').and_then(|a| a.strip_suffix(']')).expect("an array");
    let (mut bytes, mut number, mut digits) = (Vec::with_capacity(inside.len() / 3), 0_u32, 0);
    for c in inside.bytes() {
        if c == b',' {
            assert!(digits > 0, "a number before each comma");
            bytes.push(u8::try_from(number).expect("a number up to 255"));
            (number, digits) = (0, 0);
        } else {
            assert!(c.is_ascii_digit() && digits < 3, "digits and commas only");
            (number, digits) = (number * 10 + u32::from(c - b'0'), digits + 1);
        }
    }
    if !inside.is_empty() {
        assert!(digits > 0, "a number after the last comma");
        bytes.push(u8::try_from(number).expect("a number up to 255"));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{bytes, submit};

    #[test]
    fn arrays_are_read_as_they_are_written() {
        let all: Vec<u8> = (0..=255).collect();
        for payload in [&all[..], &[], &[7]] {
            let text = submit("a\"key", payload);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["SubmitChange"]["discovery_key"], "a\"key");
            assert_eq!(bytes(&value["SubmitChange"]["payload"].to_string()), payload);
        }
    }
}
