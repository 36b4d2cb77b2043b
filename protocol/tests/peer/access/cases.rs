//! Check 30 and the rules of section 3, each sender with each kind of change.

use serde_json::json;
use syncline_protocol::dialects::peer::{
    access::{Permissions, Standing, Verdict, Why},
    rows::Row,
};

use super::world::{World, deleted, name, rejected, row, settings, text};

const ALL: [&str; 9] = ["olga", "ada", "rolf", "carl", "greta", "edgar", "mia", "stan", "rex"];

/// Who of all may do this; the others are refused, Rex for what he is.
fn allows(change: &Row, who: &[&str]) {
    let world = World::new();
    for sender in ALL {
        let verdict = world.judge(sender, change);
        let is_allowed = verdict == Verdict::Accept;
        assert_eq!(is_allowed, who.contains(&sender), "{sender} {change:?} {verdict:?}");
        assert_ne!(verdict, Verdict::Unchanged);
    }
}

#[test]
fn roles_and_members_need_manage_roles() {
    let may = ["olga", "ada", "rolf", "carl"];
    allows(&row("roles", "new", &json!({"permissions": 0}), 30), &may);
    allows(&row("roles", "members", &json!({"permissions": -1}), 30), &may);
    allows(&deleted("roles", "administrators", 30), &may);
    allows(&row("members", "stan", &json!({"roleIds": []}), 30), &may);
    allows(&row("members", "rex", &json!({"roleIds": ["members"]}), 30), &may);
    allows(&deleted("members", "user:mia", 30), &may);
    allows(&text("members", "stan", "{no JSON", 30), &may);
}

#[test]
fn groups_of_members_need_both() {
    let may = ["olga", "ada", "carl"];
    allows(&row("logical_groups", "team", &json!({}), 30), &may);
    allows(&deleted("logical_groups", "team", 30), &may);
    allows(&text("logical_groups", "other", "[", 30), &may);
}

#[test]
fn settings_need_manage_group_and_invites_less() {
    let change = |field: &str, value| {
        let mut settings = settings();
        settings[field] = value;
        row("group_settings", "group_settings", &settings, 30)
    };
    allows(&change("name", json!("Hunters")), &["olga", "ada", "edgar"]);
    allows(&change("invites", json!([])), &["olga", "ada", "edgar", "greta"]);
    allows(&row("group_settings", "second", &json!({"name": "x"}), 30), &["olga", "ada", "edgar"]);
    allows(
        &row("group_settings", "second", &json!({"invites": []}), 30),
        &["olga", "ada", "edgar"],
    );
}

