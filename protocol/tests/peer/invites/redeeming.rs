//! Check 31: what one host says to a code, and what changes by it.

use serde_json::json;
use syncline_protocol::dialects::peer::{
    access::Standing,
    invite::{Asked, new_code},
};

use super::lobby::{Lobby, START_MS, at, is_redeemed, shows, with_invites};
use crate::{
    access::world::{deleted, name, row, text},
    dice::Dice,
};

#[test]
fn a_code_makes_a_member_once() {
    let mut lobby =
        Lobby::new(&json!([{"code": "Code123", "roleId": "greeters"}, {"code": "other"}]));
    assert!(is_redeemed(&lobby.shown(at(0), &shows("r1", "CODE123"))));
    assert_eq!(lobby.codes(), ["other"]);
    assert_eq!(lobby.roles("user:Stan"), Some(json!(["greeters"])));
    assert_eq!(lobby.standing("stan"), Standing::Member);
    let rows = lobby.world.rows.clone();
    for _ in 0..20 {
        assert_eq!(lobby.shown(at(2000), &shows("r1", "code123")), Asked::Again);
    }
    assert_eq!(lobby.shown(at(3000), &shows("r2", "Code123")), Asked::Refused);
    assert_eq!(lobby.world.rows, rows);
}

#[test]
fn the_answer_to_a_request_is_for_nobody_else() {
    let mut lobby = Lobby::new(&json!([{"code": "c"}]));
    assert!(is_redeemed(&lobby.shown(at(0), &shows("r1", "c"))));
    let same = shows("r1", "c");
    let mut others = vec![same.clone(), same.clone(), same.clone(), same];
    others[0].key = 2;
    others[1].joiner = "user:Mallory".into();
    others[2].request = "r2".into();
    others[3].code = "d".into();
    for other in &others {
        assert_eq!(lobby.shown(at(10), other), Asked::Refused, "{}", other.joiner);
    }
    assert_eq!(lobby.standing("mallory"), Standing::Stranger);
}

