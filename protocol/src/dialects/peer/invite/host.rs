//! The host of a data room: decides on codes that strangers show in its invite room.
//!
//! Says what to write and what to answer; writes and answers nothing itself.

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use super::{
    claims::{Claims, Due, Kept},
    grants::Grants,
    group::Group,
    request::{ClaimKey, Shown},
    tries::{Permit, Tries},
};
use crate::dialects::peer::{
    id::{PeerId, RequestId},
    now::Now,
    random::Random,
    rows::Edit,
    store::{Change, Store, StoreFailed},
};

pub use super::claims::CLAIMS_MAX;

/// What to say to a code.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: it is for another group, its host may let nobody in, or another host has it in hand.
    NotMine,
    /// That it is refused, after a while, and in the same words whatever is wrong.
    Refused,
    /// Nothing yet: other hosts are asked first. See [`Host::due`].
    Later,
    /// That it lets in, after this is done.
    Redeem(Redeem),
    /// That it lets in, as it has before.
    Again,
}

/// How a joiner is let in. First the changes are applied to the store, then the edits are written in one
/// write; when both are durable, the joiner is told. A crash anywhere between loses nothing: the same
/// request leads to whatever is left to do.
#[derive(Clone, PartialEq, Eq)]
pub struct Redeem {
    /// The request.
    pub request: RequestId,
    /// The joiner.
    pub joiner: PeerId,
    /// To be written. Empty when the joiner is a member already and the code lets in more than one.
    pub edits: Vec<Edit>,
    /// To be applied before.
    pub changes: Vec<Change>,
}

impl fmt::Debug for Redeem {
    /// Without the edits: the codes of other invites are in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut redeem = f.debug_struct("Redeem");
        redeem.field("request", &self.request).field("joiner", &self.joiner).finish_non_exhaustive()
    }
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Tell the other members that this host takes this code (`INVITE_CLAIM`, by this name).
    Claim(RequestId),
    /// Let this one in, and tell it.
    Redeem(Redeem),
}

/// A host's memory of what it was shown.
pub struct Host {
    tries: Tries,
    grants: Grants,
    claims: Claims,
}

impl Host {
    /// A host with what the store of its data room remembers.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn open(store: &dyn Store, now: Now) -> Result<Self, StoreFailed> {
        let (tries, grants) = (Tries::open(store, now)?, Grants::open(store)?);
        Ok(Self { tries, grants, claims: Claims::default() })
    }

    /// What is to be applied to the store after a code was [shown](Self::asked), and durable before its
    /// answer is told: what counts against who guesses.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.tries.take_changes()
    }

    /// A stranger shows a code. `has_rivals`: other members are present who may let in
    /// ([`may_admit`](crate::dialects::peer::access::Access::may_admit)), so that one must be found who does.
    pub fn asked(
        &mut self,
        now: Now,
        shown: &Shown<'_>,
        group: &Group<'_>,
        has_rivals: bool,
        random: &mut dyn Random,
    ) -> Asked {
        if !group.is_hosted(shown.group) {
            return Asked::NotMine;
        }
        let (key, claim, joiner) =
            (shown.name(), ClaimKey::of_code(shown.code), shown.joiner.canonical());
        let is_granted = self.grants.knows(&key, now.wall_ms());
        if is_granted && group.is_member(&joiner) {
            return Asked::Again;
        }
        let permit = self.tries.permit(now, &joiner, key);
        if matches!(permit, Permit::TooOften | Permit::Locked) {
            return Asked::Refused;
        }
        let Some(valid) = group.valid(shown.group, shown.code, now.wall_ms()) else {
            if self.claims.is_theirs(&claim, now) {
                return Asked::NotMine;
            }
            // One that was granted was right once.
            if permit == Permit::Yes && !is_granted {
                self.tries.failed(now, &joiner);
            }
            return Asked::Refused;
        };
        if self.claims.is_pending(&claim) {
            return Asked::Later;
        }
        if self.claims.is_in_hand(&claim, now) {
            return Asked::NotMine;
        }
        // What this host has begun it ends, whoever else is there; and a code that lets in many may be
        // redeemed by many, to the same end.
        if has_rivals && valid.is_single_use && !is_granted {
            let is_armed = self.claims.arm(claim, Kept::of(shown), now, random);
            return if is_armed { Asked::Later } else { Asked::NotMine };
        }
        self.redeem(now, shown, group).map_or(Asked::Refused, Asked::Redeem)
    }

    /// Another member says that it takes a code (`INVITE_CLAIM`). It counts when that member may.
    pub fn claimed(&mut self, now: Now, by: &PeerId, claim: &RequestId, group: &Group<'_>) {
        let (by, me) = (by.canonical(), group.me.canonical());
        let Some(key) = ClaimKey::named(claim) else { return };
        if by != me && group.access.may_admit(&by) {
            let is_smaller = by < me;
            self.claims.claimed(key, &by, is_smaller, now);
        }
    }

    /// What is due now, in this order. To be asked until there is nothing more.
    pub fn due(&mut self, now: Now, group: &Group<'_>) -> Option<Decision> {
        loop {
            match self.claims.due(now)? {
                Due::Claim(key) => {
                    if let Some(claim) = key.name() {
                        return Some(Decision::Claim(claim));
                    }
                }
                Due::Take(kept) => {
                    if let Some(redeem) = self.redeem(now, &kept.shown(), group) {
                        return Some(Decision::Redeem(redeem));
                    }
                }
            }
        }
    }

    /// When something is due, in [`Now::elapsed`].
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.claims.deadline()
    }

    /// Of how many requests and strangers something is remembered.
    #[must_use]
    pub fn remembered(&self) -> (usize, usize) {
        (self.grants.len(), self.tries.strangers())
    }

    /// How to let this one in, if the code still does.
    fn redeem(&mut self, now: Now, shown: &Shown<'_>, group: &Group<'_>) -> Option<Redeem> {
        if !group.is_hosted(shown.group) {
            return None;
        }
        let valid = group.valid(shown.group, shown.code, now.wall_ms())?;
        let wall_ms = now.wall_ms();
        let edits = group.admit(shown.group, shown.code, shown.joiner, (&valid, wall_ms));
        let changes = self.grants.grant(shown.name(), now.wall_ms());
        Some(Redeem {
            request: shown.request.clone(),
            joiner: shown.joiner.clone(),
            edits,
            changes,
        })
    }
}

impl Kept {
    fn of(shown: &Shown<'_>) -> Self {
        Self {
            group: shown.group.to_owned(),
            request: shown.request.clone(),
            joiner: shown.joiner.clone(),
            key: *shown.key,
            code: Zeroizing::new(shown.code.to_owned()),
        }
    }

    fn shown(&self) -> Shown<'_> {
        let Self { group, request, joiner, key, code } = self;
        Shown { group, request, joiner, key, code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialects::peer::rows::TableName;

    #[test]
    fn no_code_is_shown() {
        let table = TableName::new("group_settings").unwrap();
        let edit = Edit { table, id: "g".into(), value: Some(r#"{"code":"OTHER"}"#.into()) };
        let request = RequestId::new("r").unwrap();
        let joiner = PeerId::new("dave").unwrap();
        let redeem = Redeem { request, joiner, edits: vec![edit], changes: Vec::new() };
        assert!(!format!("{:?}", Asked::Redeem(redeem)).contains("OTHER"));
    }
}
