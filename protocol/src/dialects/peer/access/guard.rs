//! Whether a row may be merged: judged by what was here before anything of its chunk.
//!
//! Changes nothing. What is accepted is told to [`Access::applied`] after all of a chunk were judged, so
//! that a permission that comes in a chunk does not count in it.

use std::cmp::Ordering;

use super::{
    author::Signed,
    permissions::{Permission, Permissions},
    roles::{Access, Founding, Standing},
    settings::GroupSettings,
};
use crate::dialects::peer::{id::CanonicalId, rows::Row};

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is merged.
    Accept,
    /// What is here is as new: nothing to do, whoever sent it.
    Unchanged,
    /// It is not merged. The rest of its chunk may be.
    Reject(Why),
}

/// Why a row is not merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// There is no group yet, and this is not from whom the first rows are taken. Once they are here
    /// ([`Access::is_bootstrap`] no longer), all is asked for again.
    Unfounded,
    /// Its sender was removed from the group.
    Removed,
    /// Its author, and its sender, lack a permission.
    Forbidden,
    /// It names another owner, and is not from the owner.
    NotOwner,
    /// It invites others to do more than who wrote it may do.
    InvitesBeyondOwn,
}

/// Whether rows of this table say who may do what.
#[must_use]
pub fn is_guarded(table: &str) -> bool {
    matches!(table, "group_settings" | "roles" | "members" | "logical_groups")
}

/// Judges a row that `sender` sent, or is about to write itself. `local` is the row of the same table and
/// id that is here; `signed` is its author, when that was [found good](super::verify).
///
/// A row is merged when its author may write it, or else its sender.
#[must_use]
pub fn judge(
    access: &Access,
    sender: &CanonicalId,
    row: &Row,
    local: Option<&Row>,
    signed: Option<&Signed>,
) -> Verdict {
    if local.is_some_and(|local| row.order(local) != Ordering::Greater) {
        return Verdict::Unchanged;
    }
    if !is_guarded(&row.table) {
        return match access.standing(sender) {
            Standing::Removed => Verdict::Reject(Why::Removed),
            _ => Verdict::Accept,
        };
    }
    let author = signed.map(Signed::by);
    if author.is_some_and(|author| may(access, author, true, row, local).is_ok()) {
        return Verdict::Accept;
    }
    // What somebody sends itself is signed by its packet.
    match may(access, sender, true, row, local) {
        Ok(()) => Verdict::Accept,
        Err(why) => Verdict::Reject(why),
    }
}

fn may(
    access: &Access,
    who: &CanonicalId,
    has_signed: bool,
    row: &Row,
    local: Option<&Row>,
) -> Result<(), Why> {
    if access.is_founder(who) {
        return Ok(());
    }
    if access.is_bootstrap() {
        return found(access, who, has_signed, row);
    }
    if access.is_owner(who) {
        return Ok(());
    }
    let has = access.permissions(who);
    let needs = |permission| if has.has(permission) { Ok(()) } else { Err(Why::Forbidden) };
    match row.table.as_str() {
        "roles" | "members" => needs(Permission::ManageRoles),
        "logical_groups" => {
            needs(Permission::ManageRoles).and_then(|()| needs(Permission::ManageMembers))
        }
        _ => change_settings(access, has, row, local),
    }
}

/// The first row of a group.
fn found(access: &Access, who: &CanonicalId, has_signed: bool, row: &Row) -> Result<(), Why> {
    let names_itself = || {
        row.table.as_str() == "group_settings"
            && GroupSettings::of(row).owner().as_ref() == Some(who)
    };
    match access.founding() {
        Founding::Anyone => Ok(()),
        Founding::Signed if has_signed && names_itself() => Ok(()),
        Founding::Signed | Founding::By(_) => Err(Why::Unfounded),
    }
}

/// A change of `group_settings` by somebody who does not own the group.
fn change_settings(
    access: &Access,
    has: Permissions,
    row: &Row,
    local: Option<&Row>,
) -> Result<(), Why> {
    let before = local.map(GroupSettings::of).unwrap_or_default();
    let after = GroupSettings::of(row);
    if before.owner_text() != after.owner_text() {
        // A group without an owner can be given one by those who may do everything else.
        let is_vacant = access.owners().is_empty();
        if !(is_vacant && has.has(Permission::Administrator)) {
            return Err(Why::NotOwner);
        }
    }
    let invites_only = local.is_some() && !row.deleted && after.differs_in_invites_only(&before);
    let may_change =
        has.has(Permission::ManageGroup) || invites_only && has.has(Permission::ManageInvites);
    if !may_change {
        return Err(Why::Forbidden);
    }
    // Who may give roles anyway need not do it by an invite.
    if has.has(Permission::ManageRoles) {
        return Ok(());
    }
    // An invite without a role gives the usual one.
    let within = |role: Option<&str>| {
        role.or_else(|| access.usual_role()).is_none_or(|role| {
            access.permissions_of_role(role).is_some_and(|role| has.covers(role))
        })
    };
    match after.new_invite_roles(&before).all(within) {
        true => Ok(()),
        false => Err(Why::InvitesBeyondOwn),
    }
}
