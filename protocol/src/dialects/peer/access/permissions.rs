//! What members may do, as bits of the roles they have.
//!
//! Knows no member and no role.

/// A permission that the dialect itself asks for. Applications have more, as bits
/// ([`Permissions::has_bit`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Permission {
    /// Everything, but for naming another owner.
    Administrator = 0,
    /// Changing what the group says of itself.
    ManageGroup = 1,
    /// Changing roles and members.
    ManageRoles = 2,
    /// Together with [`ManageRoles`](Self::ManageRoles): changing groups of members.
    ManageMembers = 3,
    /// Everything with what the vault holds.
    ManageVault = 5,
    /// Seeing what the vault holds.
    ViewVault = 9,
    /// Changing what the vault holds.
    EditVault = 17,
    /// Changing the codes by which others join.
    ManageInvites = 26,
}

impl Permission {
    /// Its bit, as roles carry it.
    #[must_use]
    pub const fn bits(self) -> i64 {
        1 << self as u8
    }
}

/// Whoever has one of these sees what the vault holds: managing, viewing and changing it, and what the
/// first implementation has beside them, using (28) what is there and adding (38) to it. Where in the
/// dossier's row of pairs the vault's lie is that implementation's choice.
const VAULT_BITS: [u8; 5] = [
    Permission::ManageVault as u8,
    Permission::ViewVault as u8,
    Permission::EditVault as u8,
    28,
    38,
];

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions(i64);

impl Permissions {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// All, also those that nobody has thought of.
    pub const ALL: Self = Self(-1);

    /// The set of these bits, as roles carry them.
    #[must_use]
    pub const fn of_bits(bits: i64) -> Self {
        Self(bits)
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// What either of them has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has this one. An administrator has all.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.has_bit(permission as u8)
    }

    /// Whether it has the permission of this bit, 0 to 63; none above. An administrator has all.
    #[must_use]
    pub const fn has_bit(self, bit: u8) -> bool {
        bit < 64 && (self.0 & 1 != 0 || self.0 >> bit & 1 != 0)
    }

    /// Whether it lets see what the vault holds, and so have its key.
    #[must_use]
    pub fn opens_vault(self) -> bool {
        VAULT_BITS.into_iter().any(|bit| self.has_bit(bit))
    }

    /// Whether it has everything that `other` has.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.0 & 1 != 0 || other.0 & !self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_has_all() {
        for holder in [Permissions::of_bits(1), Permissions::ALL] {
            assert!((0..64).all(|bit| holder.has_bit(bit)));
            assert!(!holder.has_bit(64));
            assert!(holder.covers(Permissions::ALL));
        }
    }

    #[test]
    fn bits_are_those_of_the_dossier() {
        let all = [
            (Permission::Administrator, 1),
            (Permission::ManageGroup, 2),
            (Permission::ManageRoles, 4),
            (Permission::ManageMembers, 8),
            (Permission::ManageVault, 32),
            (Permission::ViewVault, 512),
            (Permission::EditVault, 131_072),
            (Permission::ManageInvites, 67_108_864),
        ];
        for (permission, bits) in all {
            assert_eq!(permission.bits(), bits);
            assert!(Permissions::of_bits(bits).has(permission));
            assert!(!Permissions::of_bits(!bits & !1).has(permission));
            assert!(!Permissions::NONE.has(permission));
        }
    }

    #[test]
    fn who_sees_the_vault_has_a_bit_that_says_so() {
        assert!(VAULT_BITS.iter().all(|bit| Permissions::of_bits(1 << bit).opens_vault()));
        assert!(Permissions::of_bits(1).opens_vault() && Permissions::ALL.opens_vault());
        let others = VAULT_BITS.iter().fold(!1_i64, |bits, bit| bits & !(1 << bit));
        assert!(!Permissions::of_bits(others).opens_vault());
    }

    #[test]
    fn covering_is_having_each() {
        let (some, more) = (Permissions::of_bits(6), Permissions::of_bits(14));
        assert!(more.covers(some) && !some.covers(more) && some.covers(some));
        assert!(!more.covers(Permissions::of_bits(1)));
        assert_eq!(some.or(more), more);
    }
}
