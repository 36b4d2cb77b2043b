//! What a row of `group_settings` says, whoever wrote it.

use serde_json::{Value, json};
use syncline_protocol::dialects::peer::{
    access::{GroupSettings, INVITES_MAX},
    id::CanonicalId,
};

fn read(value: &Value) -> GroupSettings {
    GroupSettings::of_value(Some(&value.to_string()))
}

#[test]
fn an_owner_is_a_name() {
    for (value, owner) in [
        (json!({"ownerId": "user:Olga"}), Some("olga")),
        (json!({"ownerId": " x "}), Some("x")),
        (json!({"ownerId": ""}), None),
        (json!({"ownerId": " user: "}), None),
        (json!({"ownerId": 7}), None),
        (json!({"ownerId": {"ownerId": "x"}}), None),
        (json!({"ownerID": "x", "owner": "x"}), None),
        (json!([{"ownerId": "x"}]), None),
    ] {
        let read = read(&value).owner();
        assert_eq!(read.as_ref().map(CanonicalId::as_str), owner, "{value}");
    }
    assert_eq!(GroupSettings::of_value(None).owner(), None);
    assert_eq!(GroupSettings::of_value(Some("{\"ownerId\":\"x\"")).owner(), None);
}

#[test]
fn invites_are_read_as_they_are_meant() {
    let day = |text: &str| json!({"code": "c", "expiresAt": text});
    let settings = read(&json!({"invites": [
        {"code": "a"}, {"code": "b", "isSingleUse": false, "roleId": "r", "expiresAt": null},
        day("2026-02-23T02:58:09.544Z"), day("soon"), {"code": "d", "expiresAt": [1]}, {"code": "e", "expiresAt": 5},
        "f", null, {"code": 7}, {}, {"code": "g", "isSingleUse": "no", "roleId": ""},
    ]}));
    let all: Vec<_> = settings.invites().collect();
    let codes: Vec<&str> = all.iter().map(|invite| &*invite.code).collect();
    assert_eq!(codes, ["a", "b", "c", "c", "d", "e", "g"]);
    let single: Vec<bool> = all.iter().map(|invite| invite.is_single_use).collect();
    assert_eq!(single, [true, false, true, true, true, true, true]);
    assert_eq!(all[1].role.as_deref(), Some("r"));
    assert_eq!(all[6].role, None);
    let now = 1_771_815_489_544;
    let expired = |ms| all.iter().map(|invite| invite.has_expired(ms)).collect::<Vec<_>>();
    assert_eq!(expired(now - 1), [false, false, false, true, true, true, false]);
    assert_eq!(expired(now), [false, false, true, true, true, true, false]);
}

#[test]
fn used_invites_go_and_everything_else_stays() {
    let before = json!({"name": "n", "other": {"deep": [1]}, "invites": ["x", {"code": "a"}, {"code": "b", "k": 1}]});
    let after = read(&before).without_invites(0, |invite| invite.code == "a").unwrap();
    let mut wanted = before.clone();
    wanted["invites"].as_array_mut().unwrap().remove(1);
    assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), wanted);
    assert_eq!(read(&before).without_invites(0, |invite| invite.code == "z"), None);
    assert_eq!(read(&json!({"invites": 7})).without_invites(0, |_| true), None);
    let codes = format!("{:?}", read(&json!({"invites": [{"code": "SECRET"}]})).invites().next());
    assert!(!codes.contains("SECRET"));
}

#[test]
fn what_expired_long_ago_goes_when_the_row_is_written() {
    const DAY: i64 = 24 * 3600 * 1000;
    let now = 1_771_815_489_544;
    let invites = json!([
        {"code": "old", "expiresAt": now - DAY}, {"code": "no time", "expiresAt": "soon"},
        {"code": "yesterday", "expiresAt": now - DAY + 1}, {"code": "later", "expiresAt": now + 1},
        {"code": "used"}, {"code": "never"}, "x", {"code": 7},
    ]);
    let settings = read(&json!({"name": "n", "invites": invites}));
    let left = |row: Option<String>| {
        let row: Value = serde_json::from_str(&row.unwrap()).unwrap();
        assert_eq!(row["name"], "n");
        row["invites"].as_array().unwrap().clone()
    };
    let kept = [&invites[2], &invites[3], &invites[5], &invites[6], &invites[7]];
    let without = left(settings.without_invites(now, |invite| invite.code == "used"));
    assert_eq!(without.iter().collect::<Vec<_>>(), kept);
    let with = left(settings.with_invite(now, json!({"code": "new"})));
    assert_eq!(with.len(), kept.len() + 2);
    assert_eq!(with.last(), Some(&json!({"code": "new"})));
    // A row is not written only for their sake.
    assert_eq!(settings.without_invites(now, |invite| invite.code == "other"), None);
}

#[test]
fn an_invite_that_would_not_be_looked_at_is_not_added() {
    let of = |expires: i64| {
        let invites = vec![json!({"code": "c", "expiresAt": expires}); INVITES_MAX];
        read(&json!({"name": "n", "invites": invites})).with_invite(i64::MAX, json!({"code": "d"}))
    };
    assert_eq!(of(i64::MAX), None);
    let settings = GroupSettings::of_value(of(0).as_deref());
    assert_eq!(settings.invites().count(), 1, "those that expired made room");
}
