//! What control messages and checks look like.

use proptest::prelude::*;
use serde_json::{Value, json};
use syncline_protocol::dialects::peer::sync::{
    Ack, BadControl, Check, Control, Secret, check::CHECK_BYTES_MAX, control::CONTROL_BYTES_MAX,
};

use super::request;

fn all() -> Vec<(Control, Value)> {
    let key = || Secret::new([7; 32]);
    let b64 = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let share = |epoch, id: Option<&str>| Control::GskShare {
        key: key(),
        epoch,
        key_id: id.map(Into::into),
    };
    let (sign, exchange, pop) = ([7; 32], [7; 32], [0; 64]);
    vec![
        (Control::SyncPing { t0: 5 }, json!({"type": "SYNC_PING", "t0": 5})),
        (
            Control::SyncPong { t0: 5, t1: -6, t2: 7 },
            json!({"type": "SYNC_PONG", "t0": 5, "t1": -6, "t2": 7}),
        ),
        (Control::GskReq, json!({"type": "GSK_REQ"})),
        (share(None, None), json!({"type": "GSK_SHARE", "key": b64})),
        (
            share(Some(u64::MAX), Some("0123456789abcdef")),
            json!({"type": "GSK_SHARE", "key": b64, "epoch": u64::MAX, "key_id": "0123456789abcdef"}),
        ),
        (Control::KeyReq, json!({"type": "KEY_REQ"})),
        (Control::RoomKey { key: key() }, json!({"type": "ROOM_KEY", "key": b64})),
        (
            Control::KeyRotate { sign, exchange, pop },
            json!({"type": "KEY_ROTATE", "sign": b64, "enc": b64, "pop": format!("{}==", "A".repeat(86))}),
        ),
        (
            Control::InviteClaim { request: request("r") },
            json!({"type": "INVITE_CLAIM", "request_id": "r"}),
        ),
        (Control::Unknown("Treekem_UPDATE".into()), json!({"type": "Treekem_UPDATE"})),
    ]
}

#[test]
fn every_control_message_is_written_and_read() {
    for (control, expected) in all() {
        let payload = control.encode();
        assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), expected);
        assert_eq!(Control::parse(&payload).unwrap(), control);
    }
}

#[test]
fn what_is_unknown_is_ignored_and_what_is_bad_is_said() {
    let parse = |text: &str| Control::parse(text.as_bytes());
    assert_eq!(parse(r#"{"type":"GSK_REQ","later":{"a":[1]}}"#), Ok(Control::GskReq));
    assert_eq!(parse(r#"{"type":"SYNC_PING","t0":5.0}"#), Ok(Control::SyncPing { t0: 5 }));
    assert_eq!(parse(r#"{"type":"LATER","key":7}"#), Ok(Control::Unknown("LATER".into())));
    for text in ["", "null", "[]", "{}", r#"{"type":7}"#, r#"{"type":"GSK_REQ""#, "\u{0}"] {
        assert_eq!(parse(text), Err(BadControl::NotJson), "{text}");
    }
    let bad = [
        r#"{"type":"SYNC_PING"}"#,
        r#"{"type":"SYNC_PING","t0":1e300}"#,
        r#"{"type":"SYNC_PONG","t0":1,"t1":2}"#,
        r#"{"type":"GSK_SHARE"}"#,
        r#"{"type":"GSK_SHARE","key":"AAAA"}"#,
        r#"{"type":"GSK_SHARE","key":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","epoch":-1}"#,
        r#"{"type":"GSK_SHARE","key":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","key_id":"x"}"#,
        r#"{"type":"KEY_ROTATE","sign":"","enc":"","pop":""}"#,
        r#"{"type":"INVITE_CLAIM","request_id":7}"#,
    ];
    for text in bad {
        assert_eq!(parse(text), Err(BadControl::BadFields), "{text}");
    }
    let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(CONTROL_BYTES_MAX));
    assert_eq!(parse(&long), Err(BadControl::TooLong));
}

#[test]
fn no_secret_is_shown() {
    let share = Control::GskShare { key: Secret::new([211; 32]), epoch: Some(1), key_id: None };
    assert!(!format!("{share:?}").contains("211"));
}

#[test]
fn an_ack_says_whether_and_why_not() {
    let acks = [
        (Ack { ok: true, code: None }, r#"{"ok":true}"#),
        (
            Ack { ok: false, code: Some("unsupported".into()) },
            r#"{"code":"unsupported","ok":false}"#,
        ),
    ];
    for (ack, text) in acks {
        assert_eq!(ack.encode(), text.as_bytes());
        assert_eq!(Ack::parse(text.as_bytes()), Ok(ack));
    }
    assert_eq!(Ack::parse(br#"{"ok":1}"#), Err(BadControl::NotJson));
    let long = format!(r#"{{"ok":false,"code":"{}"}}"#, "x".repeat(65));
    assert_eq!(Ack::parse(long.as_bytes()), Err(BadControl::BadFields));
}

#[test]
fn checks_of_both_versions_are_read() {
    let old = Check::parse(br#"{"count": 3, "hash": "empty"}"#).unwrap();
    assert_eq!((old.version, old.count, old.is_comparable()), (0, 3, false));
    let text = json!({
        "v": 2, "count": 1, "records": 2, "hash": "ab", "alg": "setsum-sha256",
        "vc": {"n": "2026-02-23T02:58:09.544865Z-0000-n"}, "tables": {"t": {"count": 1, "hash": "cd"}},
    });
    let check = Check::parse(text.to_string().as_bytes()).unwrap();
    assert!(check.is_comparable());
    assert_eq!(serde_json::from_slice::<Value>(&check.encode()).unwrap(), text);
    assert!(!Check { algorithm: "later".into(), ..check }.is_comparable());
}

#[test]
fn checks_that_are_none_or_too_large() {
    let tables: serde_json::Map<_, _> =
        (0..300).map(|n| (format!("t{n}"), json!({"count": 0, "hash": ""}))).collect();
    let many = json!({"count": 0, "hash": "", "tables": tables}).to_string();
    let long = json!({"count": 0, "hash": "x".repeat(CHECK_BYTES_MAX)}).to_string();
    for text in ["", "{}", r#"{"count":-1,"hash":""}"#, &many, &long] {
        assert!(Check::parse(text.as_bytes()).is_err());
    }
}

proptest! {
    #[test]
    fn nothing_breaks_the_readers(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Control::parse(&bytes), Ack::parse(&bytes), Check::parse(&bytes));
    }

    #[test]
    fn nothing_in_a_field_breaks_the_readers(kind in "[A-Z_]{1,12}|SYNC_PONG|GSK_SHARE|KEY_ROTATE", value: i64) {
        for value in [json!(value), json!(value.to_string()), json!([value])] {
            let text = json!({"type": kind, "t0": value, "t1": value, "t2": value, "key": value, "pop": value});
            let _ = Control::parse(text.to_string().as_bytes());
        }
    }
}
