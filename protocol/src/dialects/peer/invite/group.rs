//! What a data room says to a code: whether it lets somebody in, and which rows change when it does.
//!
//! Reads rows; writes none, and knows no request.

use serde_json::json;

use super::code::is_same_code;
use crate::dialects::peer::{
    access::{Access, GroupSettings, Invite, Standing},
    id::{CanonicalId, PeerId},
    rows::{Edit, Row, TableName},
};

/// A data room as its host sees it.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Its host: the participant that asks.
    pub me: &'a PeerId,
    /// Who may do what in it.
    pub access: &'a Access,
    /// The rows of `group_settings`, in any order. Those that are deleted or no JSON are passed over.
    pub settings: &'a [Row],
}

/// The invite of a code that lets in.
pub(super) struct Valid {
    pub(super) is_single_use: bool,
    role: Option<String>,
}

impl Group<'_> {
    /// Whether the group of this invite room is this one, and its host may let others in.
    pub(super) fn is_hosted(&self, invite_room: &str) -> bool {
        self.access.may_admit(&self.me.canonical())
            && self.settings_of(invite_room).next().is_some()
    }

    /// The invite of this code, if it lets somebody in at this time, in milliseconds since the Unix epoch.
    /// All invites are compared, whether or not one was found before.
    pub(super) fn valid(&self, invite_room: &str, code: &str, wall_ms: i64) -> Option<Valid> {
        let all = self.settings_of(invite_room);
        let invites: Vec<Invite> =
            all.flat_map(|(_, row)| row.invites().collect::<Vec<_>>()).collect();
        let fits = |invite: &&Invite| {
            is_same_code(&invite.code, code)
                & !invite.has_expired(wall_ms)
                & !invite.code.trim().is_empty()
        };
        let fitting: Vec<&Invite> = invites.iter().filter(fits).collect();
        // Where duplicates contradict each other, the narrower one counts.
        let is_single_use = fitting.iter().any(|invite| invite.is_single_use);
        let first = fitting.first()?;
        Some(Valid { is_single_use, role: first.role.clone() })
    }

    /// What to write, all at once, so that `joiner` is a member and the code is used up. `wall_ms` is now,
    /// in milliseconds since the Unix epoch: what expired long before goes from the rows with the code.
    pub(super) fn admit(
        &self,
        invite_room: &str,
        code: &str,
        joiner: &PeerId,
        (valid, wall_ms): (&Valid, i64),
    ) -> Vec<Edit> {
        let mut edits = Vec::new();
        if valid.is_single_use {
            let is_used = |invite: &Invite| is_same_code(&invite.code, code);
            for (row, settings) in self.settings_of(invite_room) {
                let without = settings.without_invites(wall_ms, is_used);
                edits.extend(without.map(|value| edit(&row.table, &row.id, value)));
            }
        }
        if !self.is_member(&joiner.canonical()) {
            edits.extend(self.member(joiner, valid.role.as_deref()));
        }
        edits
    }

    /// Whether this one is in the group already.
    pub(super) fn is_member(&self, who: &CanonicalId) -> bool {
        matches!(self.access.standing(who), Standing::Owner | Standing::Member)
    }

    fn member(&self, joiner: &PeerId, role: Option<&str>) -> Option<Edit> {
        let is_role = |role: &&str| self.access.permissions_of_role(role).is_some();
        let role = role.filter(is_role).or_else(|| self.access.usual_role());
        let value = json!({"id": joiner.as_str(), "roleIds": role.into_iter().collect::<Vec<_>>()});
        Some(edit(&TableName::new("members")?, joiner.as_str(), value.to_string()))
    }

    /// The rows of the group with this name, by id.
    fn settings_of(&self, invite_room: &str) -> impl Iterator<Item = (&Row, GroupSettings)> {
        let named = name(invite_room);
        let mut all: Vec<(&Row, GroupSettings)> = self
            .settings
            .iter()
            .map(|row| (row, GroupSettings::of(row)))
            .filter(|(_, settings)| settings.name().is_some_and(|own| name(own) == named))
            .collect();
        all.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        all.into_iter()
    }
}

fn name(group: &str) -> String {
    group.trim().to_lowercase()
}

fn edit(table: &TableName, id: &str, value: String) -> Edit {
    Edit { table: table.clone(), id: id.to_owned(), value: Some(value) }
}
