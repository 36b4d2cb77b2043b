//! Both wires, from any bytes and there and back.

use bytes::Bytes;
use proptest::prelude::*;
use syncline_protocol::{
    dialect::Framing,
    dialects::relay::{Change, Hello, ServerMessage, binary, json},
};

use crate::double::{Client, Key, label};

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

fn text(encode: impl FnOnce(&mut Vec<u8>)) -> String {
    String::from_utf8(encoded(encode)).unwrap()
}

fn hellos() -> impl Strategy<Value = Hello> {
    (
        "\\PC{1,60}|[\\x00-\\x7f]{1,60}",
        "\\PC{1,60}|[\\x00-\\x7f]{1,60}",
        any::<u64>(),
        any::<bool>(),
    )
        .prop_map(|(id, key, after, ack)| Hello::new(id, key, after >> 1, ack).unwrap())
}

fn payloads() -> impl Strategy<Value = Vec<u8>> {
    let all = (0..=255).collect::<Vec<u8>>();
    prop_oneof![Just(Vec::new()), Just(all), any::<Vec<u8>>()]
}

/// JSON of the right words in any order.
fn word_salad() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "Hello",
        "SubmitChange",
        "ChangeOccurred",
        "payload",
        "discovery_key",
        "client_id",
        "last_sequence",
        "features",
        "ack",
        "-",
        "0",
        "255",
        "1e9",
        "\\u",
        "é",
        "null",
        " ",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|w| w.concat())
}

/// A valid message of either side with a few bytes changed.
fn bent_messages() -> impl Strategy<Value = Vec<u8>> {
    let whole =
        (hellos(), payloads(), any::<u64>(), 0..4_u8).prop_map(|(hello, payload, n, which)| {
            encoded(|out| match which {
                0 => binary::encode_hello(&hello, out),
                1 => binary::encode_submit(n, &payload, out),
                2 => binary::ChangeEncoder::new(hello.client_id()).encode(n, &payload, out),
                _ => binary::encode_accepted(n, n, out),
            })
        });
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (whole, changes).prop_map(|(mut bytes, changes)| {
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_bytes_are_answered(bytes in prop_oneof![any::<Vec<u8>>(), bent_messages()]) {
        for mut client in [Client::connect(Framing::Binary), Client::joined(Framing::Binary, "a", true)] {
            let answer = label(client.binary(&bytes));
            prop_assert!(!answer.is_empty());
        }
        let _ = binary::decode_server(Bytes::from(bytes.clone()));
        let mut key = Key::new(Default::default());
        key.memory.log.push(bytes);
        let delivered = String::from_utf8(key.delivered(Framing::Text, 1));
        prop_assert!(delivered.is_ok(), "JSON is UTF-8 whatever the record");
    }

    #[test]
    fn any_text_is_answered(text in prop_oneof![any::<String>(), word_salad()]) {
        for mut client in [Client::connect(Framing::Text), Client::joined(Framing::Text, "a", true)] {
            prop_assert!(client.text(&text).is_ok(), "no text closes a JSON connection");
        }
        let _ = json::decode_server(&text, "k");
    }

    #[test]
    fn a_hello_comes_back_from_both_wires(hello in hellos()) {
        let json = text(|out| json::encode_hello(&hello, out));
        let expected = json::ClientMessage::Hello(hello.clone());
        prop_assert!(json::decode_client(&json) == Ok(expected));
        let bytes = encoded(|out| binary::encode_hello(&hello, out));
        let expected = binary::ClientMessage::Hello(hello);
        prop_assert!(binary::decode_client(Bytes::from(bytes)) == Ok(expected));
    }

    #[test]
    fn a_submit_comes_back_from_both_wires(id: u64, key in "\\PC{0,20}", payload in payloads()) {
        let text = text(|out| json::encode_submit(&key, &payload, out));
        let payload = Bytes::from(payload);
        let expected = json::ClientMessage::SubmitChange {
            discovery_key: key.into(),
            payload: payload.clone(),
        };
        prop_assert!(json::decode_client(&text) == Ok(expected));
        let bytes = encoded(|out| binary::encode_submit(id, &payload, out));
        let expected = binary::ClientMessage::Submit { id, payload };
        prop_assert!(binary::decode_client(Bytes::from(bytes)) == Ok(expected));
    }

    #[test]
    fn a_change_comes_back_from_both_wires(sequence: u64, hello in hellos(), payload in payloads()) {
        let (key, source) = (hello.discovery_key(), hello.client_id());
        let json = text(|out| json::encode_change(sequence, key, source, &payload, out));
        let bytes = encoded(|out| binary::ChangeEncoder::new(source).encode(sequence, &payload, out));
        let change = ServerMessage::Change(Change {
            sequence,
            source_client_id: source.into(),
            payload: Bytes::from(payload),
        });
        prop_assert!(json::decode_server(&json, key) == Ok(change.clone()));
        prop_assert!(json::decode_server(&json, "another key") == Ok(ServerMessage::Unknown));
        prop_assert!(binary::decode_server(Bytes::from(bytes)) == Ok(change));
    }

    #[test]
    fn the_words_of_the_server_come_back(id: u64, sequence: u64, hello in hellos()) {
        let bytes = encoded(|out| binary::encode_accepted(id, sequence, out));
        let accepted = ServerMessage::Accepted { id: Some(id), sequence };
        prop_assert_eq!(binary::decode_server(Bytes::from(bytes)), Ok(accepted));
        let bytes = encoded(|out| binary::encode_caught_up(sequence, out));
        let caught_up = ServerMessage::CaughtUp { sequence };
        prop_assert_eq!(binary::decode_server(Bytes::from(bytes)), Ok(caught_up));
        let key = hello.discovery_key();
        let json = text(|out| json::encode_accepted(sequence, key, out));
        let accepted = ServerMessage::Accepted { id: None, sequence };
        prop_assert_eq!(json::decode_server(&json, key), Ok(accepted));
    }
}

#[test]
fn what_a_server_may_say_one_day_is_no_error() {
    assert_eq!(json::decode_server(r#"{"Presence":{}}"#, "k"), Ok(ServerMessage::Unknown));
    assert!(json::decode_server("{", "k").is_err());
    let spaced = r#"{ "ChangeOccurred": {"payload": [1, 2], "later": 0, "source_client_id": "a",
        "discovery_key": "k", "sequence_id": 3} }"#;
    let change = Change { sequence: 3, source_client_id: "a".into(), payload: vec![1, 2].into() };
    assert_eq!(json::decode_server(spaced, "k"), Ok(ServerMessage::Change(change)));
    assert_eq!(binary::decode_server(Bytes::from_static(&[0x7a, 0])), Ok(ServerMessage::Unknown));
    assert!(binary::decode_server(Bytes::from_static(&[0x0a, 9])).is_err());
}
