//! Messages of the relay, of clients and of servers, on both wires: what is understood is written and
//! understood again, and the fast ways say what the plain ones say.

use bytes::Bytes;
use syncline_protocol::dialects::relay::{ServerMessage, binary, json};

use crate::input::Input;

const KEY: &str = "a key";

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 4 {
        0 => binary_client(input.0),
        1 => binary_server(input.0),
        2 => json_client(input.0),
        _ => json_server(input.0),
    }
}

fn binary_client(bytes: &[u8]) {
    use binary::{ClientMessage, decode_client, encode_hello, encode_submit};
    let mut again = Vec::new();
    match decode_client(Bytes::copy_from_slice(bytes)) {
        Ok(message @ ClientMessage::Hello(_)) => {
            if let ClientMessage::Hello(hello) = &message {
                encode_hello(hello, &mut again);
            }
            assert!(decode_client(again.into()) == Ok(message));
        }
        Ok(ClientMessage::Submit { id, payload }) => {
            assert!(payload.len() <= bytes.len());
            encode_submit(id, &payload, &mut again);
            assert!(decode_client(again.into()) == Ok(ClientMessage::Submit { id, payload }));
        }
        Ok(_) | Err(_) => {}
    }
}

fn binary_server(bytes: &[u8]) {
    let decoded = binary::decode_server(Bytes::copy_from_slice(bytes));
    if let Some(change) = binary::usual_change(bytes) {
        let Ok(ServerMessage::Change(plain)) = &decoded else { panic!("{decoded:?}") };
        assert_eq!(plain.sequence, change.sequence);
        assert_eq!(plain.source_client_id, change.source_client_id);
        assert_eq!(plain.payload, change.payload);
    }
    let mut again = Vec::new();
    match &decoded {
        Ok(ServerMessage::Change(change)) => binary::ChangeEncoder::new(&change.source_client_id)
            .encode(change.sequence, &change.payload, &mut again),
        Ok(ServerMessage::Accepted { id: Some(id), sequence }) => {
            binary::encode_accepted(*id, *sequence, &mut again);
        }
        Ok(ServerMessage::CaughtUp { sequence }) => binary::encode_caught_up(*sequence, &mut again),
        _ => return,
    }
    assert_eq!(binary::decode_server(again.into()), decoded);
}

fn json_client(bytes: &[u8]) {
    use json::{ClientMessage, decode_client, encode_hello, encode_submit};
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(message) = decode_client(text) else { return };
    let mut again = Vec::new();
    match &message {
        ClientMessage::Hello(hello) => encode_hello(hello, &mut again),
        ClientMessage::SubmitChange { discovery_key, payload } => {
            encode_submit(discovery_key, payload, &mut again);
        }
        _ => return,
    }
    let again = String::from_utf8(again).expect("JSON is UTF-8");
    assert!(decode_client(&again) == Ok(message), "{text:?} and {again:?}");
}

fn json_server(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(message) = json::decode_server(text, KEY) else { return };
    let mut again = Vec::new();
    match &message {
        ServerMessage::Change(change) => json::encode_change(
            change.sequence,
            KEY,
            &change.source_client_id,
            &change.payload,
            &mut again,
        ),
        ServerMessage::Accepted { id: None, sequence } => {
            json::encode_accepted(*sequence, KEY, &mut again);
        }
        _ => return,
    }
    let again = String::from_utf8(again).expect("JSON is UTF-8");
    assert_eq!(json::decode_server(&again, KEY), Ok(message));
}