#[test]
fn duplicates_of_a_row_lose_the_code_too() {
    let mut lobby = Lobby::new(&json!([{"code": "c"}, {"code": "d"}]));
    lobby.world.put(with_invites(
        "legacy",
        &json!([{"code": "C", "isSingleUse": false}, {"code": "e"}]),
        20,
    ));
    lobby.world.put(text("group_settings", "malformed", "{", 20));
    lobby.world.put(text("group_settings", "twice", r#"{"name":"anglers","name":"anglers"}"#, 20));
    lobby.world.put(deleted("group_settings", "gone", 20));
    let foreign = json!({"name": "Hunters", "invites": [{"code": "c"}]});
    lobby.world.put(row("group_settings", "foreign", &foreign, 20));
    assert!(is_redeemed(&lobby.shown(at(0), &shows("r", "c"))));
    assert_eq!(lobby.shown(at(0), &shows("r2", "c")), Asked::Refused);
    lobby.world.rows.retain(|(_, id), _| id != "malformed" && id != "gone" && id != "twice");
    assert_eq!(lobby.codes(), ["c", "d", "e"], "that of another group stays");
}

#[test]
fn codes_for_many_stay() {
    let mut lobby = Lobby::new(&json!([{"code": "c", "isSingleUse": false}]));
    for joiner in ["user:Stan", "user:Sue", "user:Sam"] {
        let mut shown = shows("r", "c");
        shown.joiner = joiner.into();
        assert!(is_redeemed(&lobby.shown(at(0), &shown)), "{joiner}");
        assert_eq!(lobby.standing(joiner), Standing::Member);
    }
    assert_eq!(lobby.codes(), ["c"]);
}

#[test]
fn expired_codes_are_none() {
    let invites = json!([
        {"code": "a", "expiresAt": START_MS + 1000}, {"code": "b", "expiresAt": "2026-02-23T02:58:10Z"},
        {"code": "c", "expiresAt": "2026-02-23T02:58:10.000"}, {"code": "d", "expiresAt": "some day"},
        {"code": "e", "expiresAt": {}}, {"code": ""}, {"code": " "}, {"code": 7}, "f", null,
    ]);
    for (code, is_good) in [("a", true), ("b", true), ("c", true), ("d", false), ("e", false)] {
        assert_eq!(
            is_redeemed(&Lobby::new(&invites).shown(at(999), &shows("r", code))),
            is_good,
            "{code}"
        );
        assert_eq!(
            Lobby::new(&invites).shown(at(1000), &shows("r", code)),
            Asked::Refused,
            "{code}"
        );
    }
    for code in ["", " ", "7", "f", "null"] {
        assert_eq!(Lobby::new(&invites).shown(at(0), &shows("r", code)), Asked::Refused, "{code}");
    }
}

#[test]
fn with_a_code_that_is_used_up_go_those_that_expired_a_day_before() {
    const DAY: u64 = 24 * 3600 * 1000;
    let invites = json!([
        {"code": "a"}, {"code": "b", "expiresAt": START_MS}, {"code": "c", "expiresAt": START_MS + 1},
        {"code": "m", "isSingleUse": false},
    ]);
    let mut lobby = Lobby::new(&invites);
    assert!(is_redeemed(&lobby.shown(at(DAY), &shows("r1", "m"))));
    assert_eq!(lobby.codes().len(), 4, "a code for many changes nothing of the row");
    let mut other = shows("r2", "a");
    other.joiner = "user:Sue".into();
    assert!(is_redeemed(&lobby.shown(at(DAY), &other)));
    assert_eq!(lobby.codes(), ["c", "m"]);
}

#[test]
fn hosts_of_other_groups_and_those_who_may_not_say_nothing() {
    let invites = json!([{"code": "c"}]);
    let mut other = shows("r", "c");
    other.room = "hunters";
    assert_eq!(Lobby::new(&invites).shown(at(0), &other), Asked::NotMine);
    for (me, is_host) in [
        ("olga", true),
        ("user:Ada", true),
        ("rolf", false),
        ("greta", false),
        ("edgar", false),
        ("mia", false),
        ("rex", false),
        ("stan", false),
    ] {
        let asked = Lobby::of(me, &invites).asked(at(0), &shows("r", "c"), false);
        assert_eq!(is_redeemed(&asked), is_host, "{me} {asked:?}");
        assert_eq!(asked == Asked::NotMine, !is_host, "{me} {asked:?}");
    }
    // Both permissions by two roles.
    let mut lobby = Lobby::of("mia", &invites);
    lobby.world.put(row("members", "user:mia", &json!({"roleIds": ["keepers", "greeters"]}), 30));
    assert!(is_redeemed(&lobby.shown(at(0), &shows("r", "c"))));
}

#[test]
fn the_role_is_that_of_the_invite_or_the_usual_one() {
    let role = |lobby: &mut Lobby, code: &str| {
        assert!(is_redeemed(&lobby.shown(at(0), &shows("r", code))));
        lobby.roles("user:Stan")
    };
    let invites =
        json!([{"code": "a", "roleId": "keepers"}, {"code": "b"}, {"code": "c", "roleId": "none"}]);
    assert_eq!(role(&mut Lobby::new(&invites), "a"), Some(json!(["keepers"])));
    for code in ["b", "c"] {
        assert_eq!(role(&mut Lobby::new(&invites), code), Some(json!(["members"])), "the lowest");
        let mut lobby = Lobby::new(&invites);
        lobby.world.put(row("roles", "x", &json!({"name": " Member", "position": 99}), 30));
        assert_eq!(role(&mut lobby, code), Some(json!(["x"])), "the one of that name");
        lobby.world.put(deleted("roles", "x", 40));
        assert_eq!(lobby.world.access.usual_role(), Some("members"));
    }
    let mut lobby = Lobby::of("olga", &invites);
    let rows: Vec<(String, String)> = lobby.world.rows.keys().cloned().collect();
    for (table, id) in rows.iter().filter(|(table, _)| table == "roles") {
        lobby.world.put(deleted(table, id, 30));
    }
    assert_eq!(role(&mut lobby, "a"), Some(json!([])), "there is none");
}

#[test]
fn who_is_a_member_stays_what_he_is() {
    for joiner in ["MIA", "user:Olga"] {
        let mut lobby = Lobby::new(&json!([{"code": "c", "roleId": "administrators"}]));
        let rights = lobby.world.access.permissions(&name(joiner));
        let mut shown = shows("r", "c");
        shown.joiner = joiner.into();
        assert!(is_redeemed(&lobby.shown(at(0), &shown)));
        assert_eq!(lobby.world.access.permissions(&name(joiner)), rights);
        assert!(lobby.codes().is_empty());
        assert_eq!(lobby.shown(at(1), &shown), Asked::Again);
    }
}

#[test]
fn one_who_was_removed_comes_back_by_a_new_code_alone() {
    let mut lobby = Lobby::new(&json!([{"code": "c"}, {"code": "d"}]));
    assert!(is_redeemed(&lobby.shown(at(0), &shows("r", "c"))));
    lobby.clock += 1;
    lobby.world.put(deleted("members", "user:Stan", lobby.clock));
    assert_eq!(lobby.standing("stan"), Standing::Removed);
    assert_eq!(lobby.shown(at(100), &shows("r", "c")), Asked::Refused, "the old request");
    assert!(is_redeemed(&lobby.shown(at(200), &shows("r2", "d"))));
    assert_eq!(lobby.standing("stan"), Standing::Member);
}

#[test]
fn codes_that_are_made_here_are_found_as_people_type_them() {
    let code = new_code(&mut Dice::new(3));
    assert_eq!(code.len(), 16);
    let mut lobby = Lobby::new(&json!([{"code": code.clone()}]));
    let typed =
        format!(" {}-{} {} {}", &code[..4], &code[4..8], code[8..12].to_lowercase(), &code[12..]);
    assert!(is_redeemed(&lobby.shown(at(0), &shows("r", &typed))));
}
