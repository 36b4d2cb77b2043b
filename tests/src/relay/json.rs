//! The JSON framing, shape by shape. Written down again from the dossier; knows no socket.

use serde_json::json;

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
    json!({ "SubmitChange": { "discovery_key": key, "payload": payload } }).to_string()
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
        payload: Vec<u8>,
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
            Message::Change { seq: c.sequence_id, source: c.source_client_id, payload: c.payload },
        ),
        Wire::ChangeAccepted(a) => {
            (a.discovery_key, Message::Accepted { id: 0, seq: a.sequence_id })
        }
    };
    assert_eq!(of, key, "a message of another room");
    message
}
