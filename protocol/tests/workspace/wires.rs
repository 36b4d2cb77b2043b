//! The wire there and back, whatever the key, the value and the stamp.

use proptest::prelude::*;
use serde_json::value::RawValue;
use syncline_protocol::dialects::workspace::{
    Change, ClientMessage, DecodeError, ServerMessage, decode_client, decode_server, encode_error,
    encode_op,
};

fn written(encode: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    encode(&mut out);
    String::from_utf8(out).unwrap()
}

fn values() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<f64>().prop_filter("JSON has none", |x| x.is_finite()).prop_map(|x| format!("{x:e}")),
        any::<i128>().prop_map(|x| x.to_string()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(" ,"))),
            prop::collection::vec(inner, 0..4).prop_map(|all| {
                let fields: Vec<String> =
                    all.iter().map(|value| format!("\"a\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// The parts of an operation.
fn parts(change: &Change<'_>) -> (String, String, i64) {
    (change.key.to_string(), change.value.get().to_owned(), change.timestamp)
}

proptest! {
    #[test]
    fn an_operation_comes_back(key in "\\PC{1,20}|[\\x00-\\x7f]{1,20}", value in values(), stamp: i64) {
        let raw: &RawValue = serde_json::from_str(&value).unwrap();
        let text = written(|out| encode_op(&key, raw, stamp, out));
        let Ok(ClientMessage::Op(change)) = decode_client(&text) else { panic!("{text}") };
        prop_assert_eq!(parts(&change), (key.clone(), value.clone(), stamp));
        let Ok(ServerMessage::Op(change)) = decode_server(&text) else { panic!("{text}") };
        prop_assert_eq!(parts(&change), (key.clone(), value.clone(), stamp));
        // Written in any other way, it is the same.
        let key_json = serde_json::to_string(&key).unwrap();
        let other = format!(
            r#"{{"payload":{{"later":[],"timestamp":{stamp}.0,"value": {value} ,"key":{key_json}}},"type":"op"}}"#
        );
        let Ok(ClientMessage::Op(change)) = decode_client(&other) else { panic!("{other}") };
        prop_assert_eq!(parts(&change), (key, value, stamp));
    }

    #[test]
    fn any_text_is_read_without_harm(text: String) {
        let _ = decode_client(&text);
        let _ = decode_server(&text);
    }

    #[test]
    fn an_error_comes_back(why: String) {
        let text = written(|out| encode_error(&why, out));
        let Ok(ServerMessage::Error(said)) = decode_server(&text) else { panic!("{text}") };
        prop_assert_eq!(said, why);
    }
}

#[test]
fn an_init_is_read_in_its_order() {
    let text = r#"{"type":"init","data":{"b":1,"a":{"x":[]}},"heads":["later"]}"#;
    let Ok(ServerMessage::Init(all)) = decode_server(text) else { panic!("no init") };
    let all: Vec<(&str, &str)> = all.iter().map(|(key, raw)| (key.as_str(), raw.get())).collect();
    assert_eq!(all, [("b", "1"), ("a", r#"{"x":[]}"#)]);
}

#[test]
fn what_a_server_may_say_one_day_is_no_error() {
    for text in [r#"{"type":"presence","users":[]}"#, r#"{"type":"ack"}"#, "{}"] {
        assert!(matches!(decode_server(text), Ok(ServerMessage::Unknown)), "{text}");
    }
    for text in [r#"{"type":"init"}"#, r#"{"type":"init","data":[]}"#, r#"{"type":"op"}"#] {
        assert!(matches!(decode_server(text), Err(DecodeError::Invalid(_))), "{text}");
    }
    assert!(matches!(decode_server("[]"), Err(DecodeError::Malformed)));
}
