//! From whom the first rows of a room are taken (H16).

use serde_json::json;
use syncline_protocol::dialects::peer::{
    access::{Access, Founding, Standing, Verdict, Why},
    rows::Row,
};

use super::world::{ROOM, World, authored, deleted, hlc, name, rejected, row, settings};

fn owner_row() -> Row {
    row("group_settings", "group_settings", &settings(), 10)
}

#[test]
fn anyone_founds_a_room_that_takes_it_from_anyone_once() {
    let mut world = World::empty(Founding::Anyone);
    assert!(world.access.is_bootstrap());
    let rows = World::first_rows();
    assert!(world.merge("stan", &rows).iter().all(|verdict| *verdict == Verdict::Accept));
    assert!(!world.access.is_bootstrap());
    let more = row("roles", "more", &json!({"permissions": 1}), 30);
    assert_eq!(world.judge("stan", &more), rejected(Why::Forbidden));
    assert_eq!(world.judge("olga", &more), Verdict::Accept);
}

#[test]
fn a_joiner_takes_the_first_rows_from_its_host_alone() {
    let mut world = World::empty(Founding::By(name("Ada")));
    let own = authored(
        row("group_settings", "group_settings", &json!({"ownerId": "mia"}), 10),
        "mia",
        "mia",
        ROOM,
    );
    for row in World::first_rows().iter().chain([&own]) {
        assert_eq!(world.judge("mia", row), rejected(Why::Unfounded));
    }
    assert_eq!(world.judge("mia", &row("tasks", "1", &json!({}), 10)), Verdict::Accept);
    // In parts, and in an order in which the host has no permission in between.
    let mut rows = World::first_rows();
    rows.sort_by(|one, other| one.table.cmp(&other.table).then(other.id.cmp(&one.id)));
    for row in &rows {
        let foreign = Row { hlc: hlc(99), ..row.clone() };
        assert!(matches!(world.judge("mia", &foreign), Verdict::Reject(_)));
        assert_eq!(world.merge("user:ada", std::slice::from_ref(row)), [Verdict::Accept]);
    }
    // Until it is said that all is here: from then on the host is what its roles say.
    world.access.close_founding();
    world.put(row("members", "user:Ada", &json!({"roleIds": []}), 20));
    assert_eq!(world.judge("ada", &deleted("roles", "members", 30)), rejected(Why::Forbidden));
}

#[test]
fn others_hand_on_what_the_host_has_signed() {
    let world = World::empty(Founding::By(name("olga")));
    let signed = authored(owner_row(), "user:Olga", "olga", ROOM);
    assert_eq!(world.judge("mia", &signed), Verdict::Accept);
    let forged = authored(owner_row(), "user:Olga", "mia", ROOM);
    assert_eq!(world.judge("mia", &forged), rejected(Why::Unfounded));
    let by_another = authored(owner_row(), "ada", "ada", ROOM);
    assert_eq!(world.judge("mia", &by_another), rejected(Why::Unfounded));
}

#[test]
fn without_a_host_the_first_owner_who_signed_it_founds() {
    let mut world = World::empty(Founding::default());
    assert_eq!(world.judge("mia", &owner_row()), rejected(Why::Unfounded));
    assert_eq!(world.judge("olga", &owner_row()), Verdict::Accept, "her packet is signed");
    for row in &World::first_rows()[1..] {
        let signed = authored(row.clone(), "olga", "olga", ROOM);
        assert_eq!(world.judge("olga", &signed), rejected(Why::Unfounded));
    }
    let signed = authored(owner_row(), "ada", "ada", ROOM);
    assert_eq!(world.judge("ada", &signed), rejected(Why::Unfounded), "she is not whom it names");
    let signed = authored(owner_row(), "olga", "olga", ROOM);
    assert_eq!(world.merge("mia", &[signed]), [Verdict::Accept]);
    assert_eq!(world.access.standing(&name("olga")), Standing::Owner);
    let late = authored(
        row("group_settings", "group_settings", &json!({"ownerId": "mia"}), 20),
        "mia",
        "mia",
        ROOM,
    );
    assert_eq!(world.judge("mia", &late), rejected(Why::NotOwner));
}

#[test]
fn rows_lead_to_the_same_view_in_any_order() {
    let world = World::new();
    let mut rows: Vec<Row> = world.rows.values().cloned().collect();
    rows.reverse();
    let mut access = Access::new(Founding::Signed);
    rows.iter().for_each(|row| access.applied(row));
    rows.iter().for_each(|row| access.applied(row));
    assert_eq!(access, world.access);
    for row in &rows {
        access.forgotten(&row.table, &row.id);
    }
    assert_eq!(access, Access::new(Founding::Signed));
}

#[test]
fn a_host_that_was_taken_out_founds_nothing_more() {
    let mut world = World::empty(Founding::By(name("Ada")));
    world.merge("ada", &World::first_rows());
    world.put(row("members", "user:Ada", &json!({"roleIds": ["members"]}), 20));
    assert!(world.access.is_founder(&name("ada")));
    world.put(deleted("members", "user:Ada", 30));
    assert!(!world.access.is_founder(&name("ada")));
    let more = row("roles", "more", &json!({"permissions": -1}), 40);
    assert!(matches!(world.judge("ada", &more), Verdict::Reject(_)));
}
