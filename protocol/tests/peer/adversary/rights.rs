//! Who makes itself more than it is: keys of the group, roles, ownership, and members that were removed.

use syncline_protocol::dialects::peer::{
    access,
    id::CanonicalId,
    packet::Kind,
    participant::{Event, Why, WriteError},
    rows::{Changes, Row},
};

use super::siege::{ALICE, BOB, CAROL, Siege};

fn share(epoch: u64, key: u8) -> String {
    let key = data_encoding::BASE64.encode(&[key; 32]);
    format!(r#"{{"type":"GSK_SHARE","key":"{key}","epoch":{epoch},"key_id":"0000000000000000"}}"#)
}

#[test]
fn a_member_gives_nobody_a_key_of_the_group() {
    let mut siege = Siege::new(620);
    for epoch in [0, 1, 2, u64::MAX] {
        siege.send_all(Kind::UnicastReq, share(epoch, 9).as_bytes());
        let mut plain = siege.mallory.packet(Kind::UnicastReq, &siege.world);
        plain.payload = share(epoch, 9).into();
        let plain = siege.mallory.sign(plain);
        siege.relay(&plain);
    }
    for at in [ALICE, BOB, CAROL] {
        assert_eq!(siege.world.members[at].epoch(), Some(1));
        assert_eq!(siege.drops(at, Why::Forbidden), 4);
        assert_eq!(siege.drops(at, Why::NotPairwise), 4);
        assert_eq!(siege.saw(at, |event| matches!(event, Event::GroupKey { .. })), 1);
    }
    siege.holds();
}

#[test]
fn who_was_invited_takes_the_key_of_nobody_but_the_host() {
    let mut siege = Siege::new(621);
    siege.world.disconnect(ALICE);
    let dave = siege.world.enter_invited("dave", ALICE);
    let announcement = siege.mallory.announcement(&siege.world);
    siege.world.inject(dave, announcement);
    siege.send(Kind::UnicastReq, dave, share(2, 9).as_bytes());
    assert_eq!(siege.drops(dave, Why::Forbidden), 1);
    assert_eq!(siege.world.members[dave].epoch(), None);
    siege.world.connect(ALICE);
    siege.world.write(ALICE, "members", "dave", Some(r#"{"roleIds":["member"]}"#));
    siege.world.run_secs(20);
    assert_eq!(siege.world.members[dave].epoch(), Some(1));
    siege.holds();
}

/// The rows with which Mallory would become more than a member.
fn promotions(siege: &Siege) -> Vec<(&'static str, &'static str, String)> {
    let rows = [
        ("members", "mallory", r#"{"roleIds":["admin"]}"#),
        ("members", "user:MALLORY", r#"{"roleIds":["admin"]}"#),
        ("roles", "member", r#"{"name":"member","position":1,"permissions":-1}"#),
        ("roles", "admin", r#"{"name":"admin","position":9,"permissions":0}"#),
        ("roles", "mine", r#"{"name":"mine","position":99,"permissions":1}"#),
        ("logical_groups", "lg", r#"{"members":["mallory"]}"#),
        ("group_settings", "g", r#"{"name":"lobby","ownerId":"mallory"}"#),
        ("group_settings", "h", r#"{"name":"other","ownerId":"mallory"}"#),
        (
            "group_settings",
            "g",
            r#"{"name":"lobby","ownerId":"alice","invites":[{"code":"AAAA","roleId":"admin"}]}"#,
        ),
    ];
    rows.map(|(table, id, value)| (table, id, siege.row(id, value, 1))).to_vec()
}

#[test]
fn a_member_does_not_make_itself_more() {
    let mut siege = Siege::new(622);
    let before: Vec<_> = [("members", "mallory"), ("roles", "admin"), ("group_settings", "g")]
        .map(|(table, id)| siege.world.members[BOB].value(table, id))
        .to_vec();
    let promotions = promotions(&siege);
    for at in [ALICE, BOB, CAROL] {
        for (table, _, row) in &promotions {
            siege.change(at, &format!(r#"{{"{table}":[{row}]}}"#));
        }
        // All at once, twice: what comes in a changeset gives no right in it or in the next.
        for _ in 0..2 {
            let tables = promotions.iter().take(8).map(|(table, _, row)| (table, row));
            let mut by_table = std::collections::BTreeMap::<_, Vec<_>>::new();
            tables.for_each(|(table, row)| by_table.entry(*table).or_default().push(row.clone()));
            let lists: Vec<_> =
                by_table.iter().map(|(t, rows)| format!(r#""{t}":[{}]"#, rows.join(","))).collect();
            siege.change(at, &format!("{{{}}}", lists.join(",")));
        }
        assert_eq!(siege.drops(at, Why::Forbidden), 9 + 2 * 8);
        let after: Vec<_> = [("members", "mallory"), ("roles", "admin"), ("group_settings", "g")]
            .map(|(table, id)| siege.world.members[at].value(table, id))
            .to_vec();
        assert_eq!(after, before);
        for (table, id) in [("roles", "mine"), ("logical_groups", "lg"), ("group_settings", "h")] {
            assert_eq!(siege.world.members[at].value(table, id), None);
        }
    }
    siege.holds();
}

#[test]
fn a_signature_of_ones_own_is_nobody_elses() {
    let mut siege = Siege::new(623);
    let plain = siege.row("mallory", r#"{"roleIds":["admin"]}"#, 1);
    let changes = Changes::from_json(format!(r#"{{"members":[{plain}]}}"#).as_bytes()).unwrap();
    let row: &Row = &changes.rows[0];
    let sig = siege.mallory.keys.sign(&access::signed_bytes("room-1", row));
    let sig = data_encoding::BASE64.encode(&sig);
    for by in ["alice", "user:alice", "mallory", "bob"] {
        let auth = format!(r#"{{"members/mallory":{{"by":"{by}","sig":"{sig}"}}}}"#);
        let meta = format!(r#"{{"v":2,"kind":"sync","vc":{{}},"auth":{auth}}}"#);
        siege.change(BOB, &format!(r#"{{"members":[{plain}],"$meta":{meta}}}"#));
    }
    assert_eq!(siege.drops(BOB, Why::Forbidden), 4);
    siege.holds();
}

#[test]
fn a_member_that_was_removed_does_nothing_more() {
    let mut siege = Siege::new(624);
    let now = siege.world.now(ALICE);
    let since = siege.world.sent.len();
    siege.world.members[ALICE].remove_member(&CanonicalId::of("mallory"), now).unwrap();
    siege.world.run_secs(5);
    for at in [ALICE, BOB, CAROL] {
        assert_eq!(siege.world.members[at].epoch(), Some(2));
    }
    let digest = siege.world.members[BOB].digest();
    let task = siege.row("mallorys", "x", 0);
    let back = siege.row("mallory", r#"{"roleIds":["admin"]}"#, 2);
    siege.send_all(Kind::SyncReq, b"{}");
    siege.send_all(
        Kind::ConsistencyCheck,
        br#"{"v":2,"count":9,"hash":"00","alg":"setsum-sha256"}"#,
    );
    siege.send_all(Kind::UnicastReq, br#"{"type":"GSK_REQ"}"#);
    siege.send_all(Kind::UnicastReq, share(3, 1).as_bytes());
    for at in [ALICE, BOB, CAROL] {
        siege.change(at, &format!(r#"{{"tasks":[{task}]}}"#));
        siege.change(at, &format!(r#"{{"members":[{back}]}}"#));
    }
    // Also after it has come again.
    let announcement = siege.mallory.announcement(&siege.world);
    siege.relay(&announcement);
    siege.world.run_secs(30);
    for at in [ALICE, BOB, CAROL] {
        assert_eq!(siege.world.members[at].digest(), digest);
        assert_eq!(siege.world.members[at].epoch(), Some(2));
        assert!(siege.drops(at, Why::Removed) >= 1);
        assert!(siege.drops(at, Why::Forbidden) >= 4);
    }
    let mallory = siege.mallory.id.clone();
    let told = siege.world.sent[since..].iter().filter(|sent| {
        sent.packet.target.as_ref() == Some(&mallory) && sent.packet.kind == Kind::DataChunk as i32
    });
    assert_eq!(told.count(), 0, "rows for one who was removed");
    siege.holds();
}

#[test]
fn a_founder_who_gave_the_group_away_is_a_member_like_others() {
    let mut siege = Siege::new(625);
    siege.world.write(ALICE, "members", "alice", Some(r#"{"roleIds":["member"]}"#));
    siege.world.write(ALICE, "group_settings", "g", Some(r#"{"name":"lobby","ownerId":"bob"}"#));
    siege.world.run_secs(5);
    let refused = |siege: &mut Siege| {
        let now = siege.world.now(ALICE);
        let edit = syncline_protocol::dialects::peer::participant::Edit {
            table: "roles".into(),
            id: "mine".into(),
            value: Some(r#"{"permissions":-1}"#.into()),
        };
        let refused = siege.world.members[ALICE].write(vec![edit], now);
        assert!(matches!(refused, Err(WriteError::Forbidden { .. })), "{refused:?}");
    };
    refused(&mut siege);
    siege.world.restart_kept(ALICE);
    refused(&mut siege);
    siege.world.connect(ALICE);
    siege.world.run_secs(10);
    siege.world.assert_same();
    assert_eq!(siege.world.members[CAROL].value("roles", "mine"), None);
}

#[test]
fn who_was_invited_by_nobody_takes_a_group_from_who_owns_it_alone() {
    let mut siege = Siege::new(626);
    // Mallory is there first, and says what members and roles there are.
    siege.world.disconnect(ALICE);
    siege.world.disconnect(BOB);
    siege.world.disconnect(CAROL);
    let eve = siege.world.enter("eve");
    let announcement = siege.mallory.announcement(&siege.world);
    siege.world.inject(eve, announcement);
    let role = siege.row("admin", r#"{"name":"admin","permissions":-1}"#, 0);
    let member = siege.row("mallory", r#"{"roleIds":["admin"]}"#, 0);
    let owner = siege.row("g", r#"{"name":"lobby","ownerId":"alice"}"#, 0);
    for _ in 0..2 {
        siege.change(eve, &format!(r#"{{"roles":[{role}],"members":[{member}]}}"#));
        siege.change(eve, &format!(r#"{{"group_settings":[{owner}]}}"#));
    }
    assert_eq!(siege.drops(eve, Why::Unfounded), 6);
    assert_eq!(siege.world.members[eve].value("members", "mallory"), None);
    siege.world.connect(ALICE);
    siege.world.connect(BOB);
    siege.world.connect(CAROL);
    siege.world.write(ALICE, "members", "eve", Some(r#"{"roleIds":["member"]}"#));
    siege.world.run_secs(60);
    siege.holds();
    let members = siege.world.members[BOB].value("members", "mallory");
    assert_eq!(siege.world.members[eve].value("members", "mallory"), members);
}
