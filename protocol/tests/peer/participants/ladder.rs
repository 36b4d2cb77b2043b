//! The ladder and the group's key: checks 16 to 19.

use syncline_protocol::dialects::peer::{
    packet::Kind,
    participant::{Event, Why, WriteError},
};

use super::{
    rogue::{Rogue, hlc, row},
    world::World,
};

#[test]
fn check_16_each_rung_opens_and_a_wrong_session_key_falls_through() {
    let mut world = World::new(30);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(5);
    let write = |world: &mut World, id: &str| {
        let since = world.sent.len();
        world.write(alice, "tasks", id, Some("x"));
        world.run_ms(1);
        let sent = world.sent_since(since, Kind::DataChunk)[0].packet.clone();
        let opened = world.members[bob].value("tasks", id).is_some();
        (sent, opened)
    };
    let (group, opened) = write(&mut world, "group");
    assert!(opened && group.key_epoch == 1 && group.target.is_none());
    // Bob has a session key that Alice has not.
    let now = world.now(bob);
    world.members[bob].set_session_key(Some([7; 32]), now);
    let (group, opened) = write(&mut world, "through");
    assert!(opened && group.key_epoch == 1);
    let now = world.now(alice);
    world.members[alice].set_session_key(Some([7; 32]), now);
    let (session, opened) = write(&mut world, "session");
    assert!(opened && session.key_epoch == 0 && session.target.is_none());
    // A sync answer goes between two.
    world.disconnect(bob);
    world.write(alice, "tasks", "meanwhile", Some("x"));
    let since = world.sent.len();
    world.connect(bob);
    world.run_secs(5);
    let answers = world.sent_since(since, Kind::DataChunk);
    assert!(answers.iter().all(|sent| sent.packet.target.is_some() && sent.packet.encrypted));
    assert_eq!(world.members[bob].value("tasks", "meanwhile").as_deref(), Some("x"));
}

#[test]
fn check_17_what_is_sealed_for_the_group_waits_for_its_key() {
    let mut world = World::new(31);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    // Keys do not come through.
    let target = world.members[bob].id.clone();
    world.fate = Box::new(move |sent, _| {
        let is_control = sent.packet.kind == Kind::UnicastReq as i32;
        let is_private = sent.packet.target.as_ref() == Some(&target);
        let is_answer = sent.packet.kind == Kind::DataChunk as i32 && is_private;
        (!(is_answer || is_control && is_private)).then_some(std::time::Duration::ZERO)
    });
    world.run_secs(3);
    assert_eq!(world.members[bob].epoch(), None);
    world.write(alice, "tasks", "1", Some("x"));
    world.run_ms(100);
    assert_eq!(world.members[bob].value("tasks", "1"), None);
    assert!(world.members[bob].waiting()[1].0 >= 1);
    world.fate = Box::new(|_, _| Some(std::time::Duration::ZERO));
    world.run_secs(20);
    assert_eq!(world.members[bob].epoch(), Some(1));
    assert_eq!(world.members[bob].value("tasks", "1").as_deref(), Some("x"));
    assert_eq!(world.members[bob].saw(|event| matches!(event, Event::Changed { .. })), 1);
    assert_eq!(world.members[bob].waiting()[1], (0, 0));
}

#[test]
fn check_17_what_waits_too_long_is_gone() {
    let mut world = World::new(32);
    let alice = world.enter("alice");
    let mut bob = Rogue::new("bob", 33);
    let announcement = bob.announcement(&world);
    world.inject(alice, announcement);
    let packet = bob.packet(Kind::DataChunk, &world);
    let sealed = bob.seal_for_group(packet, (&[9; 32], 2), b"{}");
    let frame = bob.sign(sealed);
    world.inject(alice, frame);
    assert_eq!(world.members[alice].waiting()[1].0, 1);
    world.run_secs(119);
    assert_eq!(world.members[alice].waiting()[1].0, 1);
    world.run_secs(2);
    assert_eq!(world.members[alice].waiting()[1], (0, 0));
    assert_eq!(world.members[alice].drops(Why::NoGroupKey), 1);
}

