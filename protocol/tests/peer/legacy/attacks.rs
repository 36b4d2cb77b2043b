//! What packets of version 1 cannot do (dossier, section 0; section 4, H5).

use prost::Message as _;
use syncline_protocol::dialects::peer::{
    packet::{Kind, Packet},
    participant::{MinVersion, Participant, Why},
};

use super::{
    client::Old,
    room::Room,
    wire::{CONSISTENCY_CHECK, DATA_CHUNK, SYNC_CLAIM, SYNC_REQ},
};
use crate::participants::rogue::Rogue;

fn member(seed: u64) -> (Room, usize, Old) {
    let mut room = Room::new(seed);
    let alice = room.enter_old("user:alice", None);
    room.found_group(alice, &["user:vic"]);
    let mut vic = Old::new("user:vic", seed + 1);
    room.join(&mut vic);
    room.live(&mut vic, 5);
    vic.ms = room.ms();
    (room, alice, vic)
}

#[test]
fn with_version_2_alone_all_of_it_is_refused_and_counted() {
    let mut room = Room::new(400);
    let alice = room.enter("user:alice");
    room.write(alice, "tasks", "1", Some("of alice"));
    let mut vic = Old::new("user:vic", 401);
    room.join(&mut vic);
    room.live(&mut vic, 5);
    assert_eq!(room.pin(alice, "user:vic"), None);
    let refused = room.members[alice].drops(Why::VersionFloor);
    assert!(refused >= 2, "its announcement and its request: {refused}");
    vic.group_key = Some([9; 32]);
    vic.write("tasks", "1", "of vic");
    room.live(&mut vic, 40);
    assert_eq!(room.members[alice].value("tasks", "1").as_deref(), Some("of alice"));
    assert_eq!(room.members[alice].drops(Why::UnknownSender), 1, "nobody is known who wrote that");
    assert!(room.sent.iter().all(|sent| sent.packet.version == 2));
}

#[test]
fn check_37_who_has_spoken_version_2_is_not_heard_in_version_1_also_after_a_restart() {
    let mut room = Room::new(410);
    let alice = room.enter_old("user:alice", None);
    let mut bob = Rogue::new("user:bob", 411);
    let announced = bob.announcement(&room);
    room.inject(alice, announced);
    let before = room.pin(alice, "user:bob");
    for restarted in [false, true] {
        if restarted {
            let mut opening = room.opening("user:alice");
            let other = Participant::open(opening, room.now(alice)).unwrap();
            let old = std::mem::replace(&mut room.members[alice].participant, other);
            opening = room.opening("user:alice");
            opening.settings.min_version = MinVersion::V1;
            opening.store = old.into_store();
            room.restart(alice, opening);
            room.connect(alice);
        }
        let before_floor = room.members[alice].drops(Why::VersionFloor);
        let shaken = bob.packet(Kind::Handshake, &room);
        let mut shaken = Packet::announcement(&bob.keys.public(), shaken.request, bob.id.clone());
        shaken.version = 0;
        shaken.physical_time = room.ms();
        let rows = Packet { version: 1, ..bob.packet(Kind::DataChunk, &room) };
        for packet in [shaken, rows] {
            let frame = bob.sign(packet);
            room.inject(alice, frame);
        }
        assert_eq!(room.members[alice].drops(Why::VersionFloor), before_floor + 2);
        assert_eq!(room.pin(alice, "user:bob"), before);
    }
}

