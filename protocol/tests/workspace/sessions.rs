//! What a session takes, passes over, complains of and refuses.

use proptest::prelude::*;
use syncline_protocol::{
    dialect::{Member, Session as _, UnixMillis},
    dialects::workspace::{Handshake, Limits, Settings, Workspace},
};

use crate::double::{Client, Effect, NOW, Space, handshake, label, op, text};

fn client() -> Client {
    Client::connect(Workspace::default())
}

/// What the first message of a new connection comes to.
fn first(message: &str) -> String {
    label(client().text(message))
}

#[test]
fn it_begins_with_the_opening_of_its_workspace() {
    assert_eq!(label(Ok(client().session.start())), "open plans/ü");
}

#[test]
fn pings_want_nothing_and_what_is_no_message_is_passed_over() {
    assert_eq!(first(r#"{"type":"ping","timestamp":1702483200000}"#), "none");
    for text in ["", "{oops", "[]", "null", "42", "\"op\"", "{} {}", "\u{feff}{}"] {
        assert_eq!(first(text), "ignored malformed", "{text}");
    }
    for text in ["{}", r#"{"type":"presence"}"#, r#"{"type":7}"#, r#"{"type":null}"#] {
        assert_eq!(first(text), "ignored unknown_message", "{text}");
    }
    let binary = syncline_protocol::dialect::Incoming::Binary(op("k", "1", 1).into());
    let step = client().session.receive(binary, Default::default());
    assert_eq!(label(step), "ignored binary_message");
}

#[test]
fn what_cannot_be_an_operation_is_answered_with_the_reason() {
    let long_key = op(&"k".repeat(65_536), "1", 1);
    for (message, why) in [
        (r#"{"type":"op"}"#, "the payload is missing"),
        (r#"{"type":"op","payload":[]}"#, "the payload must be an object"),
        (r#"{"type":"op","payload":null}"#, "the payload must be an object"),
        (r#"{"type":"op","payload":{"value":1,"timestamp":1}}"#, "the key must be a string"),
        (&op("", "1", 1), "the key must be a string"),
        (
            r#"{"type":"op","payload":{"key":7,"value":1,"timestamp":1}}"#,
            "the key must be a string",
        ),
        (&op(r"\ud800", "1", 1), "the key must be a string"),
        (&long_key, "the key is too long"),
        (r#"{"type":"op","payload":{"key":"k","timestamp":1}}"#, "the value is missing"),
        (r#"{"type":"op","payload":{"key":"k","value":1}}"#, "the timestamp must be an integer"),
    ] {
        let answer = first(message);
        let expected = format!(r#"answered {{"type":"error","payload":"invalid_op: {why}"#);
        assert!(answer.starts_with(&expected), "{message:.80}: {answer}");
    }
    for stamp in ["1.5", "\"1\"", "null", "true", "[1]", "1e30", "9223372036854775808"] {
        let message =
            format!(r#"{{"type":"op","payload":{{"key":"k","value":1,"timestamp":{stamp}}}}}"#);
        assert!(first(&message).contains("the timestamp must be"), "{stamp}");
    }
}

#[test]
fn complaints_come_once_a_second() {
    let mut client = client();
    let mut at = |ms: u64| {
        client.moment.now = UnixMillis(NOW.0 + ms);
        label(client.text(r#"{"type":"op"}"#)).split(' ').next().unwrap().to_owned()
    };
    let said = [0, 1, 999, 1000, 1001, 2500].map(&mut at);
    assert_eq!(said, ["answered", "ignored", "ignored", "answered", "ignored", "answered"]);
}

#[test]
fn the_last_of_a_field_that_is_there_twice_counts() {
    let mut space = Space::new(Settings::default());
    let mut alice = space.join();
    space.take(
        Member(1),
        &mut alice,
        r#"{"type":"ping","payload":7,"type":"op","payload":{"key":"a","value":1,"timestamp":9,
            "key":"b","value":2,"timestamp":8}}"#,
    );
    assert_eq!(space.delivered("b").1, op("b", "2", 8));
}

#[test]
fn stamps_of_any_size_and_form_are_taken() {
    for stamp in ["0", "-1", "9223372036854775807", "1.7e15", "12.0", "-9223372036854775808"] {
        let message =
            format!(r#"{{"type":"op","payload":{{"key":"k","value":null,"timestamp":{stamp}}}}}"#);
        assert_eq!(first(&message), "command", "{stamp}");
    }
}

/// The effects of a client's operation on a key that is there and on one that is not.
fn refused(settings: Settings, who: Handshake<'_>, value: &str, stamp: i64) -> [Vec<Effect>; 2] {
    let mut space = Space::new(settings);
    let mut owner = space.join();
    space.take(Member(1), &mut owner, &op("there", "1", 1));
    let before = space.memory.clone();
    let mut client = space.join();
    client.session = space.workspace.accept(&who);
    let effects =
        ["there", "new"].map(|key| space.take(Member(2), &mut client, &op(key, value, stamp)));
    assert_eq!(space.memory, before);
    effects
}

#[test]
fn who_may_not_write_is_told_and_corrected() {
    let who = Handshake { may_write: false, ..handshake() };
    let [there, new] = refused(Settings::default(), who, "2", 2);
    let Effect::Reply { to: Member(2), message, .. } = &there[0] else { panic!("{there:?}") };
    assert!(text(message).starts_with(r#"{"type":"error","payload":"permission_denied: "#));
    assert_eq!(there[1..], [Effect::Resend { to: Member(2), key: b"there".to_vec() }]);
    // Within the same second nothing more is said, and there is nothing to correct it with.
    assert_eq!(new, []);
}

#[test]
fn the_future_is_as_far_as_it_is_set() {
    let settings = Settings { future_skew_max_ms: 1000, ..Settings::default() };
    let latest = (NOW.0 as i64 + 1000) * 1000;
    let [there, _] = refused(settings, handshake(), "2", latest + 1);
    assert_eq!(there.len(), 2);
    let mut space = Space::new(settings);
    let mut client = space.join();
    assert_eq!(space.take(Member(1), &mut client, &op("k", "1", latest)).len(), 1);
    assert_eq!(space.take(Member(1), &mut client, &op("l", "1", i64::MIN)).len(), 1);
    assert_eq!(first(&op("k", "1", i64::MAX)), "command");
}

#[test]
fn values_nest_to_a_depth() {
    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let [there, _] = refused(Settings::default(), handshake(), &deep(121), 2);
    assert_eq!(there.len(), 2);
    let [there, _] = refused(Settings::default(), handshake(), &deep(1_000_000), 2);
    assert_eq!(there.len(), 2);
    let brackets = format!("\"{}\"", "[".repeat(1000));
    assert_eq!(first(&op("k", &brackets, 1)), "command");
}

#[test]
fn keys_are_as_long_as_set() {
    let limits = Limits { key_bytes_max: 4, ..Limits::default() };
    let workspace = Workspace::new(Settings { limits, ..Settings::default() });
    assert_eq!(label(Client::connect(workspace).text(&op("éé", "1", 1))), "command");
    assert!(label(Client::connect(workspace).text(&op("ééx", "1", 1))).contains("too long"));
    assert_eq!(first(&op(&"k".repeat(65_535), "1", 1)), "command");
}

#[test]
fn the_end_of_a_token_ends_the_session() {
    let end = UnixMillis(NOW.0 + 10);
    let mut client = client();
    client.session = Workspace::default().accept(&Handshake { expires: Some(end), ..handshake() });
    let (at, violation) = client.session.expires().expect("an end");
    assert_eq!((at, violation.code), (end, 4001));
    assert_eq!(label(client.text(&op("k", "1", 1))), "command");
    client.moment.now = end;
    assert_eq!(label(client.text(&op("k", "1", 1))), "close 4001");
}

#[test]
fn nothing_printed_names_a_key_or_a_value() {
    let mut client = client();
    let printed = format!("{:?}", client.text(&op("secret", "\"secret\"", 1)));
    assert!(printed.contains("Set") && !printed.contains("secret"), "{printed}");
}

proptest! {
    /// JSON of the right words in any order, and anything else.
    #[test]
    fn any_text_is_answered(text in prop_oneof![any::<String>(), word_salad()]) {
        let mut client = client();
        prop_assert!(client.text(&text).is_ok(), "no text closes a connection");
    }
}

fn word_salad() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\"type\":",
        "\"op\"",
        "\"payload\":{",
        "\"key\":",
        "\"k\"",
        "\"value\":",
        "\"timestamp\":",
        "-",
        "0",
        "1e9",
        "\\u",
        "é",
        "null",
        " ",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|w| w.concat())
}