#[test]
fn check_18_a_key_that_is_not_sealed_for_one_or_not_from_who_may_is_ignored() {
    let mut world = World::new(34);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob"]);
    let mut bob = Rogue::new("bob", 35);
    let announcement = bob.announcement(&world);
    world.inject(alice, announcement);
    let (id, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
    let key = data_encoding::BASE64.encode(&[9; 32]);
    let share =
        format!(r#"{{"type":"GSK_SHARE","key":"{key}","epoch":2,"key_id":"0000000000000000"}}"#);
    let mut plain = bob.packet(Kind::UnicastReq, &world);
    plain.payload = share.clone().into();
    let plain = bob.sign(plain);
    world.inject(alice, plain);
    assert_eq!(world.members[alice].drops(Why::NotPairwise), 1);
    let sealed = bob.packet(Kind::UnicastReq, &world);
    let sealed = bob.seal_for(sealed, (&id, &keys), share.as_bytes());
    let sealed = bob.sign(sealed);
    world.inject(alice, sealed);
    assert_eq!(world.members[alice].drops(Why::Forbidden), 1);
    assert_eq!(world.members[alice].epoch(), Some(1));
}

#[test]
fn a_key_is_given_to_members_only() {
    let mut world = World::new(36);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob"]);
    let bob = world.enter_invited("bob", alice);
    let eve = world.enter("eve");
    world.run_secs(20);
    world.write(alice, "tasks", "1", Some("secret"));
    world.run_secs(20);
    assert_eq!(world.members[bob].epoch(), Some(1));
    assert_eq!(world.members[bob].value("tasks", "1").as_deref(), Some("secret"));
    assert_eq!(world.members[eve].epoch(), None);
    assert_eq!(world.members[eve].value("tasks", "1"), None);
    assert!(world.members[alice].drops(Why::Forbidden) > 0);
}

#[test]
fn check_19_three_epochs_open_and_the_fourth_does_not() {
    let mut world = World::new(37);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(5);
    let mut kept = Vec::new();
    for n in 1..=4u64 {
        // Sealed in this epoch, and on its way until the end.
        world.fate = Box::new(|sent, _| {
            (sent.packet.kind != Kind::DataChunk as i32).then_some(std::time::Duration::ZERO)
        });
        let since = world.sent.len();
        world.write(alice, "tasks", &n.to_string(), Some("x"));
        kept.push(world.sent_since(since, Kind::DataChunk)[0].frame.clone());
        world.fate = Box::new(|_, _| Some(std::time::Duration::ZERO));
        if n < 4 {
            let now = world.now(alice);
            world.members[alice].rotate_group_key(now).unwrap();
            world.run_ms(10);
            assert_eq!(world.members[bob].epoch(), Some(n + 1));
        }
    }
    let drops = world.members[bob].drops(Why::NoGroupKey);
    for (frame, n) in kept.into_iter().zip(1..) {
        let had = world.members[bob].value("tasks", &n.to_string()).is_some();
        assert!(!had, "the write {n} was held back");
        world.inject(bob, frame);
        let opened = world.members[bob].value("tasks", &n.to_string()).is_some();
        assert_eq!(opened, n > 1, "epoch {n}");
    }
    assert_eq!(world.members[bob].drops(Why::NoGroupKey), drops + 1);
}

#[test]
fn only_who_may_makes_a_new_key() {
    let mut world = World::new(38);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(5);
    let now = world.now(bob);
    let refused = world.members[bob].rotate_group_key(now);
    assert_eq!(refused, Err(WriteError::NotPermitted));
    assert_eq!(world.members[alice].epoch(), Some(1));
}

#[test]
fn a_member_that_is_taken_out_reads_and_writes_no_more() {
    let mut world = World::new(39);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob", "carol"]);
    let (bob, carol) = (world.enter_invited("bob", alice), world.enter_invited("carol", alice));
    world.run_secs(10);
    world.write(alice, "tasks", "1", Some("before"));
    world.run_ms(10);
    assert_eq!(world.members[bob].value("tasks", "1").as_deref(), Some("before"));
    world.disconnect(bob);
    world.write(bob, "tasks", "3", Some("intruder"));
    let now = world.now(alice);
    let id = world.members[bob].id.canonical();
    world.members[alice].remove_member(&id, now).unwrap();
    world.run_ms(10);
    assert_eq!(world.members[carol].epoch(), Some(2));
    world.write(alice, "tasks", "2", Some("after"));
    world.connect(bob);
    world.run_secs(30);
    assert_eq!(world.members[bob].epoch(), Some(1));
    assert_eq!(world.members[carol].value("tasks", "2").as_deref(), Some("after"));
    assert_eq!(world.members[bob].value("tasks", "2"), None);
    // What Bob wrote nobody takes, however he sends it.
    world.run_secs(60);
    for at in [alice, carol] {
        assert_eq!(world.members[at].value("tasks", "3"), None, "{}", world.members[at].id);
    }
    let refused = |event: &Event| matches!(event, Event::Rejected { why: Why::Removed, .. });
    assert!(world.members[alice].saw(refused) > 0);
}

#[test]
fn rows_of_the_future_are_refused_and_others_of_the_same_chunk_taken() {
    // Check 29.
    let mut world = World::new(40);
    let alice = world.enter("alice");
    let mut bob = Rogue::new("bob", 41);
    let announcement = bob.announcement(&world);
    world.inject(alice, announcement);
    let rows = [
        row("now", "x", &hlc(&world, 0, "b")),
        row("ahead", "x", &hlc(&world, 600, "b")),
        row("near", "x", &hlc(&world, 59, "c")),
    ];
    let json = format!(r#"{{"tasks":[{}]}}"#, rows.join(","));
    let (id, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
    for frame in bob.changes_for(&world, (&id, &keys), &json) {
        world.inject(alice, frame);
    }
    assert_eq!(world.members[alice].rows("tasks").unwrap().len(), 2);
    assert_eq!(world.members[alice].value("tasks", "ahead"), None);
    assert_eq!(world.members[alice].drops(Why::FutureRow), 1);
}

#[test]
fn who_takes_out_a_member_and_may_make_no_key_leaves_that_to_who_may() {
    let mut world = World::new(42);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob", "carol"]);
    world.write(alice, "roles", "roles", Some(r#"{"name":"r","permissions":4}"#));
    world.write(alice, "members", "bob", Some(r#"{"roleIds":["roles"]}"#));
    let (bob, carol) = (world.enter_invited("bob", alice), world.enter_invited("carol", alice));
    world.run_secs(10);
    assert_eq!(world.members[bob].epoch(), Some(1));
    let (id, now) = (world.members[carol].id.canonical(), world.now(bob));
    world.members[bob].remove_member(&id, now).unwrap();
    world.run_secs(1);
    assert_eq!(world.members[alice].value("members", "carol"), None);
    assert_eq!(
        [alice, bob, carol].map(|at| world.members[at].epoch()),
        [Some(2), Some(2), Some(1)]
    );
}

#[test]
fn who_is_no_member_is_sent_nothing_and_claims_nothing() {
    let mut world = World::new(43);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob"]);
    let bob = world.enter_invited("bob", alice);
    world.run_secs(10);
    let mut eve = Rogue::new("eve", 44);
    world.ghosts.push(eve.id.clone());
    let announcement = eve.announcement(&world);
    for at in [alice, bob] {
        let now = world.now(at);
        world.members[at].joined(eve.id.clone(), now);
        world.inject(at, announcement.clone());
    }
    let since = world.sent.len();
    world.write(alice, "tasks", "1", Some("x"));
    world.run_secs(30);
    let private = [Kind::DataChunk, Kind::SyncReq, Kind::SyncClaim, Kind::ConsistencyCheck];
    for kind in private {
        let sent = world.sent_since(since, kind);
        assert!(sent.iter().all(|sent| sent.packet.target.as_ref() != Some(&eve.id)), "{kind:?}");
    }
    let (to, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
    for (kind, what) in [(Kind::SyncReq, "{}"), (Kind::SyncClaim, "")] {
        let before = world.members[alice].drops(Why::Forbidden);
        let packet = eve.packet(kind, &world);
        let packet = eve.seal_for(packet, (&to, &keys), what.as_bytes());
        let frame = eve.sign(packet);
        world.inject(alice, frame);
        assert_eq!(world.members[alice].drops(Why::Forbidden), before + 1, "{kind:?}");
    }
}
