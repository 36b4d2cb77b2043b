//! What a token allows in rooms of the peer dialect: `room`, `kind`, `pub` and `hist`. Pure.

use serde_json::{Map, Value};
use syncline_protocol::dialects::peer::kind::RoomKind;

/// Names in `room`.
const ROOMS_MAX: usize = 128;

/// Bytes of a name in `room`: a room's longest, and a star.
const NAME_BYTES_MAX: usize = 129;

/// What the holder of a token may do in which rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomGrant {
    /// `room`: names, or with a `*` at the end all that begin so; `None` when the token does not say.
    pub rooms: Option<Vec<String>>,
    /// `kind`: what they are for.
    pub kind: RoomKind,
    /// `pub`: whether he may send packets.
    pub may_publish: bool,
    /// `hist`: whether he may read what is stored.
    pub may_read_history: bool,
}

impl Default for RoomGrant {
    /// That of a token that says nothing: it opens no room.
    fn default() -> Self {
        Self { rooms: None, kind: RoomKind::Data, may_publish: true, may_read_history: false }
    }
}

impl RoomGrant {
    /// What these claims allow; `None` when one of them has another form. A token may mean something
    /// else by these names, so that only the peer dialect refuses it.
    pub(super) fn of(claims: &Map<String, Value>) -> Option<Self> {
        let plain = Self::default();
        let switch = |name, plain| claims.get(name).map_or(Some(plain), Value::as_bool);
        Some(Self {
            rooms: claims.get("room").map_or(Some(None), |value| names(value).map(Some))?,
            kind: match claims.get("kind") {
                None => plain.kind,
                Some(word) => RoomKind::named(word.as_str()?)?,
            },
            may_publish: switch("pub", plain.may_publish)?,
            may_read_history: switch("hist", plain.may_read_history)?,
        })
    }

    /// Whether the token is for this room.
    #[must_use]
    pub fn admits(&self, room: &str) -> bool {
        self.rooms.iter().flatten().any(|name| match name.strip_suffix('*') {
            Some(beginning) => room.starts_with(beginning) || name == room,
            None => name == room,
        })
    }
}

/// One name, or several.
fn names(value: &Value) -> Option<Vec<String>> {
    let name = |value: &Value| value.as_str().filter(|name| is_room_claim(name)).map(str::to_owned);
    match value {
        Value::Array(all) if all.len() <= ROOMS_MAX => all.iter().map(name).collect(),
        one => name(one).map(|name| vec![name]),
    }
}

/// Whether `room` may say this of a room, or of the beginning of some: 1 to 129 bytes without control
/// characters.
#[must_use]
pub fn is_room_claim(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn grant(claims: &Value) -> Option<RoomGrant> {
        RoomGrant::of(claims.as_object().unwrap())
    }

    #[test]
    fn what_is_not_said_opens_nothing() {
        let nothing = grant(&json!({})).unwrap();
        assert_eq!(nothing, RoomGrant::default());
        assert!(!nothing.admits("") && !nothing.admits("room"));
        assert!(nothing.may_publish && !nothing.may_read_history && nothing.kind == RoomKind::Data);
        assert!(!grant(&json!({ "room": [] })).unwrap().admits("room"));
    }

    #[test]
    fn a_room_is_named_whole_or_by_its_beginning() {
        let admits =
            |room: Value, name: &str| grant(&json!({ "room": room })).unwrap().admits(name);
        assert!(admits(json!("team"), "team") && admits(json!(["x", "team"]), "team"));
        for other in ["", "tea", "teams", "Team", "team*"] {
            assert!(!admits(json!("team"), other), "{other}");
        }
        for inside in ["team/", "team/a", "team/*"] {
            assert!(admits(json!("team/*"), inside), "{inside}");
        }
        for outside in ["team", "Team/a", "xteam/a"] {
            assert!(!admits(json!("team/*"), outside), "{outside}");
        }
        assert!(admits(json!("*"), "anything") && admits(json!("a*b"), "a*b"));
        assert!(!admits(json!("a*b"), "axb"), "a star stands for something at the end only");
    }

    #[test]
    fn the_rest_is_said_or_has_its_default() {
        let all = json!({ "room": "r", "kind": "invite", "pub": false, "hist": true });
        let all = grant(&all).unwrap();
        assert!(all.kind == RoomKind::Invite && !all.may_publish && all.may_read_history);
        assert_eq!(grant(&json!({ "kind": "data" })).unwrap().kind, RoomKind::Data);
    }

    #[test]
    fn another_form_is_unreadable() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for odd in [
            json!({ "room": 1 }),
            json!({ "room": null }),
            json!({ "room": "" }),
            json!({ "room": "a\nb" }),
            json!({ "room": long }),
            json!({ "room": ["a", 1] }),
            json!({ "room": vec!["r"; ROOMS_MAX + 1] }),
            json!({ "kind": "Data" }),
            json!({ "kind": 1 }),
            json!({ "pub": "true" }),
            json!({ "pub": 1 }),
            json!({ "hist": null }),
        ] {
            assert_eq!(grant(&odd), None, "{odd}");
        }
    }
}
