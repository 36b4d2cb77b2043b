//! No sequence of rows by someone without a permission changes what the permission is for.

use std::collections::BTreeMap;

use proptest::prelude::*;
use syncline_protocol::dialects::peer::{
    access::{Permissions, Verdict, is_guarded},
    rows::{Author, Row, TableName},
};

use super::world::{MEMBERS, ROOM, World, authored, hlc, name, text};

const TABLES: [&str; 6] =
    ["group_settings", "roles", "members", "logical_groups", "tasks", "notes"];
const IDS: [&str; 14] = [
    "group_settings",
    "second",
    "administrators",
    "members",
    "keepers",
    "new",
    "user:mia",
    "mia",
    " MIA",
    "rex",
    "user:Ada",
    "user:Olga",
    "team",
    "greeters",
];
const SETTINGS: &str =
    r#"{"name":"Anglers","ownerId":"user:Olga","dataRoomName":"room-1","invites":[]}"#;
const VALUES: [&str; 18] = [
    "",
    "{",
    "null",
    "{}",
    r#"{"ownerId":"mia"}"#,
    r#"{"ownerId":"user:Olga"}"#,
    r#"{"ownerId":""}"#,
    r#"{"permissions":-1}"#,
    r#"{"permissions":1,"name":"member"}"#,
    r#"{"permissions":4,"position":-9}"#,
    r#"{"roleIds":["administrators"]}"#,
    r#"{"roleIds":["new","members"]}"#,
    r#"{"roleIds":[]}"#,
    r#"{"name":"Anglers","invites":[{"code":"a","roleId":"administrators"}]}"#,
    r#"{"ownerId":"mia","ownerId":"user:Olga"}"#,
    SETTINGS,
    r#"{"name":"Anglers","ownerId":"user:Olga","dataRoomName":"room-1","invites":[{"code":"x"}]}"#,
    r#"{"name":"Anglers","ownerId":"user:Olga","dataRoomName":"room-1","invites":[{"code":"x","roleId":"keepers"}]}"#,
];
const NAMES: [&str; 9] = ["olga", "ada", "rolf", "carl", "greta", "edgar", "mia", "rex", "stan"];

/// A row that `who` could make: signed by nobody, by himself, or by someone whose key he has not.
fn a_row(who: &'static str) -> impl Strategy<Value = Row> {
    let pick = |most: usize| 0..most;
    let parts = (pick(TABLES.len()), pick(IDS.len()), pick(VALUES.len()), any::<bool>(), 5_i64..60);
    (parts, 0..4_u8, pick(NAMES.len()), any::<u8>()).prop_map(move |(parts, how, by, noise)| {
        let (table, id, value, is_deleted, at) = parts;
        let mut row = text(TABLES[table], IDS[id], VALUES[value], at);
        row.deleted = is_deleted;
        match how {
            0 => row,
            1 => authored(row, who, who, ROOM),
            2 => authored(row, NAMES[by], who, ROOM),
            _ => Row { author: Some(Author { by: NAMES[by].into(), sig: [noise; 64] }), ..row },
        }
    })
}

/// Rows that others have signed, which anybody may send again, changed or not.
fn taken_over(mut row: Row, at: i64) -> Row {
    let old = authored(
        text("members", "rex", r#"{"roleIds":["administrators"]}"#, 10),
        "olga",
        "olga",
        ROOM,
    );
    row.author = old.author;
    row.hlc = hlc(at);
    row.table = TableName::new("members").unwrap();
    row
}

/// What each may do, and who owns the group.
fn rights(world: &World) -> BTreeMap<&'static str, (Permissions, bool)> {
    let rights = |who| (world.access.permissions(&name(who)), world.access.is_owner(&name(who)));
    NAMES.into_iter().map(|who| (who, rights(who))).collect()
}

fn guarded(world: &World) -> Vec<(&(String, String), &Row)> {
    world.rows.iter().filter(|((table, _), _)| is_guarded(table)).collect()
}

/// As `who`, sends chunks of rows; returns what was before and what is then.
fn attack(who: &str, chunks: &[Vec<Row>]) -> (World, World) {
    let before = World::new();
    let mut world = before.clone();
    for (at, chunk) in chunks.iter().enumerate() {
        world.merge(who, chunk);
        if let Some(first) = chunk.first() {
            world.merge(who, &[taken_over(first.clone(), at as i64 + 5)]);
        }
    }
    (before, world)
}

fn chunks(who: &'static str) -> impl Strategy<Value = Vec<Vec<Row>>> {
    let chunk = prop::collection::vec(a_row(who), 1..6);
    prop::collection::vec(chunk, 1..8)
}

fn config() -> ProptestConfig {
    let asked = std::env::var("SYNCLINE_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(100))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn those_without_a_permission_change_nothing_guarded(
        mia in chunks("mia"), rex in chunks("rex"), stan in chunks("stan"),
    ) {
        for (who, chunks) in [("mia", mia), ("rex", rex), ("stan", stan)] {
            let (before, after) = attack(who, &chunks);
            prop_assert_eq!(guarded(&before), guarded(&after));
            prop_assert_eq!(&before.access, &after.access);
        }
    }

    #[test]
    fn who_may_invite_changes_invites_alone(greta in chunks("greta")) {
        let (before, after) = attack("greta", &greta);
        prop_assert_eq!(&before.access, &after.access);
        for (one, other) in guarded(&before).into_iter().zip(guarded(&after)) {
            prop_assert_eq!(one.0, other.0);
            if one != other {
                prop_assert_eq!(&one.0.0, "group_settings");
                let json = |row: &Row| -> serde_json::Value {
                    let mut json = serde_json::from_str(row.value.as_ref().unwrap()).unwrap();
                    let fields: &mut serde_json::Map<_, _> = serde_json::Value::as_object_mut(&mut json).unwrap();
                    fields.remove("invites");
                    json
                };
                prop_assert_eq!(json(one.1), json(other.1));
            }
        }
    }

    #[test]
    fn who_may_change_the_group_changes_no_rights(edgar in chunks("edgar")) {
        let (before, after) = attack("edgar", &edgar);
        prop_assert_eq!(rights(&before), rights(&after));
    }

    #[test]
    fn nobody_but_the_owner_changes_who_owns(ada in chunks("ada"), carl in chunks("carl")) {
        for (who, chunks) in [("ada", ada), ("carl", carl)] {
            let (before, after) = attack(who, &chunks);
            prop_assert_eq!(before.access.owners(), after.access.owners());
        }
    }
}

/// The strategy does make rows that count: the same rows by those who may do something.
#[test]
fn the_same_rows_do_something_for_others() {
    let world = World::new();
    let change = text("members", "new", VALUES[10], 30);
    assert_eq!(world.judge("ada", &change), Verdict::Accept);
    let invites = text("group_settings", "group_settings", SETTINGS, 30);
    assert_eq!(world.judge("greta", &invites), Verdict::Accept);
    assert_eq!(MEMBERS.len() + 3, NAMES.len());
}