#[test]
fn row_6_only_a_claim_of_the_request_itself_that_is_verified_ends_it() {
    for (name, forged, answered) in [("other", false, true), ("r", true, true), ("r", false, false)]
    {
        let (mut room, alice, mut vic) = member(420);
        let mut mallory = Old::new("user:mallory", 422);
        room.write(alice, "members", "user:mallory", Some(r#"{"roleIds":["member"]}"#));
        room.join(&mut mallory);
        room.live(&mut mallory, 5);
        (vic.ms, mallory.ms) = (room.ms(), room.ms());
        let (since, asked) = (room.sent.len(), vic.packet(SYNC_REQ, "r"));
        let asked = vic.seal_for("user:alice", asked, b"{}");
        room.give(&asked);
        let claim = mallory.packet(SYNC_CLAIM, name);
        let mut claim = mallory.seal_for("user:alice", claim, b"");
        if forged {
            claim.signature[0] ^= 1;
        }
        room.give(&claim);
        room.run_secs(1);
        let answers = room.sent_since(since, Kind::DataChunk);
        let to_vic = answers.iter().any(|sent| {
            sent.packet.target.as_ref().is_some_and(|target| target.as_str() == vic.id)
        });
        assert_eq!(to_vic, answered, "{name} {forged}");
    }
}

#[test]
fn a_plain_member_changes_no_rights_and_its_other_rows_are_taken() {
    let (mut room, alice, mut vic) = member(430);
    let rows = [
        ("tasks", vic.row("1", "of vic", "0000")),
        ("members", vic.row("user:vic", r#"{"roleIds":["admin"]}"#, "0001")),
        ("roles", vic.row("member", r#"{"name":"member","permissions":-1}"#, "0002")),
        ("group_settings", vic.row("g", r#"{"name":"lobby","ownerId":"user:vic"}"#, "0003")),
    ];
    // Also when it names an author, as only version 2 does.
    let meta = r#""$meta":{"v":2,"kind":"live","prev":{},"vc":{"user_vic":"2027-01-15T08:00:01Z-0000-user_vic"}}"#;
    let rows: Vec<String> =
        rows.iter().map(|(table, row)| format!(r#""{table}":[{row}]"#)).collect();
    let changes = format!("{{{meta},{}}}", rows.join(","));
    let before = room.members[alice].frontier().len();
    let packet = vic.packet(DATA_CHUNK, "r");
    let sealed = vic.seal_for_group(packet, changes.as_bytes());
    room.give(&sealed);
    assert_eq!(room.members[alice].value("tasks", "1").as_deref(), Some("of vic"));
    assert_eq!(room.members[alice].drops(Why::Forbidden), 3);
    assert_eq!(room.members[alice].frontier().len(), before, "nothing is claimed in version 1");
}

#[test]
fn nobody_founds_a_group_in_version_1_but_the_host_that_is_expected() {
    let mut room = Room::new(440);
    let mut opening = room.opening("user:alice");
    opening.settings.min_version = MinVersion::V1;
    let alice = room.add(opening);
    room.connect(alice);
    let mut vic = Old::new("user:vic", 441);
    room.join(&mut vic);
    room.live(&mut vic, 5);
    vic.ms = room.ms();
    let settings = vic.row("g", r#"{"name":"lobby","ownerId":"user:vic"}"#, "0000");
    let packet = vic.packet(DATA_CHUNK, "r");
    let changes = format!(r#"{{"group_settings":[{settings}]}}"#);
    let sealed = vic.seal_for("user:alice", packet, changes.as_bytes());
    room.give(&sealed);
    assert_eq!(room.members[alice].value("group_settings", "g"), None);
    assert_eq!(room.members[alice].drops(Why::Unfounded), 1);
}

#[test]
fn what_is_not_signed_is_not_believed() {
    let (mut room, alice, mut vic) = member(450);
    vic.write("tasks", "1", "of vic");
    let mut changed = vic.out.pop().unwrap();
    (changed.version, changed.key_epoch, changed.uncompressed_size) = (1, 77, 1 << 30);
    changed.exchange_key = vec![7; 32];
    changed.sender_key = vec![7; 32];
    assert!(!changed.is_last_chunk);
    room.give(&changed);
    assert_eq!(room.members[alice].value("tasks", "1").as_deref(), Some("of vic"), "it is whole");
    let replayed = room.members[alice].drops(Why::Replayed);
    changed.version = 0;
    room.give(&changed);
    assert_eq!(room.members[alice].drops(Why::Replayed), replayed + 1, "and it is the same packet");
    // What it signed in version 1 is nothing in version 2.
    vic.write("tasks", "2", "of vic");
    let mut raised = vic.out.pop().unwrap();
    raised.version = 2;
    room.give(&raised);
    assert_eq!(room.members[alice].drops(Why::BadSignature), 1);
    assert_eq!(room.pin(alice, "user:vic").unwrap().1, 1);
}

/// Why version 2 says how long everything is.
#[test]
fn bytes_that_move_under_one_signature_do_nothing_more() {
    let (mut room, alice, mut vic) = member(460);
    let packet = vic.packet(DATA_CHUNK, "r");
    let changes = format!(r#"{{"tasks":[{}]}}"#, vic.row("1", "of vic", "0000"));
    let sealed = vic.seal_for_group(packet, changes.as_bytes());
    // From the payload to the times, from there to the target.
    let mut moved = sealed.clone();
    let (payload, tail) = sealed.payload.split_at(sealed.payload.len() - 5);
    moved.payload = payload.to_vec();
    let numbers = [tail, &sealed.physical.to_le_bytes(), &sealed.logical.to_le_bytes()].concat();
    moved.physical = i64::from_le_bytes(numbers[..8].try_into().unwrap());
    moved.logical = i64::from_le_bytes(numbers[8..16].try_into().unwrap());
    moved.chunk_index = i32::from_le_bytes(numbers[16..20].try_into().unwrap());
    (moved.is_last_chunk, moved.target) = (numbers[20] != 0, "\0".repeat(5));
    assert_eq!(moved.signed_bytes(), sealed.signed_bytes());
    let malformed = room.members[alice].drops(Why::Malformed);
    room.inject(alice, moved.encode_to_vec().into());
    assert_eq!(room.members[alice].drops(Why::Malformed), malformed + 1);
    // From the sender to the request: the same sender, and the same rows, once.
    let mut moved = sealed.clone();
    (moved.request, moved.sender) = ("ruser:".into(), "vic".into());
    assert_eq!(moved.signed_bytes(), sealed.signed_bytes());
    room.give(&moved);
    assert_eq!(room.members[alice].value("tasks", "1").as_deref(), Some("of vic"));
    let replayed = room.members[alice].drops(Why::Replayed);
    room.give(&sealed);
    assert_eq!(room.members[alice].drops(Why::Replayed), replayed + 1);
}

/// Its check says nothing that can be compared, and is no reason to ask anybody for anything.
#[test]
fn a_check_of_version_1_is_read_past() {
    let (mut room, _, mut vic) = member(470);
    room.live(&mut vic, 60);
    vic.ms = room.ms();
    let since = room.sent.len();
    let packet = vic.packet(CONSISTENCY_CHECK, "r");
    let check = vic.seal_for_group(packet, br#"{"count":2,"hash":"00"}"#);
    room.give(&check);
    room.run_secs(5);
    assert_eq!(room.sent_since(since, Kind::SyncReq).len(), 0);
}