#[test]
fn only_the_owner_names_another() {
    let owned_by = |id: &str, owner| row("group_settings", id, &json!({"ownerId": owner}), 30);
    for row in [
        owned_by("group_settings", json!("mia")),
        owned_by("group_settings", json!("")),
        owned_by("group_settings", json!(null)),
        owned_by("group_settings", json!(["olga"])),
        owned_by("group_settings", json!("olga")),
        owned_by("another", json!("mia")),
        owned_by("another", json!("user:Olga")),
        row("group_settings", "group_settings", &json!({}), 30),
        deleted("group_settings", "group_settings", 30),
        text("group_settings", "group_settings", "{", 30),
        text("group_settings", "group_settings", r#"{"ownerId":"mia","ownerId":"user:Olga"}"#, 30),
    ] {
        allows(&row, &["olga"]);
    }
}

#[test]
fn other_tables_are_open_to_all_but_those_who_were_removed() {
    let task = row("tasks", "1", &json!({"title": "fish"}), 30);
    allows(&task, &["olga", "ada", "rolf", "carl", "greta", "edgar", "mia", "stan"]);
    assert_eq!(World::new().judge("rex", &task), rejected(Why::Removed));
}

#[test]
fn a_refused_row_leaves_the_rest_of_its_chunk() {
    let chunk = [
        row("tasks", "1", &json!({}), 30),
        row("roles", "members", &json!({"permissions": 1}), 30),
        row("tasks", "2", &json!({}), 30),
    ];
    let verdicts = World::new().merge("mia", &chunk);
    assert_eq!(verdicts, [Verdict::Accept, rejected(Why::Forbidden), Verdict::Accept]);
    assert_eq!(World::new().merge("ada", &chunk), [Verdict::Accept; 3]);
}

#[test]
fn a_permission_does_not_count_in_the_chunk_it_comes_in() {
    let mut world = World::new();
    let chunk = [
        row("members", "user:mia", &json!({"roleIds": ["keepers"]}), 30),
        row("roles", "keepers", &json!({"permissions": 5}), 30),
    ];
    assert_eq!(world.merge("mia", &chunk), [rejected(Why::Forbidden); 2]);
    // Nor what the author of one row may since the other: Rolf is no longer a keeper behind this chunk.
    let chunk = [
        row("members", "rolf", &json!({"roleIds": []}), 40),
        row("roles", "members", &json!({"permissions": 2}), 40),
    ];
    assert_eq!(world.merge("rolf", &chunk), [Verdict::Accept; 2]);
    assert_eq!(world.merge("rolf", &[deleted("roles", "members", 50)]), [rejected(Why::Forbidden)]);
    assert!(world.access.permissions(&name("mia")) == Permissions::of_bits(2));
}

#[test]
fn what_changes_nothing_is_not_judged() {
    let world = World::new();
    for row in World::first_rows() {
        assert_eq!(world.judge("stan", &row), Verdict::Unchanged);
    }
    assert_eq!(world.judge("stan", &deleted("members", "rex", 19)), Verdict::Unchanged);
    let same_time = row("roles", "members", &json!({"permissions": 7, "z": 1}), 10);
    assert_eq!(world.judge("mia", &same_time), rejected(Why::Forbidden));
}

#[test]
fn names_meet_in_their_canonical_form() {
    let mut world = World::new();
    let row = deleted("roles", "members", 30);
    for sender in ["user:ADA", " ada", "ADA", "user:Ada", "user: ada "] {
        assert_eq!(world.judge(sender, &row), Verdict::Accept, "{sender}");
    }
    for sender in ["ada2", "user-ada", "us er:ada", "ad a"] {
        assert_eq!(world.judge(sender, &row), rejected(Why::Forbidden), "{sender}");
    }
    world.put(deleted("members", "user:Ada", 30));
    assert_eq!(world.access.standing(&name("ada")), Standing::Removed);
}

#[test]
fn roles_that_are_not_there_or_cannot_be_read_give_nothing() {
    let mut world = World::new();
    let bad_roles = [
        "",
        "null",
        "[]",
        "7",
        "{",
        r#"{"permissions":"1"}"#,
        r#"{"permissions":1.5}"#,
        r#"{"permissions":18446744073709551615}"#,
        r#"{"permissions":0,"permissions":1}"#,
        r#"{"Permissions":1}"#,
        r#"{"permissions":{"$":1}}"#,
    ];
    for value in bad_roles {
        world.put(text("roles", "odd", value, 30));
        world.put(row("members", "mia", &json!({"roleIds": ["odd", "none", "odd"]}), 30));
        assert_eq!(world.access.permissions(&name("mia")), Permissions::NONE, "{value}");
    }
    world.put(row("roles", "odd", &json!({"permissions": 4}), 40));
    let bad_members = [
        "",
        "null",
        r#"["odd"]"#,
        r#"{"roleIds":"odd"}"#,
        r#"{"roleIds":{"odd":1}}"#,
        r#"{"roleIds":[["odd"]]}"#,
        r#"{"roleIds":[],"roleIds":["odd"]}"#,
        r#"{"roleids":["odd"]}"#,
        r#"{"roleIds":["ODD"," odd"]}"#,
    ];
    for value in bad_members {
        world.put(text("members", "mia", value, 40));
        assert_eq!(world.access.permissions(&name("mia")), Permissions::NONE, "{value}");
        assert_eq!(world.access.standing(&name("mia")), Standing::Member);
    }
    world.put(row("members", "mia", &json!({"roleIds": [7, "odd"]}), 50));
    assert_eq!(world.access.permissions(&name("mia")), Permissions::of_bits(4));
    world.put(deleted("roles", "odd", 60));
    assert_eq!(world.access.permissions(&name("mia")), Permissions::NONE);
}

#[test]
fn several_roles_and_several_rows_add_up() {
    let mut world = World::new();
    world.put(row("members", "user:MIA", &json!({"roleIds": ["greeters", "editors"]}), 30));
    let both = Permissions::of_bits(2 | 1 << 26);
    assert_eq!(world.access.permissions(&name("mia")), both);
    let rows: Vec<String> = world.access.rows_of_member(&name("mia")).map(str::to_owned).collect();
    assert_eq!(rows, ["user:MIA", "user:mia"]);
    for id in rows {
        world.put(deleted("members", &id, 40));
    }
    assert_eq!(world.access.standing(&name("mia")), Standing::Removed);
    assert_eq!(world.access.permissions(&name("mia")), Permissions::NONE);
    assert_eq!(world.access.rows_of_member(&name("mia")).count(), 0);
}
