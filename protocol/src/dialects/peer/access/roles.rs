//! Who owns the group, which roles there are and who has them: what the rows that are here say.
//!
//! Kept row by row; never computed from rows that are only judged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    document,
    permissions::{Permission, Permissions},
    settings::GroupSettings,
};
use crate::dialects::peer::{id::CanonicalId, rows::Row};

/// Roles of one row of `members` that count, at most: the first ones.
pub const ROLES_PER_MEMBER_MAX: usize = 256;

/// From whom the first groups, roles and members of a room are taken (dossier, H16).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Founding {
    /// From anybody, while there are none.
    Anyone,
    /// From this one, and from others what this one has signed: the host that let one in; oneself, where
    /// one has made the room. Until [`Access::close_founding`] whatever it sends is taken, so that it may
    /// come in parts.
    By(CanonicalId),
    /// From the first who names itself the owner and has signed that.
    #[default]
    Signed,
}

/// What a participant is to the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It owns the group.
    Owner,
    /// There is a row for it.
    Member,
    /// There was a row for it, which was deleted.
    Removed,
    /// There was never a row for it.
    Stranger,
}

/// A role, as its row says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Role {
    name: String,
    position: i64,
    permissions: Permissions,
}

/// Owner, roles and members, as the rows that are here say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Who owns the group, by row of `group_settings`.
    owners: BTreeMap<String, CanonicalId>,
    /// By id; `None` for one that was deleted.
    roles: BTreeMap<String, Option<Role>>,
    /// By name, then by id of the row: several rows may be for one member. `None` for a deleted one.
    members: BTreeMap<CanonicalId, BTreeMap<String, Option<Vec<String>>>>,
    founding: Founding,
    is_founded: bool,
}

impl Access {
    /// Nothing yet.
    #[must_use]
    pub fn new(founding: Founding) -> Self {
        Self { founding, ..Self::default() }
    }

    /// A row is here from now on, in place of any other of its table and id. To be called for every row
    /// of the store when it is opened, and for every row that was merged, after all of its chunk were
    /// judged. Rows of tables that are not guarded do nothing.
    pub fn applied(&mut self, row: &Row) {
        let id = row.id.clone();
        match row.table.as_str() {
            "group_settings" => match GroupSettings::of(row).owner() {
                Some(owner) => drop(self.owners.insert(id, owner)),
                None => drop(self.owners.remove(&id)),
            },
            "roles" => drop(self.roles.insert(id, (!row.deleted).then(|| role(row)))),
            "members" => {
                let rows = self.members.entry(CanonicalId::of(&id)).or_default();
                rows.insert(id, (!row.deleted).then(|| roles_of_member(row)));
            }
            _ => {}
        }
    }

    /// A row is no longer here at all, not even as deleted.
    pub fn forgotten(&mut self, table: &str, id: &str) {
        match table {
            "group_settings" => drop(self.owners.remove(id)),
            "roles" => drop(self.roles.remove(id)),
            "members" => {
                let name = CanonicalId::of(id);
                let rows = self.members.get_mut(&name);
                if rows.is_some_and(|rows| rows.remove(id).is_some() && rows.is_empty()) {
                    self.members.remove(&name);
                }
            }
            _ => {}
        }
    }

    /// Nothing is taken any more only because its founder sent it: to be called when all is here that the
    /// founder has, and kept over restarts.
    pub fn close_founding(&mut self) {
        self.is_founded = true;
    }

    /// Whether there is no owner, and never was a role or a member.
    #[must_use]
    pub fn is_bootstrap(&self) -> bool {
        self.owners.is_empty() && self.roles.is_empty() && self.members.is_empty()
    }

    /// Whom it takes the first rows from.
    #[must_use]
    pub fn founding(&self) -> &Founding {
        &self.founding
    }

    /// Whether this one's rows are taken because it founds the group.
    #[must_use]
    pub fn is_founder(&self, who: &CanonicalId) -> bool {
        !self.is_founded
            && matches!(&self.founding, Founding::By(founder) if founder == who)
            && self.standing(who) != Standing::Removed
    }

    /// Whether this one owns the group.
    #[must_use]
    pub fn is_owner(&self, who: &CanonicalId) -> bool {
        self.owners.values().any(|owner| owner == who)
    }

