//! Wrong tries and locks in the store, so that who guesses gains nothing when the host starts anew
//! (dossier, section 4, H13).
//!
//! Entries of [`Space::Invites`], all numbers with the little end first: `tries/` and the stranger's
//! [`Who`]; a byte 1, until when it is locked in milliseconds since the Unix epoch, then when each wrong try
//! was. `tries`, of all in the room together: the same, with a `Who` behind each wrong try. At most
//! [`IDENTITIES_MAX`] strangers with fewer than [`FAILURES_MAX`] tries each.
//!
//! Knows no rule of who is locked.

use std::{collections::HashSet, time::Duration};

use sha2::{Digest as _, Sha256};

use crate::dialects::peer::{
    id::CanonicalId,
    store::{Change, Space, Store, StoreFailed},
};

/// So many wrong tries lock, be it one stranger's or those of all in a room.
pub const FAILURES_MAX: usize = 20;

/// How long a lock holds, and how long a wrong try counts.
pub const LOCK_FOR: Duration = Duration::from_secs(600);

/// Strangers of whom something is remembered, at most.
pub const IDENTITIES_MAX: usize = 1024;

const VERSION: u8 = 1;
const ROOM: &[u8] = b"tries";
const STRANGER: &[u8] = b"tries/";
const TIME_BYTES: usize = 8;

/// A stranger: the SHA-256 of its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Who([u8; 32]);

impl Who {
    pub(super) fn of(name: &CanonicalId) -> Self {
        Self(Sha256::digest(name.as_str()).into())
    }
}

/// What counts against one stranger, or against all.
#[derive(Debug, Default)]
pub(super) struct Lock {
    /// For how long it is locked from now on.
    pub(super) locked_for: Duration,
    /// How long ago each wrong try was, the oldest first; and whose, where it is of all.
    pub(super) failures: Vec<(Duration, Who)>,
}

impl Lock {
    pub(super) fn until(&self, at: Duration) -> Duration {
        if self.locked_for.is_zero() { Duration::ZERO } else { at + self.locked_for }
    }

    fn encode(&self, wall_ms: i64, has_names: bool) -> Vec<u8> {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let mut value = vec![VERSION];
        let until = match self.locked_for.is_zero() {
            true => 0,
            false => wall_ms.saturating_add(millis(self.locked_for)),
        };
        value.extend_from_slice(&until.to_le_bytes());
        for (age, who) in &self.failures {
            value.extend_from_slice(&wall_ms.saturating_sub(millis(*age)).to_le_bytes());
            if has_names {
                value.extend_from_slice(&who.0);
            }
        }
        value
    }

    /// `None` when it has no form that is known here. A clock that has gone back makes nothing last longer
    /// than [`LOCK_FOR`] from now.
    fn decode(value: &[u8], wall_ms: i64, has_names: bool) -> Option<Self> {
        let (&VERSION, rest) = value.split_first()? else { return None };
        let (until, rest) = rest.split_first_chunk::<TIME_BYTES>()?;
        let left = i64::from_le_bytes(*until).saturating_sub(wall_ms);
        let locked_for = Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(LOCK_FOR);
        let mut failures = Vec::new();
        for failure in rest.chunks(TIME_BYTES + if has_names { 32 } else { 0 }) {
            let (then, who) = failure.split_first_chunk::<TIME_BYTES>()?;
            let age = wall_ms.saturating_sub(i64::from_le_bytes(*then));
            let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
            let who = if has_names { Who(who.try_into().ok()?) } else { Who::default() };
            if age < LOCK_FOR && failures.len() < FAILURES_MAX {
                failures.push((age, who));
            }
        }
        // The oldest first, also when the clock has gone back between them.
        failures.sort_by(|(one, _), (other, _)| other.cmp(one));
        Some(Self { locked_for, failures })
    }
}

/// What a store had.
pub(super) struct Found {
    pub(super) locks: Locks,
    /// What counts against all.
    pub(super) room: Lock,
    pub(super) strangers: Vec<(Who, Lock)>,
}

/// What the store has of it, and what is still to be written.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// Strangers of whom there is an entry.
    stored: HashSet<Who>,
    changes: Vec<Change>,
}

impl Locks {
    /// What a store has, of all and of each stranger. Entries that cannot be read go, and of too many some.
    pub(super) fn open(store: &dyn Store, wall_ms: i64) -> Result<Found, StoreFailed> {
        let (mut locks, mut strangers) = (Self::default(), Vec::new());
        let room = store.get(Space::Invites, ROOM)?;
        let room = room.and_then(|value| Lock::decode(&value, wall_ms, true)).unwrap_or_default();
        store.each(Space::Invites, &mut |key, value| {
            let Some(name) = key.strip_prefix(STRANGER) else { return };
            let who = <[u8; 32]>::try_from(name).ok().map(Who);
            match who.zip(Lock::decode(value, wall_ms, false)) {
                Some((who, lock)) if strangers.len() < IDENTITIES_MAX => {
                    locks.stored.insert(who);
                    strangers.push((who, lock));
                }
                _ => locks.changes.push(change(key.to_vec(), None)),
            }
        })?;
        Ok(Found { locks, room, strangers })
    }

    /// What counts against one from now on, or against all.
    pub(super) fn set(&mut self, who: Option<Who>, lock: &Lock, wall_ms: i64) {
        let value = Some(lock.encode(wall_ms, who.is_none()));
        let key = match who {
            None => ROOM.to_vec(),
            Some(who) => {
                self.stored.insert(who);
                [STRANGER, &who.0].concat()
            }
        };
        self.changes.push(change(key, value));
    }

    /// Nothing counts against one any more.
    pub(super) fn forget(&mut self, who: &Who) {
        if self.stored.remove(who) {
            self.changes.push(change([STRANGER, &who.0].concat(), None));
        }
    }

    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

fn change(key: Vec<u8>, value: Option<Vec<u8>>) -> Change {
    Change { space: Space::Invites, key, value }
}
