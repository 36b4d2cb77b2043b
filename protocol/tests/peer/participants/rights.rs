//! Rights at the merge: check 30.

use syncline_protocol::dialects::peer::participant::{Edit, Event, Why, WriteError};

use super::{
    rogue::{Rogue, hlc, row},
    world::World,
};

/// Alice owns a group in which Mallory is a plain member, with keys that she knows.
fn world() -> (World, Rogue) {
    let mut world = World::new(70);
    let alice = world.enter("alice");
    world.found_group(alice, &["mallory"]);
    let mut mallory = Rogue::new("mallory", 71);
    let announcement = mallory.announcement(&world);
    world.inject(alice, announcement);
    world.run_ms(10);
    (world, mallory)
}

fn send(world: &mut World, by: &mut Rogue, json: &str) {
    let (id, keys) = (world.members[0].id.clone(), world.members[0].keys());
    for frame in by.changes_for(world, (&id, &keys), json) {
        world.inject(0, frame);
    }
}

fn refused(world: &World, table: &str) -> usize {
    world.members[0].saw(|event| {
        matches!(event, Event::Rejected { table: of, why: Why::Forbidden, .. } if of == table)
    })
}

#[test]
fn check_30_what_a_member_may_not_is_refused_and_the_rest_taken() {
    let (mut world, mut mallory) = world();
    let at = hlc(&world, 1, "m");
    let role = r#"{"name":"admin","position":9,"permissions":-1}"#;
    let rows =
        |table: &str, id: &str, value: &str| format!(r#""{table}":[{}]"#, row(id, value, &at));
    let roles = rows("roles", "mine", role);
    let members = rows("members", "mallory", r#"{"roleIds":["admin"]}"#);
    let groups = rows("logical_groups", "g", "{}");
    let settings = rows("group_settings", "g", r#"{"name":"lobby","ownerId":"mallory"}"#);
    let tasks = rows("tasks", "1", "x");
    let json = format!("{{{}}}", [roles, members, groups, settings, tasks].join(","));
    send(&mut world, &mut mallory, &json);
    assert_eq!(world.members[0].value("tasks", "1").as_deref(), Some("x"));
    for table in ["roles", "members", "logical_groups", "group_settings"] {
        assert_eq!(refused(&world, table), 1, "{table}");
    }
    assert_eq!(world.members[0].value("roles", "mine"), None);
    assert!(world.members[0].value("group_settings", "g").unwrap().contains("alice"));
    assert_eq!(world.members[0].drops(Why::Forbidden), 4);
}

#[test]
fn check_30_a_right_that_comes_in_the_same_chunk_does_not_count() {
    let (mut world, mut mallory) = world();
    let at = hlc(&world, 1, "m");
    let member = row("mallory", r#"{"roleIds":["admin"]}"#, &at);
    let role = row("new", r#"{"name":"x","permissions":0}"#, &at);
    let json = format!(r#"{{"members":[{member}],"roles":[{role}]}}"#);
    send(&mut world, &mut mallory, &json);
    send(&mut world, &mut mallory, &json);
    assert_eq!((refused(&world, "members"), refused(&world, "roles")), (2, 2));
    assert_eq!(world.members[0].value("roles", "new"), None);
}

#[test]
fn check_30_who_may_is_taken_at_its_word() {
    let (mut world, mut mallory) = world();
    world.write(0, "members", "mallory", Some(r#"{"roleIds":["admin"]}"#));
    let at = hlc(&world, 1, "m");
    let role = row("new", r#"{"name":"x","permissions":0}"#, &at);
    let group = row("g", "{}", &at);
    send(&mut world, &mut mallory, &format!(r#"{{"roles":[{role}],"logical_groups":[{group}]}}"#));
    assert!(world.members[0].value("roles", "new").is_some());
    assert!(world.members[0].value("logical_groups", "g").is_some());
}

#[test]
fn check_30_groups_of_members_need_both_rights() {
    let (mut world, mut mallory) = world();
    world.write(0, "roles", "roles", Some(r#"{"name":"r","permissions":4}"#));
    world.write(0, "members", "mallory", Some(r#"{"roleIds":["roles"]}"#));
    let at = hlc(&world, 1, "m");
    let (role, group) = (row("new", r#"{"permissions":0}"#, &at), row("g", "{}", &at));
    send(&mut world, &mut mallory, &format!(r#"{{"roles":[{role}],"logical_groups":[{group}]}}"#));
    assert!(world.members[0].value("roles", "new").is_some());
    assert_eq!(refused(&world, "logical_groups"), 1);
}

#[test]
fn check_30_a_row_that_its_author_signed_may_come_from_anybody() {
    let mut world = World::new(72);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob", "carol"]);
    let bob = world.enter_invited("bob", alice);
    world.run_secs(10);
    world.write(alice, "roles", "late", Some(r#"{"name":"late","permissions":0}"#));
    world.run_secs(1);
    // Carol was never there with Alice, but knows her keys from the invite.
    world.disconnect(alice);
    let carol = world.enter_invited("carol", alice);
    world.run_secs(10);
    assert!(world.members[carol].value("roles", "late").is_some());
    assert_eq!(world.members[carol].digest(), world.members[bob].digest());
    assert_eq!(world.members[carol].drops(Why::Unfounded), 0);
}

#[test]
fn the_first_rows_of_a_group_come_from_who_invited() {
    // H16: whoever is in the room first makes no group for who was invited by another.
    let mut world = World::new(73);
    let alice = world.enter("alice");
    world.run_secs(1);
    world.disconnect(alice);
    let bob = world.enter_invited("bob", alice);
    let mut mallory = Rogue::new("mallory", 74);
    let announcement = mallory.announcement(&world);
    world.inject(bob, announcement);
    let at = hlc(&world, 0, "m");
    let owner = row("g", r#"{"name":"x","ownerId":"mallory"}"#, &at);
    let json = format!(r#"{{"group_settings":[{owner}]}}"#);
    let (id, keys) = (world.members[bob].id.clone(), world.members[bob].keys());
    for frame in mallory.changes_for(&world, (&id, &keys), &json) {
        world.inject(bob, frame);
    }
    assert_eq!(world.members[bob].value("group_settings", "g"), None);
    assert_eq!(world.members[bob].drops(Why::Unfounded), 1);
    world.connect(alice);
    world.found_group(alice, &["bob"]);
    world.run_secs(10);
    assert!(world.members[bob].value("group_settings", "g").unwrap().contains("alice"));
}

#[test]
fn ones_own_machine_refuses_what_the_others_would() {
    let mut world = World::new(75);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob"]);
    let bob = world.enter_invited("bob", alice);
    world.run_secs(10);
    let now = world.now(bob);
    let edit = |table: &str, id: &str| Edit {
        table: table.into(),
        id: id.into(),
        value: Some("{}".into()),
    };
    let edits = vec![edit("tasks", "1"), edit("roles", "mine")];
    let refused = world.members[bob].write(edits, now);
    let (table, id) = ("roles".to_owned(), "mine".to_owned());
    assert_eq!(refused, Err(WriteError::Forbidden { table, id }));
    assert_eq!(world.members[bob].value("tasks", "1"), None, "all or none");
    let unknown = world.members[bob].write(vec![edit("elsewhere", "1")], now);
    assert_eq!(unknown, Err(WriteError::UnknownTable("elsewhere".into())));
}

#[test]
fn rows_of_unknown_tables_are_refused() {
    let (mut world, mut mallory) = world();
    let at = hlc(&world, 0, "m");
    let (bad, good) = (row("1", "x", &at), row("2", "x", &at));
    let json = format!(r#"{{"elsewhere":[{bad}],"tasks;drop":[{bad}],"tasks":[{good}]}}"#);
    send(&mut world, &mut mallory, &json);
    assert_eq!(world.members[0].drops(Why::UnknownTable), 1);
    assert_eq!(world.members[0].drops(Why::BadRow), 1);
    assert_eq!(world.members[0].value("tasks", "2").as_deref(), Some("x"));
    send(&mut world, &mut mallory, "[not json");
    assert_eq!(world.members[0].drops(Why::BadPayload), 1);
}
