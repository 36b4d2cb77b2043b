//! Requests that let somebody in, kept over restarts: the same request is answered the same way again.
//!
//! In the store, an entry of [`Space::Invites`] is called by the [`RequestKey`]'s 32 bytes; its value is a
//! byte 1 and the time of the grant in milliseconds since the Unix epoch, in eight bytes, the little end
//! first. Knows no code.

use std::collections::{BTreeMap, BTreeSet};

use super::request::RequestKey;
use crate::dialects::peer::store::{Change, Space, Store, StoreFailed};

/// Grants that are remembered, at most. Beyond that the oldest is forgotten.
pub const GRANTS_MAX: usize = 1024;

/// How long a grant is remembered.
pub const GRANT_MINUTES: i64 = 15;

const VERSION: u8 = 1;

/// What was granted lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    by_key: BTreeMap<RequestKey, i64>,
    by_time: BTreeSet<(i64, RequestKey)>,
}

impl Grants {
    /// What a store remembers. Entries that cannot be read are passed over.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn open(store: &dyn Store) -> Result<Self, StoreFailed> {
        let mut grants = Self::default();
        store.each(Space::Invites, &mut |key, value| {
            let key = key.try_into().ok().map(RequestKey);
            let at = value.split_first().filter(|(version, _)| **version == VERSION);
            let at = at.and_then(|(_, at)| at.try_into().ok()).map(i64::from_le_bytes);
            if let (Some(key), Some(at)) = (key, at) {
                grants.by_key.insert(key, at);
                grants.by_time.insert((at, key));
            }
        })?;
        Ok(grants)
    }

    /// Whether this request was granted less than [`GRANT_MINUTES`] ago, `wall_ms` being now in
    /// milliseconds since the Unix epoch.
    #[must_use]
    pub fn knows(&self, key: &RequestKey, wall_ms: i64) -> bool {
        self.by_key.get(key).is_some_and(|at| !is_old(*at, wall_ms))
    }

    /// Remembers a grant, and forgets what is too old or too many: to be applied to the store.
    pub fn grant(&mut self, key: RequestKey, wall_ms: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(before) = self.by_key.insert(key, wall_ms) {
            self.by_time.remove(&(before, key));
        }
        self.by_time.insert((wall_ms, key));
        let old: Vec<_> =
            self.by_time.iter().filter(|(at, _)| is_old(*at, wall_ms)).copied().collect();
        old.into_iter().for_each(|entry| changes.push(self.forget(entry)));
        while self.by_key.len() > GRANTS_MAX {
            let Some(first) = self.by_time.iter().find(|(_, first)| *first != key).copied() else {
                break;
            };
            changes.push(self.forget(first));
        }
        let mut value = vec![VERSION];
        value.extend_from_slice(&wall_ms.to_le_bytes());
        changes.push(Change { space: Space::Invites, key: key.0.to_vec(), value: Some(value) });
        changes
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    fn forget(&mut self, entry: (i64, RequestKey)) -> Change {
        self.by_time.remove(&entry);
        self.by_key.remove(&entry.1);
        Change { space: Space::Invites, key: entry.1.0.to_vec(), value: None }
    }
}

/// Also when it is as far in the future: a clock was wrong.
fn is_old(at: i64, wall_ms: i64) -> bool {
    wall_ms.abs_diff(at) >= (GRANT_MINUTES * 60_000).unsigned_abs()
}
