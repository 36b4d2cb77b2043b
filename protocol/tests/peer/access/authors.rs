//! Rows that others hand on with the signature of who wrote them.

use serde_json::json;
use syncline_protocol::dialects::peer::{
    access::{self, Verdict, Why},
    rows::{Author, Row, TableName},
};

use super::world::{ROOM, World, author_of, authored, deleted, hlc, key, rejected, row, text};

fn change() -> Row {
    row("roles", "members", &json!({"permissions": 2}), 30)
}

#[test]
fn a_plain_member_hands_on_what_an_administrator_signed() {
    let world = World::new();
    let signed = authored(change(), "user:Ada", "ada", ROOM);
    for sender in ["mia", "stan", "rex", "ada"] {
        assert_eq!(world.judge(sender, &signed), Verdict::Accept, "{sender}");
    }
    let removal = authored(deleted("members", "user:mia", 30), "olga", "olga", ROOM);
    assert_eq!(world.judge("mia", &removal), Verdict::Accept);
}

#[test]
fn what_the_author_may_not_do_the_sender_may() {
    let world = World::new();
    let signed = authored(change(), "mia", "mia", ROOM);
    assert_eq!(world.judge("ada", &signed), Verdict::Accept);
    assert_eq!(world.judge("mia", &signed), rejected(Why::Forbidden));
    let forged = authored(change(), "ada", "mia", ROOM);
    assert_eq!(world.judge("rolf", &forged), Verdict::Accept);
}

#[test]
fn forged_signatures_count_for_nothing() {
    let world = World::new();
    let good = authored(change(), "ada", "ada", ROOM);
    let mut forged = vec![
        authored(change(), "ada", "mia", ROOM),
        authored(change(), "unknown", "unknown", ROOM),
        authored(change(), "ada", "ada", "room-2"),
        Row { author: Some(Author { by: String::new(), sig: [0; 64] }), ..change() },
        Row { author: Some(Author { by: "ada".into(), sig: [0xff; 64] }), ..change() },
    ];
    // The signature of another row: each part of it is signed.
    let table = TableName::new("members").unwrap();
    forged.extend([
        Row { table, ..good.clone() },
        Row { id: "keepers".into(), ..good.clone() },
        Row { value: Some(r#"{"permissions":1}"#.into()), ..good.clone() },
        Row { value: None, ..good.clone() },
        Row { deleted: true, ..good.clone() },
        Row { hlc: hlc(31), ..good.clone() },
    ]);
    let sig = good.author.as_ref().unwrap().sig;
    for bit in 0..512 {
        let mut sig = sig;
        sig[bit / 8] ^= 1 << (bit % 8);
        forged.push(Row { author: Some(Author { by: "ada".into(), sig }), ..change() });
    }
    for row in forged {
        assert_eq!(author_of(&row), None, "{row:?}");
        assert_eq!(world.judge("mia", &row), rejected(Why::Forbidden), "{row:?}");
    }
    assert!(author_of(&good).is_some());
}

/// A key of small order, under which one signature is good for every text.
#[test]
fn keys_of_small_order_sign_nothing() {
    let mut sig = [0; 64];
    sig[0] = 1;
    let row = Row { author: Some(Author { by: "ada".into(), sig }), ..change() };
    let mut small = [0; 32];
    small[0] = 1;
    assert_eq!(access::verify(ROOM, &row, |_| Some(small)), None);
}

#[test]
fn an_author_who_was_removed_or_lost_his_role_counts_no_more() {
    let mut world = World::new();
    let by_rex = authored(change(), "rex", "rex", ROOM);
    assert_eq!(world.judge("mia", &by_rex), rejected(Why::Forbidden));
    let by_rolf = authored(change(), "rolf", "rolf", ROOM);
    assert_eq!(world.judge("mia", &by_rolf), Verdict::Accept);
    world.put(row("members", "rolf", &json!({"roleIds": ["members"]}), 30));
    assert_eq!(world.judge("mia", &by_rolf), rejected(Why::Forbidden));
}

/// The bytes are those of the dossier, spelled out by hand.
#[test]
fn signed_bytes_are_those_of_the_dossier() {
    let row = text("roles", "r", "{}", 0);
    let mut bytes = b"cohrtz/record/v2".to_vec();
    bytes.extend(b"\x06\0\0\0room-1\x05\0\0\0roles\x01\0\0\0r\0\x02\0\0\0{}");
    bytes.extend(b"\x25\0\0\x001970-01-01T00:00:00.000000Z-0000-node");
    assert_eq!(access::signed_bytes(ROOM, &row), bytes);
    let none = Row { value: None, deleted: true, ..row };
    let mut bytes = b"cohrtz/record/v2".to_vec();
    bytes.extend(b"\x06\0\0\0room-1\x05\0\0\0roles\x01\0\0\0r\x01\0\0\0\0");
    bytes.extend(b"\x25\0\0\x001970-01-01T00:00:00.000000Z-0000-node");
    assert_eq!(access::signed_bytes(ROOM, &none), bytes);
    let good = authored(none, "ada", "ada", ROOM);
    let public = key("ada").verifying_key().to_bytes();
    assert!(access::verify(ROOM, &good, |_| Some(public)).is_some());
    assert!(access::verify(ROOM, &good, |_| None).is_none());
}
