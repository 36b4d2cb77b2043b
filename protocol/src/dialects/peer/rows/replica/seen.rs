//! What others were seen to know, so that deletions are kept until all know them (dossier, H20).
//!
//! In the store (`Space::Frontier`) the key is a byte `s` and the participant; the value is a byte 1, when it
//! was seen in milliseconds in eight bytes, the little end first, and the JSON of what it knows.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{
        super::{
            id::CanonicalId,
            now::Now,
            store::{Change, Space, Store, StoreFailed},
        },
        vector::VersionVector,
    },
    state::Replica,
};

/// Participants that are counted, at most. While there are more, no deletion is forgotten.
const SEEN_MAX: usize = 1024;

/// What one participant knows is noted once in this time.
const NOTED_EACH: Duration = Duration::from_secs(3600);

const KEY: u8 = b's';
const VERSION: u8 = 1;
const DAY_MS: i64 = 86_400_000;

/// Who was noted, and when if it was since the replica was opened.
#[derive(Debug, Default)]
pub(super) struct Seen {
    noted: BTreeMap<CanonicalId, Option<Duration>>,
    /// Someone was left out.
    full: bool,
}

impl Seen {
    pub(super) fn load(store: &dyn Store) -> Result<Self, StoreFailed> {
        let mut seen = Self::default();
        store.each(Space::Frontier, &mut |key, _| {
            if let Some((&KEY, who)) = key.split_first() {
                let who = CanonicalId::of(&String::from_utf8_lossy(who));
                seen.noted.insert(who, None);
            }
        })?;
        Ok(seen)
    }
}

impl Replica {
    /// A participant said in a verified packet that it knows this. Noted for [`floor`](Self::floor) about once
    /// an hour of each, for at most 1,024.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn saw(
        &mut self,
        store: &mut dyn Store,
        who: &CanonicalId,
        knows: &VersionVector,
        now: Now,
    ) -> Result<(), StoreFailed> {
        let noted = self.seen.noted.get(who);
        if noted.is_none() && self.seen.noted.len() >= SEEN_MAX {
            self.seen.full = true;
            return Ok(());
        }
        if noted.copied().flatten().is_some_and(|noted| now.elapsed < noted + NOTED_EACH) {
            return Ok(());
        }
        let mut value = vec![VERSION];
        value.extend(now.wall_ms().to_le_bytes());
        value.extend(knows.to_json());
        store.apply(vec![Change { space: Space::Frontier, key: key(who), value: Some(value) }])?;
        self.seen.noted.insert(who.clone(), Some(now.elapsed));
        Ok(())
    }

    /// What is known here and by all who were [seen](Self::saw) within the
    /// [days](super::Settings::deletion_days) that deletions are kept; whoever was not is not counted any
    /// more. `None` while not all of them could be noted.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn floor(
        &mut self,
        store: &mut dyn Store,
        now: Now,
    ) -> Result<Option<VersionVector>, StoreFailed> {
        let since = now.wall_ms() - i64::from(self.settings.deletion_days) * DAY_MS;
        let (mut floor, mut gone) = (self.frontier().clone(), Vec::new());
        store.each(Space::Frontier, &mut |key, value| {
            if key.first() == Some(&KEY) {
                match decode(value) {
                    Some((at, _)) if at < since => gone.push(key.to_vec()),
                    Some((_, knows)) => floor.meet(&knows),
                    // Of whom nothing can be read nothing is known.
                    None => floor = VersionVector::default(),
                }
            }
        })?;
        for key in &gone {
            self.seen.noted.remove(&CanonicalId::of(&String::from_utf8_lossy(&key[1..])));
        }
        if !gone.is_empty() {
            let forget = |key| Change { space: Space::Frontier, key, value: None };
            store.apply(gone.into_iter().map(forget).collect())?;
        }
        let full = std::mem::take(&mut self.seen.full);
        Ok((!full).then_some(floor))
    }
}

fn key(who: &CanonicalId) -> Vec<u8> {
    let mut key = vec![KEY];
    key.extend(who.as_str().as_bytes());
    key
}

fn decode(value: &[u8]) -> Option<(i64, VersionVector)> {
    let ([VERSION], value) = value.split_first_chunk()? else { return None };
    let (at, json) = value.split_first_chunk()?;
    Some((i64::from_le_bytes(*at), VersionVector::from_json(json).ok()?))
}
