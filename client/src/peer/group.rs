//! What a group is founded with, and the invites that it carries, as the rows that say so.
//! Knows JSON; no room and no store.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_protocol::dialects::peer::{access::GroupSettings, id::PeerId, participant::Edit};

/// The table that says what a group is.
pub(super) const GROUP_SETTINGS: &str = "group_settings";
/// The row of a group that was founded here.
pub(super) const GROUP: &str = "group";

/// A group to be founded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// Its name, which is that of its invite room.
    pub name: String,
    /// Its roles. Whoever founds it owns it, and needs none.
    pub roles: Vec<Role>,
}

/// What some members may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: String,
    /// Its name. Who is invited without a role gets the one named `member`.
    pub name: String,
    /// Its permissions, as bits: those of a [`Permission`](super::Permission), and of the application's.
    pub permissions: i64,
}

impl Group {
    /// A group with one role, `member`, which may change what is not guarded.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        let member = Role { id: "member".into(), name: "member".into(), permissions: 0 };
        Self { name: name.into(), roles: vec![member] }
    }

    /// The rows that found it.
    pub(super) fn rows(&self, owner: &PeerId) -> Vec<Edit> {
        let settings = json!({ "name": self.name, "ownerId": owner.as_str(), "invites": [] });
        let roles = self.roles.iter().enumerate().map(|(position, role)| {
            let Role { id, name, permissions } = role;
            let value = json!({ "name": name, "position": position, "permissions": permissions });
            edit("roles", id, &value)
        });
        let first = edit(GROUP_SETTINGS, GROUP, &settings);
        let member = edit("members", owner.as_str(), &json!({ "roleIds": [] }));
        [first].into_iter().chain(roles).chain([member]).collect()
    }
}

/// What an invite lets do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invite {
    /// Whether it lets in one and no more; otherwise as many as come until it ends.
    pub is_single_use: bool,
    /// How long it lets in; `None` for ever.
    pub lifetime: Option<Duration>,
    /// The role that it gives; `None` for the usual one.
    pub role: Option<String>,
}

/// Lets one in, within a week, as a usual member.
impl Default for Invite {
    fn default() -> Self {
        let lifetime = Some(Duration::from_secs(7 * 24 * 60 * 60));
        Self { is_single_use: true, lifetime, role: None }
    }
}

impl Invite {
    /// The row of a group with this invite in it, and without those that expired long ago; `None` when it
    /// has as many as it may. `now_ms` is in milliseconds since the Unix epoch.
    pub(super) fn added_to(&self, settings: &str, code: &str, now_ms: i64) -> Option<Edit> {
        let mut invite = json!({ "code": code, "isSingleUse": self.is_single_use });
        if let Some(lifetime) = self.lifetime {
            let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
            invite["expiresAt"] = now_ms.saturating_add(lifetime_ms).into();
        }
        if let Some(role) = &self.role {
            invite["roleId"] = role.as_str().into();
        }
        let value = GroupSettings::of_value(Some(settings)).with_invite(now_ms, invite)?;
        Some(Edit { table: GROUP_SETTINGS.into(), id: GROUP.into(), value: Some(value) })
    }
}

fn edit(table: &str, id: &str, value: &Value) -> Edit {
    Edit { table: table.into(), id: id.into(), value: Some(value.to_string()) }
}
