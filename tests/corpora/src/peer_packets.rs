//! The bytes of the peer dialect before anything is opened: what the relay reads of a packet is what a
//! participant reads, and what is written is understood again.

use bytes::Bytes;
use prost::Message as _;
use syncline_protocol::dialects::peer::{
    access::GroupSettings,
    chunks::split,
    invite::is_same_code,
    keys::RoomKeys,
    packet::Packet,
    relay::{Ask, Control, Route, Stored},
    rows::{Changes, Hlc},
    sync::{Check, Control as Wish},
};

use crate::input::Input;

const ROOM: &str = "room-1";

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 8 {
        0 => packet(input.0),
        1 => stored(input.0),
        2 => control(&String::from_utf8_lossy(input.0)),
        3 => changes(input.0),
        4 => wishes(input.0),
        5 => timestamps(&String::from_utf8_lossy(input.0)),
        6 => pieces(input),
        _ => settings(&String::from_utf8_lossy(input.0)),
    }
}

/// The fields that the relay reads, as a plain protobuf library reads them.
#[derive(Clone, PartialEq, prost::Message)]
struct Plain {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    request: String,
    #[prost(string, tag = "3")]
    sender: String,
    #[prost(string, tag = "9")]
    target: String,
}

fn packet(bytes: &[u8]) {
    let plain = Plain::decode(bytes).ok();
    let route = Route::scan(bytes).ok();
    if let Some(route) = &route {
        let plain = plain.expect("what has a route is protobuf");
        let read = (route.kind, route.request_id, route.sender_id, route.target_id);
        assert_eq!(read, (plain.kind, &*plain.request, &*plain.sender, &*plain.target));
    }
    let Ok(read) = Packet::decode(Bytes::copy_from_slice(bytes)) else { return };
    if let Some(route) = route {
        assert_eq!(read.kind, route.kind);
        assert_eq!(read.sender.as_str(), route.sender_id);
        assert_eq!(read.target.as_ref().map_or("", |target| target.as_str()), route.target_id);
    }
    // Not the bytes: others may write a packet in other ways than we do.
    let again = Packet::decode(read.encode()).expect("what we write");
    assert_eq!(again, read);
    assert!(Route::scan(&read.encode()).is_ok());
    let keys = RoomKeys::from_bytes(&[7; 64]).expect("two seeds");
    let public = keys.public().sign;
    // Nobody signs by chance.
    assert!(!read.is_signed_by(ROOM, &public));
    let mut signed = read;
    signed.sign(ROOM, &keys);
    let knows_rules = signed.signed_bytes(ROOM).is_some();
    assert_eq!(signed.is_signed_by(ROOM, &public), knows_rules);
    assert!(!signed.is_signed_by("room-2", &public) || signed.version < 2);
}

fn stored(bytes: &[u8]) {
    let Some(stored) = Stored::decode(bytes) else { return };
    // It is replayed to nobody who sent it.
    if let Ok(route) = Route::scan(stored.frame) {
        assert!(!stored.is_replayed_to(route.sender_id));
    }
}

fn control(text: &str) {
    if let Some(control) = Control::decode(text) {
        let written = String::from_utf8(control.encode()).expect("JSON");
        assert_eq!(Control::decode(&written), Some(control), "{written}");
    }
    let _ = Ask::decode(text);
}

fn changes(bytes: &[u8]) {
    let Ok(changes) = Changes::from_json(bytes) else { return };
    let again = Changes::from_json(&changes.to_json()).expect("what we write");
    assert_eq!((&again.rows, &again.meta), (&changes.rows, &changes.meta));
    assert!(again.bad.is_empty(), "bad rows are not written");
}

fn wishes(bytes: &[u8]) {
    if let Ok(wish) = Wish::parse(bytes) {
        let again = Wish::parse(&wish.encode());
        assert!(matches!(wish, Wish::Unknown { .. }) || again.as_ref() == Ok(&wish), "{wish:?}");
    }
    if let Ok(check) = Check::parse(bytes) {
        assert_eq!(Check::parse(&check.encode()).ok(), Some(check));
    }
}

/// Two lines, each a timestamp perhaps.
fn timestamps(text: &str) {
    let mut lines = text.splitn(2, '\n');
    let mut next = || Hlc::parse(lines.next().unwrap_or_default()).ok();
    let (one, other) = (next(), next());
    for hlc in [&one, &other].into_iter().flatten() {
        assert_eq!(Hlc::parse(&hlc.to_string()).ok().as_ref(), Some(hlc));
    }
    if let (Some(one), Some(other)) = (one, other) {
        assert_eq!(one == other, one.to_string() == other.to_string());
    }
}

fn pieces(mut input: Input<'_>) {
    let max = 1 + input.below(4096);
    let json = input.0.to_vec();
    let Ok(cut) = split(json.clone(), max) else { return };
    assert!(cut.pieces.iter().all(|piece| piece.len() <= max));
    let whole = cut.pieces.concat();
    assert_eq!(cut.uncompressed_size == 0, whole == json);
}

/// Two lines: a row of groups, and a code.
fn settings(text: &str) {
    let (row, code) = text.split_once('\n').unwrap_or((text, ""));
    let settings = GroupSettings::of_value(Some(row));
    let is_it = |found: &str| is_same_code(found, code);
    let Some(without) = settings.without_invites(0, |invite| is_it(&invite.code)) else { return };
    let left = GroupSettings::of_value(Some(&without));
    assert!(left.invites().all(|invite| !is_it(&invite.code)), "{without}");
    assert_eq!((left.owner(), left.name()), (settings.owner(), settings.name()));
}
