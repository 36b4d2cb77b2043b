//! What a room stores, shows, acknowledges and refuses.

use bytes::Bytes;
use syncline_protocol::{
    dialect::{Framing, Member, Refused},
    dialects::relay::{Limits, ServerMessage, binary, json},
};

use crate::double::{Client, Effect, KEY, Key};

const ALICE: Member = Member(1);
const BOB: Member = Member(2);

fn key() -> Key {
    Key::new(Limits::default())
}

fn reply(to: Member, message: Vec<u8>, cumulative: bool) -> Effect {
    Effect::Reply { to, message, cumulative }
}

fn accepted(id: u64, sequence: u64) -> Vec<u8> {
    let mut message = Vec::new();
    binary::encode_accepted(id, sequence, &mut message);
    message
}

#[test]
fn a_change_is_stored_and_brought_to_all_but_the_sender() {
    for framing in [Framing::Text, Framing::Binary] {
        let mut key = key();
        let mut alice = Client::joined(framing, "alice", false);
        for seq in 1..=3 {
            let effects = key.take(ALICE, &mut alice, &[7, seq as u8]);
            let record = key.memory.log[seq as usize - 1].clone();
            let publish = Effect::Publish { seq, record, except: Some(ALICE) };
            assert_eq!(effects, [publish]);
        }
        assert_eq!(key.memory.log.len(), 3);
    }
}

#[test]
fn a_change_reaches_both_wires_bit_for_bit() {
    let all: Vec<u8> = (0..=255).collect();
    let mebibyte: Vec<u8> =
        (0..1 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for payload in [&[][..], &[0], &all, &mebibyte] {
        for framing in [Framing::Text, Framing::Binary] {
            let mut key = key();
            let mut alice = Client::joined(framing, "ali\"ce é\n", false);
            key.take(ALICE, &mut alice, payload);
            let text = String::from_utf8(key.delivered(Framing::Text, 1)).unwrap();
            let messages = [
                json::decode_server(&text, KEY).unwrap(),
                binary::decode_server(Bytes::from(key.delivered(Framing::Binary, 1))).unwrap(),
            ];
            for message in messages {
                let ServerMessage::Change(change) = message else { panic!("{message:?}") };
                assert_eq!(change.sequence, 1);
                assert_eq!(change.source_client_id, "ali\"ce é\n");
                assert!(change.payload == payload, "{} bytes", payload.len());
            }
        }
    }
}

#[test]
fn the_json_wire_has_exactly_four_fields() {
    let mut key = key();
    key.take(ALICE, &mut Client::joined(Framing::Binary, "alice", false), &[1, 20, 255]);
    let delivered = String::from_utf8(key.delivered(Framing::Text, 1)).unwrap();
    let expected = r#"{"ChangeOccurred":{"sequence_id":1,"discovery_key":"test_key_1","source_client_id":"alice","payload":[1,20,255]}}"#;
    assert_eq!(delivered, expected);
}

#[test]
fn a_record_is_the_binary_message_itself() {
    let mut key = key();
    key.take(ALICE, &mut Client::joined(Framing::Text, "alice", false), b"x");
    assert_eq!(key.delivered(Framing::Binary, 1), key.memory.log[0]);
}

#[test]
fn a_record_of_another_make_is_not_delivered_as_json() {
    let mut key = key();
    key.memory.log.push(b"not a change".to_vec());
    assert_eq!(key.delivered(Framing::Text, 1), b"");
}

#[test]
fn acknowledgements_follow_the_record_on_each_wire() {
    let mut key = key();
    let mut alice = Client::joined(Framing::Text, "alice", true);
    let mut bob = Client::joined(Framing::Binary, "bob", true);
    let json = r#"{"ChangeAccepted":{"sequence_id":1,"discovery_key":"test_key_1"}}"#;
    assert_eq!(key.take(ALICE, &mut alice, b"a")[1..], [reply(ALICE, json.into(), false)]);
    assert_eq!(key.take(BOB, &mut bob, b"b")[1..], [reply(BOB, accepted(1, 2), true)]);
    assert_eq!(key.take(BOB, &mut bob, b"c")[1..], [reply(BOB, accepted(2, 3), true)]);
}

#[test]
fn a_full_key_refuses_and_keeps_what_it_has() {
    let mut key = Key::new(Limits { key_changes_max: 2, ..Limits::default() });
    let mut alice = Client::joined(Framing::Text, "alice", false);
    key.take(ALICE, &mut alice, b"1");
    key.take(ALICE, &mut alice, b"2");
    let refuse = Effect::Refuse { from: ALICE, why: Refused::RoomRecords };
    assert_eq!(key.take(ALICE, &mut alice, b"3"), [refuse]);
    assert_eq!(key.memory.log.len(), 2);
}

#[test]
fn a_key_never_holds_more_bytes_than_it_may() {
    // A record of `alice` with a payload of 1 byte: 2 + 2 + 7 + 3.
    let mut key = Key::new(Limits { key_bytes_max: 28, ..Limits::default() });
    let mut alice = Client::joined(Framing::Binary, "alice", false);
    let refuse = || [Effect::Refuse { from: ALICE, why: Refused::RoomBytes }];
    assert_eq!(key.take(ALICE, &mut alice, &[0; 100]), refuse());
    assert_eq!(key.take(ALICE, &mut alice, b"1").len(), 1);
    assert_eq!(key.take(ALICE, &mut alice, b"22"), refuse());
    assert_eq!(key.take(ALICE, &mut alice, b"2").len(), 1);
    assert_eq!(key.take(ALICE, &mut alice, b""), refuse());
    assert_eq!(key.memory.log.iter().map(Vec::len).sum::<usize>(), 28);
}

#[test]
fn nothing_is_acknowledged_after_a_refusal() {
    for framing in [Framing::Text, Framing::Binary] {
        let mut key = Key::new(Limits { key_bytes_max: 100, ..Limits::default() });
        let mut alice = Client::joined(framing, "alice", true);
        let mut bob = Client::joined(framing, "bob", true);
        assert_eq!(key.take(ALICE, &mut alice, b"1").len(), 2);
        let refuse = Effect::Refuse { from: ALICE, why: Refused::RoomBytes };
        assert_eq!(key.take(ALICE, &mut alice, &[0; 200]), [refuse]);
        // Stored and published, but an acknowledgement would speak for the refused one too.
        assert_eq!(key.take(ALICE, &mut alice, b"3").len(), 1);
        assert_eq!(key.take(BOB, &mut bob, b"4").len(), 2);
    }
}
