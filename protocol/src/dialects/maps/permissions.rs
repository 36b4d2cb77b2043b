//! Who may do what: grants for maps by the patterns of their names, as tokens carry them.
//!
//! A grant is for whole maps, never for some keys of one, so that every reader of a map can share its tree. Knows
//! no token and no user. What is not granted is forbidden.

use serde_json::Value;

use super::settings::{MAP_NAME_BYTES_MAX, is_map_name};

/// The most grants of one holder.
pub const GRANTS_MAX: usize = 256;

/// What is done with a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Reading it, and following it.
    Read = 1,
    /// Setting values.
    Put = 2,
    /// Removing values.
    Remove = 4,
}

impl Op {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Read, Self::Put, Self::Remove];

    /// Its name in a token.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Put => "PUT",
            Self::Remove => "REMOVE",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name() == name)
    }
}

/// What someone may do with which maps; nothing unless said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

/// Some operations on the maps whose names match.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    /// The pattern as it was given.
    pattern: Box<str>,
    /// Where its `*` stands, if it has one; it is a whole name otherwise.
    star: Option<usize>,
    /// Bits of [`Op`].
    ops: u8,
}

/// Why a claim is none. The words are for whoever made the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadGrants {
    /// It is no array.
    #[error("permissions must be an array of {{\"map\": \"todos*\", \"ops\": [\"READ\"]}}")]
    NotArray,
    /// There are too many.
    #[error("there may be at most {GRANTS_MAX} permissions")]
    TooMany,
    /// An entry is not an object of `map` and `ops` and nothing else.
    #[error("a permission must have map and ops, and nothing else")]
    NotEntry,
    /// `map` is no pattern.
    #[error("map must be a map's name, in which one * may stand for any part")]
    BadPattern,
    /// `ops` is not a list of operations.
    #[error("ops must be an array of one or more of READ, PUT and REMOVE")]
    BadOps,
}

impl Grants {
    /// What the claim of a token grants: `[{"map": "todos*", "ops": ["READ", "PUT", "REMOVE"]}]`. At most
    /// [`GRANTS_MAX`] entries; a `*` stands for any part of a name, also for none, and once at most.
    ///
    /// # Errors
    /// [`BadGrants`] for anything else, also for a member that is unknown here: it may have been meant to
    /// grant less.
    pub fn from_claim(claim: &Value) -> Result<Self, BadGrants> {
        let entries = claim.as_array().ok_or(BadGrants::NotArray)?;
        let mut grants = Self::default();
        for entry in entries {
            let members = entry.as_object().ok_or(BadGrants::NotEntry)?;
            let (Some(map), Some(ops), 2) = (members.get("map"), members.get("ops"), members.len())
            else {
                return Err(BadGrants::NotEntry);
            };
            let ops = ops.as_array().filter(|ops| ops.len() <= Op::ALL.len());
            let ops: Option<Vec<_>> =
                ops.ok_or(BadGrants::BadOps)?.iter().map(|op| Op::of_name(op.as_str()?)).collect();
            let pattern = map.as_str().ok_or(BadGrants::BadPattern)?;
            grants.allow(pattern, &ops.ok_or(BadGrants::BadOps)?)?;
        }
        Ok(grants)
    }

    /// The claim that [`Grants::from_claim`] reads as these.
    #[must_use]
    pub fn to_claim(&self) -> Value {
        self.0.iter().map(Grant::to_claim).collect()
    }

    /// Every operation on every map.
    #[must_use]
    pub fn everything() -> Self {
        let ops = Op::ALL.iter().fold(0, |ops, op| ops | *op as u8);
        Self(vec![Grant { pattern: "*".into(), star: Some(0), ops }])
    }

    /// Grants these operations, at least one, on the maps of a pattern too.
    ///
    /// # Errors
    /// [`BadGrants`] when there is no operation or no pattern, or there are too many grants.
    pub fn allow(&mut self, pattern: &str, ops: &[Op]) -> Result<(), BadGrants> {
        let bits = ops.iter().fold(0, |bits, op| bits | *op as u8);
        if bits == 0 {
            return Err(BadGrants::BadOps);
        }
        if self.0.len() >= GRANTS_MAX {
            return Err(BadGrants::TooMany);
        }
        self.0.push(Grant::new(pattern, bits).ok_or(BadGrants::BadPattern)?);
        Ok(())
    }

    /// Grants what others grant too, such as those of a role.
    ///
    /// # Errors
    /// [`BadGrants::TooMany`].
    pub fn extend(&mut self, others: &Self) -> Result<(), BadGrants> {
        if self.0.len() + others.0.len() > GRANTS_MAX {
            return Err(BadGrants::TooMany);
        }
        self.0.extend_from_slice(&others.0);
        Ok(())
    }

    /// Whether an operation on a map is granted. Never for what is no name of a map.
    #[must_use]
    pub fn may(&self, map: &str, op: Op) -> bool {
        is_map_name(map) && self.0.iter().any(|grant| grant.allows(op) && grant.matches(map))
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Grant {
    fn new(pattern: &str, ops: u8) -> Option<Self> {
        let star = pattern.find('*');
        let is_part = |part: &str| part.is_empty() || is_map_name(part);
        let is_pattern = !pattern.is_empty()
            && pattern.len() <= MAP_NAME_BYTES_MAX
            && match star {
                Some(at) => is_part(&pattern[..at]) && is_part(&pattern[at + 1..]),
                None => is_map_name(pattern),
            };
        is_pattern.then(|| Self { pattern: pattern.into(), star, ops })
    }

    fn allows(&self, op: Op) -> bool {
        self.ops & op as u8 != 0
    }

    fn matches(&self, map: &str) -> bool {
        let (pattern, map) = (self.pattern.as_bytes(), map.as_bytes());
        let Some(star) = self.star else { return pattern == map };
        let rest = map.strip_prefix(&pattern[..star]);
        rest.is_some_and(|rest| rest.ends_with(&pattern[star + 1..]))
    }

    fn to_claim(&self) -> Value {
        let ops: Vec<_> = Op::ALL.into_iter().filter(|op| self.allows(*op)).map(Op::name).collect();
        serde_json::json!({ "map": self.pattern, "ops": ops })
    }
}
