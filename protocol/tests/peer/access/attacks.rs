//! What a member, or one who was removed, would send to become more than he is.

use serde_json::json;
use syncline_protocol::dialects::peer::{
    access::{Founding, Permission, Standing, Verdict, Why},
    id::PeerId,
    rows::{Row, TableName},
};

use super::world::{ROOM, World, authored, deleted, hlc, name, rejected, row, settings, text};

/// One who was removed sends all that could take it back.
#[test]
fn a_removed_member_stays_removed() {
    let mut world = World::new();
    let back = json!({"roleIds": ["administrators"]});
    let once = authored(row("members", "rex", &back, 10), "olga", "olga", ROOM);
    assert_eq!(world.judge("rex", &once), Verdict::Unchanged, "the row that he once had");
    let later = Row { hlc: hlc(30), ..once };
    for change in [
        later,
        row("members", "rex", &back, 30),
        row("members", "user:rex", &back, 30),
        row("members", " REX", &back, 30),
        authored(row("members", "rex", &back, 30), "rex", "rex", ROOM),
        authored(row("members", "rex", &back, 30), "ada", "rex", ROOM),
        row("roles", "members", &json!({"permissions": 1}), 30),
        row("group_settings", "mine", &json!({"ownerId": "rex"}), 30),
        row("tasks", "1", &json!({}), 30),
    ] {
        let verdict = world.merge("rex", std::slice::from_ref(&change))[0];
        assert!(matches!(verdict, Verdict::Reject(_)), "{change:?}");
    }
    assert_eq!(world.access.standing(&name("rex")), Standing::Removed);
    // He is told what others wrote, and may hand it on; and a host may let him in again.
    let others = authored(row("roles", "new", &json!({}), 30), "ada", "ada", ROOM);
    assert_eq!(world.judge("rex", &others), Verdict::Accept);
    world.put(row("members", "user:Rex", &json!({"roleIds": []}), 40));
    assert_eq!(world.access.standing(&name("rex")), Standing::Member);
}

/// An administrator who hid a second row for himself goes with it.
#[test]
fn removal_finds_every_row_of_a_member() {
    let mut world = World::new();
    for id in ["ADA", "user:ada", " Ada ", "user:user:ada"] {
        let back_door = row("members", id, &json!({"roleIds": ["administrators"]}), 30);
        assert_eq!(world.merge("ada", &[back_door]), [Verdict::Accept]);
    }
    let rows: Vec<String> = world.access.rows_of_member(&name("ada")).map(str::to_owned).collect();
    assert_eq!(rows.len(), 5);
    let chunk: Vec<Row> = rows.iter().map(|id| deleted("members", id, 40)).collect();
    world.merge("olga", &chunk);
    assert_eq!(world.access.standing(&name("ada")), Standing::Removed);
    assert!(!world.access.allows(&name("ada"), Permission::ManageRoles));
}

#[test]
fn the_owner_is_not_touched_by_administrators() {
    let mut world = World::new();
    world.merge(
        "ada",
        &[
            deleted("members", "user:Olga", 30),
            deleted("roles", "administrators", 30),
            deleted("group_settings", "group_settings", 30),
            row("group_settings", "zzz", &json!({"ownerId": "ada"}), 30),
            row("group_settings", "000", &json!({"ownerId": "ada"}), 30),
        ],
    );
    assert_eq!(world.access.standing(&name("olga")), Standing::Owner);
    assert!(world.access.allows(&name("user:OLGA"), Permission::Administrator));
    assert_eq!(world.access.owners().len(), 1);
}

/// Deleting everything does not lead back to the state in which anybody founds the group.
#[test]
fn a_group_of_deleted_rows_is_no_new_group() {
    let mut world = World::new();
    let all: Vec<Row> = world.rows.values().cloned().collect();
    for Row { table, id, .. } in all {
        world.merge("olga", &[deleted(&table, &id, 50)]);
    }
    assert!(!world.access.is_bootstrap());
    assert!(world.access.owners().is_empty());
    for change in [
        row("members", "mia", &json!({"roleIds": ["r"]}), 60),
        authored(
            row("group_settings", "group_settings", &json!({"ownerId": "mia"}), 60),
            "mia",
            "mia",
            ROOM,
        ),
    ] {
        assert!(matches!(world.judge("mia", &change), Verdict::Reject(_)));
    }
}

/// A group that has an owner and nothing else is not founded by the next one who comes.
#[test]
fn an_owner_without_roles_is_an_owner() {
    let mut world = World::empty(Founding::Anyone);
    world.put(row("group_settings", "group_settings", &settings(), 10));
    let chunk = [
        row("roles", "r", &json!({"permissions": 1}), 20),
        row("members", "mia", &json!({"roleIds": ["r"]}), 20),
    ];
    assert_eq!(world.merge("mia", &chunk), [rejected(Why::Forbidden); 2]);
    assert_eq!(world.merge("OLGA", &chunk), [Verdict::Accept; 2]);
}

