//! Every message and the stored entry against files: whoever changes a byte of them sees it here.

use std::{fs, path::PathBuf};

use serde_json::value::RawValue;
use syncline_protocol::{
    dialect::Member,
    dialects::workspace::{
        Answer, Command, Opening, Settings, decode_client, encode_error, encode_op,
    },
};

use crate::double::{Space, op, text};

const KEY: &str = "cursor \"é\" \u{7}";
const VALUE: &str = r#"{"z":12345678901234567890, "a":[1.0e0,null]}"#;
const TIMESTAMP: i64 = 1_702_483_200_000_000;

fn file(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/golden/workspace");
    let path = folder.join(name);
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

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

/// A workspace that holds the key.
fn space(opening: Opening) -> Space {
    let mut space = Space::new(Settings { opening, ..Settings::default() });
    let put = Command::put_key(KEY, VALUE.as_bytes(), Some(TIMESTAMP)).unwrap();
    assert_eq!(space.call(put), Answer::Stored { timestamp: TIMESTAMP, stored: true });
    space
}

#[test]
fn an_operation_in_both_directions() {
    let mut message = Vec::new();
    encode_op(KEY, raw(VALUE), TIMESTAMP, &mut message);
    assert_eq!(text(&message), json_file("op.json"));
    assert!(decode_client(&json_file("op.json")).is_ok());
    let space = space(Opening::Values);
    assert_eq!(space.delivered(KEY), (1, json_file("op.json")));
}

#[test]
fn the_opening_messages() {
    assert_eq!(Space::new(Settings::default()).opening(), json_file("init_empty.json"));
    assert_eq!(space(Opening::Values).opening(), json_file("init.json"));
    assert_eq!(space(Opening::Entries).opening(), json_file("init_entries.json"));
}

#[test]
fn the_state_and_an_error() {
    let Answer::State(state) = space(Opening::Entries).call(Command::read_state()) else {
        panic!("no state")
    };
    assert_eq!(text(&state), json_file("state.json"));
    let mut message = Vec::new();
    encode_error("invalid_op: the value is missing", &mut message);
    assert_eq!(text(&message), json_file("error.json"));
}

#[test]
fn the_stored_entry() {
    let mut space = Space::new(Settings::default());
    space.memory.version = 300;
    let mut client = space.join();
    space.take(Member(7), &mut client, &op("k", "\"é\"", TIMESTAMP));
    assert_eq!(space.memory.maps[&0][&b"k"[..]], hex_file("entry.hex"));
}
