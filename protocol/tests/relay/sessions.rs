//! What a session takes, passes over or closes for, on both wires.

use syncline_protocol::{
    dialect::{Framing, Handshake, Session as _},
    dialects::relay::{Hello, Relay, binary},
};

use crate::double::{Client, KEY, label};

fn hello_text(extra: &str) -> String {
    format!(r#"{{"Hello":{{"client_id":"a","discovery_key":"{KEY}","last_sequence":{extra}}}}}"#)
}

/// What a fresh JSON session answers to one text.
fn first(text: &str) -> String {
    label(Client::connect(Framing::Text).text(text))
}

#[test]
fn the_subprotocol_is_chosen_when_offered() {
    let accept = |subprotocols: &[&str]| {
        let accepted = Relay::default().accept(&Handshake { path: Relay::PATH, subprotocols });
        (accepted.subprotocol, accepted.session.framing())
    };
    assert_eq!(accept(&[]), (None, Framing::Text));
    assert_eq!(accept(&["chat", "syncline.relay.v2"]), (None, Framing::Text));
    assert_eq!(
        accept(&["chat", binary::SUBPROTOCOL]),
        (Some("syncline.relay.v1"), Framing::Binary)
    );
}

#[test]
fn a_hello_joins_after_its_last_sequence() {
    assert_eq!(first(&hello_text("7")), "join test_key_1 after 7");
    assert_eq!(first(&hello_text("-5")), "join test_key_1 after 0");
    assert_eq!(first(&hello_text("1000000000000000")), "join test_key_1 after 1000000000000000");
    assert_eq!(first(&hello_text("-9223372036854775808")), "join test_key_1 after 0");
    for (framing, sequence) in [(Framing::Text, i64::MAX as u64), (Framing::Binary, u64::MAX)] {
        let hello = Hello::new("a".into(), KEY.into(), sequence, false).unwrap();
        let step = Client::connect(framing).hello(&hello);
        assert_eq!(label(step), format!("join test_key_1 after {sequence}"));
    }
}

#[test]
fn unknown_fields_of_a_hello_are_passed_over() {
    for fields in [
        r#""features":["ack","presence"]"#,
        r#""features":"ack""#,
        r#""features":null"#,
        r#""features":[1,{}]"#,
        r#""token":{"deep":[[[1]]]}"#,
    ] {
        assert_eq!(first(&hello_text(&format!("0,{fields}"))), "join test_key_1 after 0");
    }
}

#[test]
fn no_valid_hello_no_join() {
    let named = |id: &str, key: &str| {
        first(&format!(
            r#"{{"Hello":{{"client_id":"{id}","discovery_key":"{key}","last_sequence":0}}}}"#
        ))
    };
    let longest = "é".repeat(128);
    assert_eq!(named(&longest, &longest), format!("join {longest} after 0"));
    for bad in [String::new(), longest + "x"] {
        assert_eq!(named(&bad, "k"), "ignored invalid_hello");
        assert_eq!(named("a", &bad), "ignored invalid_hello");
    }
    for sequence in ["1.5", "\"0\"", "9223372036854775808", "null", "1e400"] {
        assert_eq!(first(&hello_text(sequence)), "ignored malformed", "{sequence}");
    }
}

#[test]
fn an_invalid_hello_on_the_binary_wire_is_passed_over_too() {
    // Hello { client_id: "a" }
    let step = Client::connect(Framing::Binary).binary(&[0x0a, 3, 0x0a, 1, b'a']);
    assert_eq!(label(step), "ignored invalid_hello");
}

#[test]
fn what_is_no_message_is_passed_over_and_the_hello_still_works() {
    let deep = "[".repeat(100_000);
    let deep_unknown = hello_text(&format!("0,\"x\":{}{}", "[".repeat(5_000), "]".repeat(5_000)));
    let mut client = Client::connect(Framing::Text);
    for text in [
        "",
        "junk",
        "{}",
        "null",
        "\"Hello\"",
        r#"{"Hello":{}}"#,
        r#"{"Goodbye":{}}"#,
        r#"{"Hello":{"client_id":"a","discovery_key":"k","last_sequence":0}} x"#,
        "\u{feff}{}",
        r#"{"Hello":{"client_id":"\ud800","discovery_key":"k","last_sequence":0}}"#,
        r#"{"Hello":{"client_id":"a","client_id":"a","discovery_key":"k","last_sequence":0}}"#,
        &deep,
    ] {
        assert_eq!(label(client.text(text)), "ignored malformed", "{text:.60}");
    }
    assert_eq!(label(client.binary(&[1, 2, 3])), "ignored binary_message");
    assert_eq!(label(client.submit(&[1])), "ignored before_hello");
    assert_eq!(label(client.text(&deep_unknown)), "join test_key_1 after 0");
}

#[test]
fn submits_that_are_no_valid_json_are_passed_over() {
    let mut client = Client::joined(Framing::Text, "a", false);
    for payload in ["[256]", "[-1]", "[1.0]", "\"AQI=\"", "null", "[[1]]", "[1,]", "[1,2", "{}"] {
        let text = format!(r#"{{"SubmitChange":{{"discovery_key":"{KEY}","payload":{payload}}}}}"#);
        assert_eq!(label(client.text(&text)), "ignored malformed", "{payload}");
    }
    for end in ["", "}", "}}}", "}} x", "}}{}", "},\"Hello\":{}}", ",\"payload\":[2]}}", "]}}"] {
        let text = format!(r#"{{"SubmitChange":{{"discovery_key":"{KEY}","payload":[1]{end}"#);
        assert_eq!(label(client.text(&text)), "ignored malformed", "{end}");
    }
    assert_eq!(label(client.submit(&[])), "command");
}

#[test]
fn a_submit_may_be_written_in_any_form_of_json() {
    let mut client = Client::joined(Framing::Text, "a", false);
    for text in [
        r#"{ "SubmitChange" : { "discovery_key" : "test_key_1", "payload" : [ 1, 2 ] } }"#,
        r#"{"SubmitChange":{"payload":[1,2],"discovery_key":"test_key_1"}}"#,
        r#"{"SubmitChange":{"discovery_key":"test\u005fkey_1","payload":[1,2]}}"#,
        r#"{"SubmitChange":{"discovery_key":"test_key_1","more":{},"payload":[1,2]}}"#,
        "{\"SubmitChange\":{\"discovery_key\":\"test_key_1\",\"payload\":[1,2]}}\n",
    ] {
        assert_eq!(label(client.text(text)), "command", "{text}");
    }
}

#[test]
fn a_submit_for_another_key_is_passed_over() {
    let mut client = Client::joined(Framing::Text, "a", false);
    for key in ["test_key_2", "test_key_", "TEST_KEY_1", "", "test_key_1 "] {
        let text = format!(r#"{{"SubmitChange":{{"discovery_key":"{key}","payload":[1]}}}}"#);
        assert_eq!(label(client.text(&text)), "ignored wrong_key", "{key}");
    }
    assert_eq!(label(client.submit(&[1])), "command");
}

#[test]
fn a_second_hello_is_passed_over_whatever_its_key() {
    for framing in [Framing::Text, Framing::Binary] {
        let mut client = Client::joined(framing, "a", false);
        for key in [KEY, "another"] {
            let again = Hello::new("b".into(), key.into(), 0, true).unwrap();
            assert_eq!(label(client.hello(&again)), "ignored second_hello");
        }
        assert_eq!(label(client.submit(&[1])), "command");
    }
}

#[test]
fn submit_ids_must_ascend() {
    let submit = |id, client: &mut Client| {
        let mut message = Vec::new();
        binary::encode_submit(id, b"x", &mut message);
        label(client.binary(&message))
    };
    let mut client = Client::connect(Framing::Binary);
    assert_eq!(submit(9, &mut client), "ignored before_hello");
    let mut client = Client::joined(Framing::Binary, "a", true);
    for id in [0, 1, 5, u64::MAX - 1, u64::MAX] {
        assert_eq!(submit(id, &mut client), "command", "{id}");
    }
    for (first, second) in [(5, 5), (5, 4), (0, 0), (u64::MAX, 0)] {
        let mut client = Client::joined(Framing::Binary, "a", true);
        assert_eq!(submit(first, &mut client), "command");
        assert_eq!(submit(second, &mut client), "close 1008", "{first} {second}");
    }
}

#[test]
fn the_binary_wire_closes_for_text_and_for_what_is_no_protobuf() {
    let mut client = Client::connect(Framing::Binary);
    assert_eq!(label(client.text("{}")), "close 1003");
    let endless_varint = [0xff; 11];
    let two_gib = [0x12, 0xff, 0xff, 0xff, 0xff, 0x07];
    let field_zero = [0x00, 0x01];
    let end_of_no_group = [0x24];
    let bad_utf8 = [0x0a, 3, 0x0a, 1, 0xff];
    let submit_of_wrong_type = [0x10, 1];
    let groups = [0x23; 10_000];
    let messages: [&[u8]; 7] = [
        &endless_varint,
        &two_gib,
        &field_zero,
        &end_of_no_group,
        &bad_utf8,
        &submit_of_wrong_type,
        &groups,
    ];
    for message in messages {
        assert_eq!(label(client.binary(message)), "close 1007", "{message:.20?}");
    }
}

#[test]
fn messages_of_a_later_version_are_passed_over() {
    let mut client = Client::connect(Framing::Binary);
    assert_eq!(label(client.binary(&[])), "ignored unknown_message");
    assert_eq!(label(client.binary(&[0x7a, 1, 0])), "ignored unknown_message"); // field 15
    assert_eq!(label(client.binary(&[0x78, 1].repeat(500_000))), "ignored unknown_message");
}

#[test]
fn only_the_binary_wire_says_that_the_history_is_over() {
    assert_eq!(Client::joined(Framing::Text, "a", true).session.caught_up(9), None);
    let said = Client::joined(Framing::Binary, "a", false).session.caught_up(9);
    assert_eq!(said, Some(vec![0x1a, 2, 0x08, 9]));
}

#[test]
fn nothing_printed_names_a_key_or_a_payload() {
    let mut client = Client::connect(Framing::Text);
    let hello = Hello::new("a".into(), KEY.into(), 0, false).unwrap();
    assert!(!format!("{hello:?}").contains(KEY));
    client.hello(&hello).unwrap();
    let printed = format!("{:?}", client.submit(b"secret"));
    assert!(!printed.contains("115") && !printed.contains("secret"), "{printed}");
}