/// A group without an owner gets one from those who may do everything else, and from nobody else.
#[test]
fn a_vacant_group() {
    let vacant = |mut world: World| {
        world.put(row("group_settings", "group_settings", &json!({"name": "Anglers"}), 30));
        world
    };
    let claim = |who: &str| {
        row("group_settings", "group_settings", &json!({"name": "Anglers", "ownerId": who}), 40)
    };
    for who in ["mia", "edgar", "greta", "carl", "rolf", "stan", "rex", "olga"] {
        let verdict = vacant(World::new()).judge(who, &claim(who));
        assert_eq!(verdict, rejected(Why::NotOwner), "{who}");
    }
    assert_eq!(vacant(World::new()).judge("ada", &claim("olga")), Verdict::Accept);
}

/// Who may only invite cannot invite himself to more.
#[test]
fn invites_give_no_more_than_who_wrote_them_has() {
    let with = |role: serde_json::Value| {
        let mut settings = settings();
        settings["invites"] = json!([settings["invites"][0], {"code": "NEW", "roleId": role}]);
        row("group_settings", "group_settings", &settings, 30)
    };
    let world = World::new();
    for role in ["members", "greeters", ""] {
        assert_eq!(world.judge("greta", &with(json!(role))), Verdict::Accept, "{role}");
    }
    for role in ["administrators", "keepers", "editors", "clerks", "unknown"] {
        let verdict = rejected(Why::InvitesBeyondOwn);
        assert_eq!(world.judge("greta", &with(json!(role))), verdict, "{role}");
        assert_eq!(world.judge("ada", &with(json!(role))), Verdict::Accept, "{role}");
        assert_eq!(world.judge("olga", &with(json!(role))), Verdict::Accept, "{role}");
    }
    assert_eq!(world.judge("edgar", &with(json!("editors"))), Verdict::Accept);
    assert_eq!(world.judge("edgar", &with(json!("keepers"))), rejected(Why::InvitesBeyondOwn));
    assert_eq!(world.judge("greta", &with(json!(null))), Verdict::Accept);
    // An invite that is there already may stay, and one that is changed counts as new.
    let mut world = World::new();
    world.put(Row { hlc: hlc(20), ..with(json!("administrators")) });
    let mut raised = settings();
    raised["invites"] = json!([{"code": "OTHER", "roleId": "members"},
        {"code": "NEW", "roleId": "administrators"}]);
    let keep = row("group_settings", "group_settings", &raised, 30);
    assert_eq!(world.judge("greta", &keep), Verdict::Accept);
    raised["invites"][1]["code"] = json!("MINE");
    let stolen = row("group_settings", "group_settings", &raised, 30);
    assert_eq!(world.judge("greta", &stolen), rejected(Why::InvitesBeyondOwn));
}

/// Tables and names that look like others.
#[test]
fn look_alikes() {
    for table in ["Members", "members ", " roles", "róles", "group-settings", "", "members\0"] {
        assert!(TableName::new(table).is_none(), "{table:?} would be no guarded table");
    }
    for sender in ["user:user:olga", "OLGA", "user:\u{a0}olga"] {
        // The server gives such names to nobody but Olga, or she is not safe from them anywhere.
        assert_eq!(PeerId::new(sender).unwrap().canonical(), name("olga"));
    }
    for sender in ["оlga", "olga\u{200b}", "olgа", "o lga"] {
        assert_ne!(name(sender), name("olga"));
        let world = World::new();
        assert_eq!(world.judge(sender, &deleted("roles", "members", 30)), rejected(Why::Forbidden));
    }
    let world = World::new();
    let hidden = text("group_settings", "x", r#"{"own\u0065rId":"mia"}"#, 30);
    assert_eq!(world.judge("edgar", &hidden), rejected(Why::NotOwner));
}

/// An invite without a role gives the usual one, which may be more than its writer has.
#[test]
fn an_invite_without_a_role_is_one_for_the_usual_role() {
    let mut world = World::new();
    let mut with = settings();
    with["invites"] = json!([settings()["invites"][0], {"code": "NEW"}]);
    let invite = row("group_settings", "group_settings", &with, 30);
    assert_eq!(world.judge("greta", &invite), Verdict::Accept);
    world.put(row("roles", "rulers", &json!({"permissions": 1, "position": 0}), 20));
    assert_eq!(world.access.usual_role(), Some("rulers"));
    assert_eq!(world.judge("greta", &invite), rejected(Why::InvitesBeyondOwn));
    assert_eq!(world.judge("ada", &invite), Verdict::Accept);
}
