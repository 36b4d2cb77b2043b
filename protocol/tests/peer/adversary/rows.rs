//! Where the first implementation contradicts its own specification (section 0 of the dossier): ours does
//! not, in whole rooms.

use std::collections::BTreeSet;

use syncline_protocol::dialects::peer::{
    kind::RoomKind,
    packet::{Kind, Packet},
    participant::{Event, Why},
    rows::BUILT_IN,
};

use super::siege::{ALICE, BOB, CAROL, Siege};
use crate::participants::{
    rogue::{Rogue, hlc, row},
    world::{ROOM, World},
};

#[test]
fn row_01_rights_count_for_what_is_sent_live() {
    let mut siege = Siege::new(720);
    let (role, task) = (siege.row("mine", r#"{"permissions":-1}"#, 0), siege.row("1", "x", 0));
    let meta = r#""$meta":{"v":2,"kind":"live","prev":{}}"#;
    for at in [ALICE, BOB] {
        siege.change(at, &format!(r#"{{"roles":[{role}],"tasks":[{task}],{meta}}}"#));
        assert_eq!(siege.world.members[at].value("roles", "mine"), None);
        assert_eq!(siege.world.members[at].value("tasks", "1").as_deref(), Some("x"));
    }
    siege.holds();
}

#[test]
fn row_03_what_is_large_goes_in_pieces_and_compressed() {
    let mut siege = Siege::new(721);
    let since = siege.world.sent.len();
    let text = "all work and no play ".repeat(10_000);
    siege.world.write(ALICE, "tasks", "dull", Some(&text));
    siege.world.run_ms(100);
    let sent = siege.world.sent_since(since, Kind::DataChunk);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].packet.uncompressed_size as usize > text.len());
    assert!(sent[0].frame.len() < 8 << 10);
    assert_eq!(siege.world.members[BOB].value("tasks", "dull"), Some(text));
}

#[test]
fn row_05_nothing_is_done_before_its_signature_is_found_good() {
    let mut siege = Siege::new(722);
    let since = siege.world.sent.len();
    let (alice, keys) = siege.whom(ALICE);
    let ping = br#"{"type":"SYNC_PING","t0":1}"#;
    let mut bad = vec![siege.sealed(Kind::UnicastReq, ALICE, ping)];
    let mut announced = Packet::decode(siege.mallory.announcement(&siege.world)).unwrap();
    announced.signature = vec![0; 64].into();
    bad.push(announced);
    // Somebody whose key is not known, signed by somebody whose key is.
    let mut stranger = Rogue::new("stranger", 723);
    let packet = stranger.packet(Kind::UnicastReq, &siege.world);
    let mut packet = stranger.seal_for(packet, (&alice, &keys), ping);
    packet.sign(ROOM, &siege.mallory.keys);
    bad.push(packet);
    for packet in bad {
        siege.world.inject(ALICE, packet.encode());
    }
    assert_eq!(siege.drops(ALICE, Why::BadSignature), 1);
    assert_eq!(siege.drops(ALICE, Why::HandshakeUnproven), 1);
    assert_eq!(siege.world.sent_since(since, Kind::UnicastReq).len(), 0, "no pong");
    assert_eq!(siege.world.members[ALICE].waiting()[0].0, 1, "the stranger waits for its key");
    siege.world.run_secs(31);
    assert_eq!(
        siege
            .world
            .sent_since(since, Kind::UnicastReq)
            .iter()
            .filter(|sent| { sent.packet.target.as_ref() == Some(&stranger.id) })
            .count(),
        0
    );
    siege.holds();
}

#[test]
fn row_05_an_invite_that_is_not_signed_is_not_shown_to_anybody() {
    let mut world = World::new(724);
    let mut opening = world.opening("alice");
    (opening.room, opening.kind) = ("lobby".into(), RoomKind::Invite);
    let alice = world.add(opening);
    world.connect(alice);
    let mut mallory = Rogue::new("mallory", 725);
    for kind in [Kind::InviteReq, Kind::InviteAck, Kind::InviteNack] {
        let mut packet = mallory.packet(kind, &world);
        let keys = mallory.keys.public();
        packet.sender_public_key = keys.sign.to_vec().into();
        packet.encryption_public_key = keys.exchange.to_vec().into();
        packet.payload = b"code".to_vec().into();
        packet.signature = vec![1; 64].into();
        world.inject(alice, packet.encode());
    }
    assert_eq!(world.members[alice].saw(|event| matches!(event, Event::InviteAsked(_))), 0);
    assert_eq!(world.members[alice].keys_of(&mallory.id), None);
}

#[test]
fn row_06_requests_in_two_rooms_are_answered_in_both() {
    let mut world = World::new(726);
    let mut late = Vec::new();
    for room in ["room-1", "room-2"] {
        for name in ["alice", "bob", "carol"] {
            let mut opening = world.opening(name);
            opening.room = room.into();
            opening.is_host = name == "alice";
            let at = world.add(opening);
            world.connect(at);
        }
        let first = world.members.len() - 3;
        world.write(first, "tasks", "1", Some(room));
        let mut opening = world.opening("late");
        opening.room = room.into();
        late.push(world.add(opening));
    }
    world.run_secs(10);
    late.iter().for_each(|at| world.connect(*at));
    world.run_secs(2);
    for (at, room) in late.into_iter().zip(["room-1", "room-2"]) {
        assert!(world.members[at].is_synced());
        assert_eq!(world.members[at].value("tasks", "1").as_deref(), Some(room));
    }
}

#[test]
fn row_07_who_is_answered_is_named_and_signed() {
    let siege = Siege::new(727);
    let (mut answers, asked) = (0, siege.world.sent_since(0, Kind::SyncReq));
    let asked: BTreeSet<_> = asked.iter().map(|sent| sent.packet.request.clone()).collect();
    for sent in siege.world.sent_since(0, Kind::DataChunk) {
        if sent.packet.key_epoch == 0 || asked.contains(&sent.packet.request) {
            let mut packet = sent.packet.clone();
            assert!(packet.target.is_some());
            let key = siege.world.members[sent.from].keys().sign;
            assert!(packet.is_signed_by(ROOM, &key));
            packet.target = Some(siege.mallory.id.clone());
            assert!(!packet.is_signed_by(ROOM, &key));
            answers += 1;
        }
    }
    assert!(answers >= 2, "{answers} answers");
}

#[test]
fn row_08_no_word_of_the_groups_key_is_said_in_the_open() {
    let mut siege = Siege::new(728);
    let now = siege.world.now(ALICE);
    siege.world.members[ALICE].rotate_group_key(now).unwrap();
    let dave = siege.world.enter_invited("dave", ALICE);
    siege.world.write(ALICE, "members", "dave", Some(r#"{"roleIds":["member"]}"#));
    siege.world.run_secs(20);
    assert_eq!(siege.world.members[dave].epoch(), Some(2));
    let controls = siege.world.sent_since(0, Kind::UnicastReq);
    assert!(controls.len() > 5);
    for sent in controls {
        assert!(
            sent.packet.encrypted && sent.packet.target.is_some() && sent.packet.key_epoch == 0
        );
    }
    // Asked by who is no member, however often and whether its key is known.
    let mut eve = Rogue::new("eve", 729);
    let announcement = eve.announcement(&siege.world);
    siege.relay(&announcement);
    let (id, keys) = siege.whom(ALICE);
    for _ in 0..5 {
        let packet = eve.packet(Kind::UnicastReq, &siege.world);
        let packet = eve.seal_for(packet, (&id, &keys), br#"{"type":"GSK_REQ"}"#);
        let frame = eve.sign(packet);
        siege.world.inject(ALICE, frame);
        siege.world.run_secs(3);
    }
    assert_eq!(siege.drops(ALICE, Why::Forbidden), 5);
    let data = |sent: &&crate::participants::world::Sent| {
        sent.packet.target.as_ref() == Some(&eve.id) && sent.packet.kind == Kind::DataChunk as i32
    };
    assert_eq!(siege.world.sent.iter().filter(data).count(), 0, "rows for who is no member");
}

#[test]
fn row_10_every_table_counts_when_two_compare() {
    let mut world = World::new(730);
    let alice = world.enter("alice");
    let mut seen = BTreeSet::from([world.members[alice].digest()]);
    for table in BUILT_IN.iter().copied().chain(["tasks", "notes"]) {
        world.write(alice, table, "1", Some("{}"));
        assert!(seen.insert(world.members[alice].digest()), "{table}");
    }
    assert!(
        ["roles", "members", "logical_groups", "group_settings"]
            .iter()
            .all(|t| BUILT_IN.contains(t))
    );
}

#[test]
fn row_11_a_plain_member_serves_a_newcomer() {
    let mut siege = Siege::new(731);
    siege.world.write(ALICE, "members", "dave", Some(r#"{"roleIds":["member"]}"#));
    siege.world.run_secs(5);
    siege.world.disconnect(ALICE);
    let since = siege.world.sent.len();
    let dave = siege.world.enter_invited("dave", ALICE);
    siege.world.run_secs(10);
    assert_eq!(siege.world.members[dave].digest(), siege.world.members[BOB].digest());
    assert!(siege.world.members[dave].is_synced());
    assert_eq!(siege.world.members[dave].drops(Why::Forbidden), 0);
    // Who lacks nothing is sent nothing, no table in full.
    siege.world.disconnect(dave);
    let before = siege.world.sent.len();
    siege.world.connect(dave);
    siege.world.run_secs(5);
    let bytes = |since: usize| {
        let sent = siege.world.sent_since(since, Kind::DataChunk);
        sent.iter().map(|sent| sent.packet.payload.len()).max().unwrap_or(0)
    };
    assert!(bytes(before) * 2 < bytes(since), "{} of {}", bytes(before), bytes(since));
}

#[test]
fn row_14_clocks_are_put_right_by_the_time_of_the_wall() {
    let mut world = World::new(732);
    world.tells_time = false;
    world.enter("alice");
    let opening = world.opening("bob");
    // Bob's machine has run for as long as all others, and his wall clock is slow.
    let bob = world.add(opening);
    world.members[bob].wall_off_ms = -100_000;
    world.connect(bob);
    world.enter("carol");
    world.run_secs(300);
    let offset = world.members[bob].clock_offset_ms();
    assert!((99_000..=101_000).contains(&offset), "{offset} ms");
}

#[test]
fn row_16_one_bad_row_does_not_lose_the_others() {
    let mut siege = Siege::new(733);
    siege.world.write(BOB, "tasks", "mine", Some("x"));
    let nodes = siege.world.members[BOB].frontier();
    let node = nodes.iter().map(|at| at.node.to_string()).find(|node| node.starts_with("bob"));
    let node = node.expect("Bob has written");
    let future = siege.row("future", "x", 600);
    let own = row("own", "x", &hlc(&siege.world, 30, &node));
    let own_future = row("own-future", "x", &hlc(&siege.world, 600, &node));
    let good = siege.row("good", "x", 0);
    let bad = r#"{"id":"bad","value":1,"hlc":"no time"}"#;
    siege.change(BOB, &format!(r#"{{"tasks":[{future},{own},{own_future},{bad},{good}]}}"#));
    assert_eq!(siege.world.members[BOB].value("tasks", "good").as_deref(), Some("x"));
    assert_eq!(siege.world.members[BOB].value("tasks", "own").as_deref(), Some("x"));
    for id in ["future", "own-future", "bad"] {
        assert_eq!(siege.world.members[BOB].value("tasks", id), None, "{id}");
    }
    // What Bob writes next is still later than what was written in his name.
    siege.world.write(BOB, "tasks", "own", Some("really mine"));
    siege.holds();
    assert_eq!(siege.world.members[CAROL].value("tasks", "own").as_deref(), Some("really mine"));
}

#[test]
fn row_17_only_its_own_packets_leave_under_a_name() {
    // The server refuses others (its own suite); a participant never believes a name without its key.
    let mut siege = Siege::new(734);
    let mut twin = Rogue::new("user:ALICE", 735);
    let announcement = twin.announcement(&siege.world);
    siege.relay(&announcement);
    let (alice, keys) = siege.whom(ALICE);
    for at in [BOB, CAROL] {
        assert_eq!(siege.drops(at, Why::KeyConflict), 1, "another spelling is the same name");
        assert_eq!(siege.world.members[at].keys_of(&alice), Some(keys));
    }
    siege.holds();
}