    /// Those who own the group: one, unless its rows contradict each other.
    #[must_use]
    pub fn owners(&self) -> BTreeSet<&CanonicalId> {
        self.owners.values().collect()
    }

    /// What it is to the group.
    #[must_use]
    pub fn standing(&self, who: &CanonicalId) -> Standing {
        match self.members.get(who) {
            _ if self.is_owner(who) => Standing::Owner,
            Some(rows) if rows.values().any(Option::is_some) => Standing::Member,
            Some(_) => Standing::Removed,
            None => Standing::Stranger,
        }
    }

    /// What it may do: everything for an owner, else what its roles say together. Without a row of its
    /// own, nothing.
    #[must_use]
    pub fn permissions(&self, who: &CanonicalId) -> Permissions {
        if self.is_owner(who) {
            return Permissions::ALL;
        }
        let rows = self.members.get(who).into_iter().flat_map(BTreeMap::values);
        let roles = rows.flatten().flatten();
        let permissions = roles.filter_map(|role| self.permissions_of_role(role));
        permissions.fold(Permissions::NONE, Permissions::or)
    }

    /// Whether it may do this.
    #[must_use]
    pub fn allows(&self, who: &CanonicalId, permission: Permission) -> bool {
        self.permissions(who).has(permission)
    }

    /// What a role lets its members do; `None` when there is no such role.
    #[must_use]
    pub fn permissions_of_role(&self, role: &str) -> Option<Permissions> {
        Some(self.roles.get(role)?.as_ref()?.permissions)
    }

    /// Whether this one may use up an invite and make its joiner a member, so that the others take both.
    #[must_use]
    pub fn may_admit(&self, who: &CanonicalId) -> bool {
        let may = self.permissions(who);
        let invites = may.has(Permission::ManageInvites) || may.has(Permission::ManageGroup);
        may.has(Permission::ManageRoles) && invites
    }

    /// Whether this one may make group keys and share them (dossier, H6).
    #[must_use]
    pub fn may_share_keys(&self, who: &CanonicalId) -> bool {
        self.allows(who, Permission::ManageMembers) || self.is_founder(who)
    }

    /// The role of those whom an invite gives none: the one named `member`, else the lowest; `None` when
    /// there is no role.
    #[must_use]
    pub fn usual_role(&self) -> Option<&str> {
        let live = || self.roles.iter().filter_map(|(id, role)| Some((id, role.as_ref()?)));
        let named = live().find(|(_, role)| role.name.trim().eq_ignore_ascii_case("member"));
        let lowest = || live().min_by_key(|(id, role)| (role.position, *id));
        named.or_else(lowest).map(|(id, _)| id.as_str())
    }

    /// The members that there are, with an owner who has a row.
    pub fn members(&self) -> impl Iterator<Item = &CanonicalId> + '_ {
        let live =
            |rows: &BTreeMap<String, Option<Vec<String>>>| rows.values().any(Option::is_some);
        self.members.iter().filter(move |(_, rows)| live(rows)).map(|(who, _)| who)
    }

    /// The ids of the rows that make this one a member: all of them go when it is removed.
    pub fn rows_of_member(&self, who: &CanonicalId) -> impl Iterator<Item = &str> + '_ {
        let rows = self.members.get(who).into_iter().flatten();
        rows.filter(|(_, roles)| roles.is_some()).map(|(id, _)| id.as_str())
    }
}

/// A role that no one can read lets nobody do anything.
fn role(row: &Row) -> Role {
    let fields = row.value.as_deref().and_then(document::read).unwrap_or_default();
    let number = |name: &str| fields.get(name).and_then(Value::as_i64).unwrap_or(0);
    let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    Role {
        name,
        position: number("position"),
        permissions: Permissions::of_bits(number("permissions")),
    }
}

/// A member that no one can read has no role.
fn roles_of_member(row: &Row) -> Vec<String> {
    let fields = row.value.as_deref().and_then(document::read).unwrap_or_default();
    let ids = fields.get("roleIds").and_then(Value::as_array);
    let ids = ids.into_iter().flatten().take(ROLES_PER_MEMBER_MAX);
    ids.filter_map(Value::as_str).map(str::to_owned).collect()
}
