//! Keys that somebody of version 1 gives, and keys that somebody on the way changes (dossier, section 0,
//! rows 5 and 8; section 4, H6).

use data_encoding::BASE64;
use serde_json::{Value, json};
use syncline_protocol::dialects::peer::participant::{Event, Why};

use super::{
    client::Old,
    room::Room,
    wire::{HANDSHAKE, UNICAST_REQ},
};

fn share(key: &[u8; 32]) -> Value {
    json!({"type": "GSK_SHARE", "key": BASE64.encode(key)})
}

/// An original client that owns the room, and one of ours that was told so.
fn hosted(seed: u64) -> (Room, usize, Old) {
    let mut room = Room::new(seed);
    let mut vic = Old::new("user:vic", seed + 1);
    vic.group_key = Some([9; 32]);
    let alice = room.enter_old("user:alice", Some("user:vic"));
    room.join(&mut vic);
    vic.ms = room.ms();
    let settings = vic.row("g", r#"{"name":"lobby","ownerId":"user:vic"}"#, "0000");
    vic.rows.insert(("group_settings".into(), "g".into()), settings);
    let role = vic.row("r", r#"{"name":"member","position":1,"permissions":0}"#, "0001");
    vic.rows.insert(("roles".into(), "r".into()), role);
    for (at, id) in ["user:vic", "user:alice", "user:old"].into_iter().enumerate() {
        let row = vic.row(id, r#"{"roleIds":["r"]}"#, &format!("{:04X}", at + 2));
        vic.rows.insert(("members".into(), id.into()), row);
    }
    room.live(&mut vic, 10);
    (room, alice, vic)
}

#[test]
fn the_first_key_of_a_room_is_taken_from_its_original_host_and_none_after_it() {
    let (mut room, alice, mut vic) = hosted(300);
    assert_eq!(room.members[alice].epoch(), Some(1));
    assert!(room.members[alice].value("group_settings", "g").is_some(), "and its first rows");
    vic.ms = room.ms();
    vic.write("tasks", "1", "sealed with the key");
    room.carry(&mut vic);
    assert_eq!(room.members[alice].value("tasks", "1").as_deref(), Some("sealed with the key"));

    // The same key again is nothing new; another has no epoch by which it were newer.
    let stale = room.members[alice].drops(Why::Stale);
    vic.tell("user:alice", &share(&[9; 32]));
    room.carry(&mut vic);
    assert_eq!(room.members[alice].drops(Why::Stale), stale);
    vic.tell("user:alice", &share(&[8; 32]));
    room.carry(&mut vic);
    assert_eq!(room.members[alice].drops(Why::Stale), stale + 1);
    vic.group_key = Some([8; 32]);
    vic.write("tasks", "2", "sealed with another");
    room.carry(&mut vic);
    assert_eq!(room.members[alice].value("tasks", "2"), None);
    assert_eq!(room.members[alice].epoch(), Some(1));
}

#[test]
fn row_8_a_key_is_taken_sealed_for_one_and_from_who_may_give_it() {
    let mut room = Room::new(310);
    let mut vic = Old::new("user:vic", 311);
    let alice = room.enter_old("user:alice", Some("user:host"));
    room.join(&mut vic);
    room.live(&mut vic, 1);
    let drops = |room: &Room, why| room.members[alice].drops(why);

    vic.say(&share(&[9; 32]));
    room.carry(&mut vic);
    assert_eq!(drops(&room, Why::NotPairwise), 1, "it was for all, and open");
    let forbidden = drops(&room, Why::Forbidden);
    vic.tell("user:alice", &share(&[9; 32]));
    room.carry(&mut vic);
    assert_eq!(drops(&room, Why::Forbidden), forbidden + 1, "it was sealed, and not from the host");
    assert_eq!(room.members[alice].epoch(), None);

    let mut host = Old::new("user:host", 312);
    room.join(&mut host);
    room.live(&mut host, 1);
    host.say(&share(&[9; 32]));
    room.carry(&mut host);
    assert_eq!((drops(&room, Why::NotPairwise), room.members[alice].epoch()), (2, None));
    host.tell("user:alice", &share(&[9; 32]));
    room.carry(&mut host);
    assert_eq!(room.members[alice].epoch(), Some(1));
    // Sealed with the key that is in force is not sealed for one.
    host.group_key = Some([9; 32]);
    let packet = host.packet(UNICAST_REQ, "r");
    let packet = host.seal_for_group(packet, share(&[7; 32]).to_string().as_bytes());
    room.give(&packet);
    assert_eq!((drops(&room, Why::NotPairwise), room.members[alice].epoch()), (3, Some(1)));
}

#[test]
fn row_8_who_is_no_member_is_given_no_key_for_its_asking() {
    let mut room = Room::new(320);
    let alice = room.enter_old("user:alice", None);
    room.found_group(alice, &["user:vic"]);
    let mut eve = Old::new("user:eve", 321);
    room.join(&mut eve);
    room.live(&mut eve, 3);
    eve.say(&json!({"type": "GSK_REQ"}));
    room.live(&mut eve, 3);
    assert_eq!(eve.group_key, None);
    assert!(room.members[alice].drops(Why::Forbidden) > 0);
}

#[test]
fn row_5_nobody_takes_the_name_of_another() {
    let (mut room, alice, mut vic) = hosted(330);
    let own = room.pin(alice, "user:vic").unwrap();
    let conflict = |event: &Event| matches!(event, Event::KeyConflict { .. });

    let mut mallory = Old::new("user:vic", 339);
    mallory.ms = room.ms();
    let announced = mallory.announcement();
    room.give(&announced);
    assert_eq!(room.members[alice].saw(conflict), 1);
    // With the key of the other, and a signature of one's own.
    let mut forged = mallory.packet(HANDSHAKE, "r");
    forged.payload = vic.public().sign.to_vec();
    room.give(&forged.clone().signed(&mallory.sign));
    forged.signature.clear();
    room.give(&forged);
    assert_eq!(room.members[alice].drops(Why::HandshakeUnproven), 2);
    assert_eq!(room.pin(alice, "user:vic"), Some(own), "the first key is in force");

    let signed = room.members[alice].drops(Why::BadSignature);
    (mallory.peers, mallory.group_key) = (vic.peers.clone(), vic.group_key);
    mallory.write("tasks", "1", "of mallory");
    let forged = mallory.out.pop().unwrap();
    room.give(&forged);
    assert_eq!(room.members[alice].drops(Why::BadSignature), signed + 1);
    // Who is not known is not checked with the only key that is.
    let mut stranger = Old::new("user:old", 332);
    (stranger.sign, stranger.group_key) = (vic.sign.clone(), vic.group_key);
    stranger.ms = room.ms();
    stranger.write("tasks", "1", "of a stranger");
    let unknown = stranger.out.pop().unwrap();
    room.give(&unknown);
    assert_eq!(room.members[alice].waiting()[0].0, 1);
    assert_eq!(room.members[alice].value("tasks", "1"), None);
    vic.ms = room.ms();
    vic.write("tasks", "1", "of vic");
    room.carry(&mut vic);
    assert_eq!(room.members[alice].value("tasks", "1").as_deref(), Some("of vic"));
}

#[test]
fn a_key_for_exchanges_that_was_changed_on_the_way_is_put_right_by_version_2() {
    use crate::participants::rogue::Rogue;
    let mut room = Room::new(340);
    let alice = room.enter_old("user:alice", None);
    let mut bob = Rogue::new("user:bob", 341);
    // The same announcement in version 1, with another key beside it, which is not signed.
    let announced = bob.announcement(&room);
    let mut old = Old::new("user:bob", 342);
    let seeds = bob.keys.to_bytes();
    old.sign = ed25519_dalek::SigningKey::from_bytes(seeds[..32].try_into().unwrap());
    old.ms = room.ms();
    let in_version_1 = old.announcement();
    room.give(&in_version_1);
    let pin = room.pin(alice, "user:bob").unwrap();
    assert_eq!((pin.1, pin.0.exchange), (1, old.public().exchange));
    room.inject(alice, announced.clone());
    let pin = room.pin(alice, "user:bob").unwrap();
    assert_eq!(pin, (bob.keys.public(), 2));
    // And never the other way.
    let again = old.announcement();
    room.give(&again);
    assert_eq!(room.members[alice].drops(Why::VersionFloor), 1);
    assert_eq!(room.pin(alice, "user:bob"), Some(pin));
}

#[test]
fn neither_are_keys_rotated_nor_the_vaults_given_in_version_1() {
    let (mut room, alice, mut vic) = hosted(350);
    let before = room.pin(alice, "user:vic");
    let key = BASE64.encode(&[7; 32]);
    let pop = BASE64.encode(&[7; 64]);
    vic.ms = room.ms();
    vic.say(&json!({"type": "KEY_ROTATE", "sign": key, "enc": key, "pop": pop}));
    vic.tell("user:alice", &json!({"type": "ROOM_KEY", "key": key}));
    vic.say(&json!({"type": "KEY_REQ"}));
    let refused = room.members[alice].drops(Why::VersionFloor);
    room.carry(&mut vic);
    assert_eq!(room.members[alice].drops(Why::VersionFloor), refused + 3);
    assert_eq!(room.pin(alice, "user:vic"), before);
    assert!(room.members[alice].vault_key().is_none(), "though it owns the group");
}

#[test]
fn it_hears_of_our_new_keys() {
    let (mut room, alice, mut vic) = hosted(360);
    let now = room.now(alice);
    room.members[alice].rotate_keys(now).unwrap();
    room.live(&mut vic, 1);
    let keys = room.members[alice].keys();
    assert_eq!(vic.peers["user:alice"].sign, keys.sign);
    room.write(alice, "tasks", "1", Some("with new keys"));
    room.carry(&mut vic);
    assert_eq!(vic.value("tasks", "1").as_deref(), Some("with new keys"));
}
