//! A group with an owner, roles of every kind and members who have them. Knows no packet.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use syncline_protocol::dialects::peer::{
    access::{self, Access, Founding, Signed, Verdict, Why},
    id::CanonicalId,
    rows::{Author, Hlc, NodeId, Row, TableName},
};

pub(crate) const ROOM: &str = "room-1";

/// Who is who: name, role.
pub(crate) const MEMBERS: [(&str, &str); 6] = [
    ("user:Ada", "administrators"),
    ("rolf", "keepers"),
    ("carl", "clerks"),
    ("greta", "greeters"),
    ("edgar", "editors"),
    ("user:mia", "members"),
];

/// Name of a role, and its bits.
const ROLES: [(&str, i64, i64); 6] = [
    ("administrators", 1, 9),
    ("keepers", 4, 5),
    ("clerks", 12, 6),
    ("greeters", 1 << 26, 4),
    ("editors", 2, 3),
    ("members", 0, 2),
];

pub(crate) fn name(name: &str) -> CanonicalId {
    CanonicalId::of(name)
}

pub(crate) fn hlc(at: i64) -> Hlc {
    Hlc { micros: at, counter: 0, node: NodeId::new("node").unwrap() }
}

pub(crate) fn text(table: &str, id: &str, value: &str, at: i64) -> Row {
    let table = TableName::new(table).unwrap();
    let value = Some(value.to_owned());
    Row { table, id: id.into(), value, deleted: false, hlc: hlc(at), author: None }
}

pub(crate) fn row(table: &str, id: &str, value: &Value, at: i64) -> Row {
    text(table, id, &value.to_string(), at)
}

pub(crate) fn deleted(table: &str, id: &str, at: i64) -> Row {
    Row { deleted: true, ..text(table, id, "", at) }
}

/// The key of one who signs.
pub(crate) fn key(who: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(name(who).as_str()).into())
}

/// The row with the signature of `signer`, who says that it is `by`.
pub(crate) fn authored(row: Row, by: &str, signer: &str, room: &str) -> Row {
    let sig = access::sign(room, &row, &key(signer));
    Row { author: Some(Author { by: by.into(), sig }), ..row }
}

/// The author of a row; everybody's key is known but that of `unknown`.
pub(crate) fn author_of(row: &Row) -> Option<Signed> {
    let key_of = |by: &CanonicalId| {
        (by.as_str() != "unknown").then(|| key(by.as_str()).verifying_key().to_bytes())
    };
    access::verify(ROOM, row, key_of)
}

/// What a participant has of a group.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct World {
    pub(crate) access: Access,
    pub(crate) rows: BTreeMap<(String, String), Row>,
}

impl World {
    pub(crate) fn empty(founding: Founding) -> Self {
        Self { access: Access::new(founding), rows: BTreeMap::new() }
    }

    /// Olga's group; Rex was removed from it.
    pub(crate) fn new() -> Self {
        let mut world = Self::empty(Founding::Signed);
        for row in Self::first_rows() {
            world.put(row);
        }
        world.put(deleted("members", "rex", 20));
        world
    }

    /// The rows of the group, as its owner wrote them.
    pub(crate) fn first_rows() -> Vec<Row> {
        let mut rows = vec![row("group_settings", "group_settings", &settings(), 10)];
        for (id, bits, position) in ROLES {
            let value = json!({"name": id, "permissions": bits, "position": position});
            rows.push(row("roles", id, &value, 10));
        }
        for (id, role) in MEMBERS.into_iter().chain([("rex", "administrators")]) {
            rows.push(row("members", id, &json!({"roleIds": [role]}), 10));
        }
        rows.push(row("logical_groups", "team", &json!({"members": ["mia"]}), 10));
        rows
    }

    /// The row is here from now on.
    pub(crate) fn put(&mut self, row: Row) {
        self.access.applied(&row);
        self.rows.insert((row.table.to_string(), row.id.clone()), row);
    }

    pub(crate) fn judge(&self, sender: &str, row: &Row) -> Verdict {
        let local = self.rows.get(&(row.table.to_string(), row.id.clone()));
        access::judge(&self.access, &name(sender), row, local, author_of(row).as_ref())
    }

    /// Judges all of a chunk, then merges what is accepted.
    pub(crate) fn merge(&mut self, sender: &str, rows: &[Row]) -> Vec<Verdict> {
        let verdicts: Vec<Verdict> = rows.iter().map(|row| self.judge(sender, row)).collect();
        for (row, verdict) in rows.iter().zip(&verdicts) {
            if *verdict == Verdict::Accept {
                self.put(row.clone());
            }
        }
        verdicts
    }
}

/// What `group_settings` says at first.
pub(crate) fn settings() -> Value {
    json!({
        "name": "Anglers", "ownerId": "user:Olga", "dataRoomName": "room-1",
        "invites": [{"code": "OLD", "roleId": "members"}],
    })
}

pub(crate) fn rejected(why: Why) -> Verdict {
    Verdict::Reject(why)
}
