//! What a row of `group_settings` says: owner, name and invites.
//!
//! Knows no member. A row that is no such object says nothing.

use serde_json::{Map, Value};

use super::document;
use crate::dialects::peer::{id::CanonicalId, moment, rows::Row};

/// Invites of one row that are looked at, at most: the first ones.
pub const INVITES_MAX: usize = 1024;

/// So long an invite that has expired stays where it is: a day, for the clock of who takes it out may be
/// wrong, and that of who made it.
const EXPIRED_STAYS_MS: i64 = 24 * 3600 * 1000;

/// An invite, as a group carries it.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// The code. Secret.
    pub code: String,
    /// Whether it lets in one and no more. So it is unless the row says otherwise.
    pub is_single_use: bool,
    /// From when on it lets nobody in, in milliseconds since the Unix epoch; `i64::MIN` when what the row
    /// says is no time.
    pub expires_ms: Option<i64>,
    /// The role that it gives; `None` for the usual one.
    pub role: Option<String>,
}

impl std::fmt::Debug for Invite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invite").field("role", &self.role).finish_non_exhaustive()
    }
}

impl Invite {
    /// Whether it lets nobody in any more at this time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn has_expired(&self, wall_ms: i64) -> bool {
        self.expires_ms.is_some_and(|expires| expires <= wall_ms)
    }

    /// Whether it expired so long ago that it need not be kept.
    fn is_stale(&self, wall_ms: i64) -> bool {
        self.has_expired(wall_ms.saturating_sub(EXPIRED_STAYS_MS))
    }

    fn read(value: &Value) -> Option<Self> {
        let code = value.get("code")?.as_str()?.to_owned();
        let is_single_use = value.get("isSingleUse").and_then(Value::as_bool).unwrap_or(true);
        let expires_ms = match value.get("expiresAt") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(moment::parse_ms(text).unwrap_or(i64::MIN)),
            Some(other) => Some(other.as_i64().unwrap_or(i64::MIN)),
        };
        Some(Self { code, is_single_use, expires_ms, role: role_of(value).map(str::to_owned) })
    }
}

/// What a row of `group_settings` says.
#[derive(Clone, Default, PartialEq)]
pub struct GroupSettings {
    fields: Map<String, Value>,
}

impl std::fmt::Debug for GroupSettings {
    /// Without the codes of its invites.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupSettings").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl GroupSettings {
    /// What this row says; nothing when it is deleted or no JSON object, or names a field twice.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        Self::of_value(row.value.as_deref().filter(|_| !row.deleted))
    }

    /// What a value says, in the same way.
    #[must_use]
    pub fn of_value(value: Option<&str>) -> Self {
        Self { fields: value.and_then(document::read).unwrap_or_default() }
    }

    /// The owner as the row names it; `None` when it names nobody.
    #[must_use]
    pub fn owner_text(&self) -> Option<&str> {
        let owner = self.fields.get("ownerId")?.as_str()?;
        (!CanonicalId::of(owner).as_str().is_empty()).then_some(owner)
    }

    /// The owner; `None` when the row names nobody.
    #[must_use]
    pub fn owner(&self) -> Option<CanonicalId> {
        self.owner_text().map(CanonicalId::of)
    }

    /// The name of the group, which is that of its invite room.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.fields.get("name")?.as_str()
    }

    /// Its invites, those that can be read.
    pub fn invites(&self) -> impl Iterator<Item = Invite> + '_ {
        self.invite_values().iter().take(INVITES_MAX).filter_map(Invite::read)
    }

    /// The JSON of this row without the invites that `is_used` says; `None` when there is none of them.
    /// Those that expired a day before `wall_ms`, in milliseconds since the Unix epoch, go with them: else
    /// the row would grow for ever.
    #[must_use]
    pub fn without_invites(
        &self,
        wall_ms: i64,
        is_used: impl Fn(&Invite) -> bool,
    ) -> Option<String> {
        let used = |value: &Value| Invite::read(value).is_some_and(|invite| is_used(&invite));
        let is_any_used = self.invite_values().iter().any(used);
        is_any_used.then(|| {
            let left = self.live_invites(wall_ms).filter(|value| !used(value)).cloned().collect();
            self.with(left)
        })
    }

    /// The JSON of this row with one invite more, and without those that expired a day before `wall_ms`,
    /// in milliseconds since the Unix epoch; `None` when it has as many as are looked at.
    #[must_use]
    pub fn with_invite(&self, wall_ms: i64, invite: Value) -> Option<String> {
        let mut invites: Vec<Value> = self.live_invites(wall_ms).cloned().collect();
        if invites.len() >= INVITES_MAX {
            return None;
        }
        invites.push(invite);
        Some(self.with(invites))
    }

    /// Those that expired long ago are not among them; what cannot be read is.
    fn live_invites(&self, wall_ms: i64) -> impl Iterator<Item = &Value> + '_ {
        let is_stale =
            move |value: &Value| Invite::read(value).is_some_and(|invite| invite.is_stale(wall_ms));
        self.invite_values().iter().filter(move |value| !is_stale(value))
    }

    fn with(&self, invites: Vec<Value>) -> String {
        let mut fields = self.fields.clone();
        fields.insert("invites".into(), Value::Array(invites));
        Value::Object(fields).to_string()
    }

    /// Whether nothing but the invites is another than in `other`.
    pub(super) fn differs_in_invites_only(&self, other: &Self) -> bool {
        let rest = |of: &Self| of.fields.iter().filter(|(name, _)| *name != "invites").count();
        let same = |(name, value): (&String, &Value)| {
            name == "invites" || other.fields.get(name) == Some(value)
        };
        rest(self) == rest(other) && self.fields.iter().all(same)
    }

    /// The roles that invites give which are not in `before` as they are here; `None` stands for the usual
    /// role.
    pub(super) fn new_invite_roles<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = Option<&'a str>> + 'a {
        let known = before.invite_values();
        self.invite_values().iter().filter(|value| !known.contains(value)).map(role_of)
    }

    fn invite_values(&self) -> &[Value] {
        self.fields.get("invites").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

fn role_of(invite: &Value) -> Option<&str> {
    invite.get("roleId").and_then(Value::as_str).filter(|role| !role.is_empty())
}
