//! Every message of both wires against files: whoever changes a byte on the wire sees it here.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use syncline_protocol::{
    dialect::{Framing, Session as _},
    dialects::relay::{Hello, Limits, binary, json},
};

use crate::double::{Client, KEY, Key, label};

const PAYLOAD: &[u8] = &[0, 7, 99, 100, 255];

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/golden/relay").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of a `.json` file, without the line feed that ends the file.
fn json_file(name: &str) -> String {
    file(name).trim_end().to_owned()
}

/// The bytes of a `.hex` file: hexadecimal digits, white space, comments from `#` to line end.
fn hex_file(name: &str) -> Vec<u8> {
    let text = file(name);
    let digits: Vec<u32> = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::chars)
        .filter_map(|c| c.to_digit(16))
        .collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

fn text(encode: impl FnOnce(&mut Vec<u8>)) -> String {
    String::from_utf8(encoded(encode)).unwrap()
}

fn hello() -> Hello {
    Hello::new("client-1".into(), KEY.into(), 17, true).unwrap()
}

#[test]
fn client_messages_in_json() {
    let hello_text = text(|out| json::encode_hello(&hello(), out));
    assert_eq!(hello_text, json_file("hello.json"));
    assert!(json::decode_client(&hello_text) == Ok(json::ClientMessage::Hello(hello())));
    assert_eq!(text(|out| json::encode_submit(KEY, PAYLOAD, out)), json_file("submit_change.json"));
}

#[test]
fn client_messages_in_protobuf() {
    let hello_bytes = encoded(|out| binary::encode_hello(&hello(), out));
    assert_eq!(hello_bytes, hex_file("hello.hex"));
    let decoded = binary::decode_client(Bytes::from(hello_bytes));
    assert!(decoded == Ok(binary::ClientMessage::Hello(hello())));
    assert_eq!(encoded(|out| binary::encode_submit(300, PAYLOAD, out)), hex_file("submit.hex"));
}

#[test]
fn server_messages_of_both_wires() {
    let mut key = Key::new(Limits::default());
    let mut client = Client::connect(Framing::Binary);
    assert_eq!(label(client.binary(&hex_file("hello.hex"))), "join test_key_1 after 17");
    key.take(syncline_protocol::dialect::Member(1), &mut client, PAYLOAD);
    assert_eq!(key.delivered(Framing::Binary, 1), hex_file("change.hex"));
    let json = String::from_utf8(key.delivered(Framing::Text, 1)).unwrap();
    assert_eq!(json, json_file("change_occurred.json"));
    assert_eq!(client.session.caught_up(1000), Some(hex_file("caught_up.hex")));
    assert_eq!(encoded(|out| binary::encode_accepted(300, 18, out)), hex_file("accepted.hex"));
    assert_eq!(text(|out| json::encode_accepted(18, KEY, out)), json_file("change_accepted.json"));
}
