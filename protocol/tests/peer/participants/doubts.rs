//! What a stranger or a liar could have spoiled for good: the first rows of a group (H16), its first key
//! (H6), logical time; and a clock that is put right.

use data_encoding::BASE64;
use syncline_protocol::dialects::peer::{
    packet::Kind,
    participant::{Edit, Why},
};

use super::{
    rogue::{Rogue, hlc, row},
    world::World,
};

/// Bob in a room that he was not invited to by anybody he knows, and Mallory, whose keys he knows.
fn newcomer(seed: u64) -> (World, Rogue) {
    let mut world = World::new(seed);
    let opening = world.opening("bob");
    let bob = world.add(opening);
    world.connect(bob);
    let mut mallory = Rogue::new("mallory", seed + 1);
    let announcement = mallory.announcement(&world);
    world.inject(bob, announcement);
    (world, mallory)
}

/// Alice comes, who made the room and owns the group in which Bob is a member.
fn owner_comes(world: &mut World) -> usize {
    let mut opening = world.opening("alice");
    opening.is_host = true;
    let alice = world.add(opening);
    world.found_group(alice, &["bob"]);
    let now = world.now(alice);
    world.members[alice].rotate_group_key(now).unwrap();
    world.write(alice, "tasks", "1", Some("one"));
    world.connect(alice);
    alice
}

fn send(world: &mut World, by: &mut Rogue, json: &str) {
    let (id, keys) = (world.members[0].id.clone(), world.members[0].keys());
    for frame in by.changes_for(world, (&id, &keys), json) {
        world.inject(0, frame);
    }
}

#[test]
fn who_was_invited_by_nobody_takes_a_group_from_its_owner_alone() {
    let (mut world, mut mallory) = newcomer(110);
    let at = hlc(&world, 0, "m");
    let role = row("admin", r#"{"name":"admin","position":9,"permissions":-1}"#, &at);
    let member = row("mallory", r#"{"roleIds":["admin"]}"#, &at);
    send(&mut world, &mut mallory, &format!(r#"{{"roles":[{role}],"members":[{member}]}}"#));
    assert_eq!(world.members[0].value("members", "mallory"), None);
    assert_eq!(world.members[0].drops(Why::Unfounded), 2);
    let alice = owner_comes(&mut world);
    world.run_secs(20);
    assert!(world.members[0].value("group_settings", "g").is_some());
    assert!(world.members[0].value("members", "bob").is_some());
    assert_eq!(world.members[0].value("tasks", "1").as_deref(), Some("one"));
    assert_eq!(world.members[0].digest(), world.members[alice].digest());
}

#[test]
fn an_owner_with_other_keys_still_founds() {
    let (mut world, _) = newcomer(112);
    let mut opening = world.opening("alice");
    opening.is_host = true;
    let alice = world.add(opening);
    world.found_group(alice, &["bob"]);
    let now = world.now(alice);
    world.members[alice].rotate_keys(now).unwrap();
    world.connect(alice);
    world.run_secs(20);
    assert!(world.members[0].value("group_settings", "g").is_some());
    assert_eq!(world.members[0].digest(), world.members[alice].digest());
}

#[test]
fn a_key_of_a_stranger_goes_when_the_group_is_known() {
    let (mut world, mut mallory) = newcomer(114);
    let (id, keys) = (world.members[0].id.clone(), world.members[0].keys());
    let share =
        format!(r#"{{"type":"GSK_SHARE","key":"{}","epoch":900}}"#, BASE64.encode(&[9; 32]));
    let packet = mallory.packet(Kind::UnicastReq, &world);
    let packet = mallory.seal_for(packet, (&id, &keys), share.as_bytes());
    let frame = mallory.sign(packet);
    world.inject(0, frame);
    let alice = owner_comes(&mut world);
    world.run_secs(30);
    assert_eq!(world.members[0].epoch(), world.members[alice].epoch());
    assert_eq!(world.members[0].epoch(), Some(1));
    world.restart_kept(0);
    assert_eq!(world.members[0].epoch(), world.members[alice].epoch(), "also on the device");
}

#[test]
fn who_was_there_before_the_group_has_no_key_of_it() {
    let mut world = World::new(116);
    let alice = world.enter("alice");
    world.enter("eve");
    world.run_secs(5);
    world.found_group(alice, &["bob"]);
    world.run_secs(5);
    assert_eq!(world.members[alice].epoch(), Some(2), "Eve has the first one");
    assert_eq!(world.members[1].epoch(), Some(1));
}

#[test]
fn a_member_that_is_deleted_as_any_row_gets_no_further_key() {
    let mut world = World::new(118);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob"]);
    world.enter_invited("bob", alice);
    world.run_secs(5);
    world.write(alice, "members", "bob", None);
    world.run_secs(5);
    assert_eq!(world.members[alice].epoch(), Some(2));
    assert_eq!(world.members[1].epoch(), Some(1));
    let edit = Edit { table: "members".into(), id: "".into(), value: None };
    let now = world.now(alice);
    assert!(world.members[alice].write(vec![edit], now).is_err());
    world.run_secs(5);
    assert_eq!(world.members[alice].epoch(), Some(2), "nobody was taken out");
}

#[test]
fn logical_time_that_somebody_drove_up_shuts_nobody_out() {
    let mut world = World::new(120);
    let alice = world.enter("alice");
    world.write(alice, "tasks", "1", Some("one"));
    let mut mallory = Rogue::new("mallory", 121);
    let announcement = mallory.announcement(&world);
    world.inject(alice, announcement);
    for times in 1..4 {
        let mut packet = mallory.packet(Kind::UnicastReq, &world);
        packet.payload = r#"{"type":"GSK_REQ"}"#.into();
        packet.logical_time = times << 40;
        let frame = mallory.sign(packet);
        world.inject(alice, frame);
    }
    let bob = world.enter("bob");
    world.run_secs(10);
    assert_eq!(world.members[bob].value("tasks", "1").as_deref(), Some("one"));
}

#[test]
fn a_clock_that_is_put_right_while_connected_makes_nothing_stale() {
    let mut world = World::new(124);
    let mut opening = world.opening("alice");
    opening.is_host = true;
    let alice = world.add(opening);
    world.members[alice].wall_off_ms = -240_000;
    world.connect(alice);
    world.enter("bob");
    world.run_secs(10);
    world.members[alice].wall_off_ms = 0;
    let stale =
        |world: &World| world.members.iter().map(|member| member.drops(Why::Stale)).sum::<u64>();
    world.run_secs(300);
    assert_eq!(stale(&world), 0);
    assert_eq!(world.members[alice].clock_offset_ms().abs() / 1000, 0);
}
