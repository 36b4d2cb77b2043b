//! The group's secrets by epoch: the newest seals, the newest three open (dossier, section 4, H6, H7).
//!
//! Who may give one is said elsewhere. In a store, all in `Space::Keys`: `group/`, the epoch (eight bytes,
//! the big end first) and the secret's name; a byte of the form, the milliseconds
//! of its coming, the secret. `group-initialized`: the form. `group-sealed`: the form, the epoch, how many
//! packets may have been sealed in it.

use std::fmt;

use zeroize::Zeroizing;

use super::key::key_id;
use crate::dialects::peer::{
    random::Random,
    store::{Change, Space, Store, StoreFailed},
};

/// Epochs whose secrets are kept.
pub const EPOCHS_KEPT: usize = 3;
/// The highest epoch. Steps of at most [`LEAP_MAX`] lead there, so that nobody can use them up.
pub const EPOCH_MAX: u64 = 1 << 48;
/// Packets that one participant seals in one epoch before the next is due.
pub const SEALED_MAX: u64 = 1 << 32;

const FORM: u8 = 1;
const PREFIX: &[u8] = b"group/";
const INITIALIZED: &[u8] = b"group-initialized";
const SEALED: &[u8] = b"group-sealed";
/// Epochs that a secret may be ahead of the one in use.
const LEAP_MAX: u64 = 1 << 20;
/// Secrets of one epoch, when several members made one at a time.
const TWINS_MAX: usize = 4;
/// After so long the next is due: 30 days.
const AGE_MAX_MS: i64 = 30 * 24 * 3600 * 1000;
/// Packets that are counted at once in the store.
const COUNT_STEP: u64 = 1 << 16;

/// A secret of the group. It is wiped when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey {
    /// Which: from 1.
    pub epoch: u64,
    /// Its name: see [`key_id`].
    pub key_id: String,
    /// When it came here, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    secret: Zeroizing<[u8; 32]>,
}

impl GroupKey {
    /// The secret itself.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    fn name(&self) -> Vec<u8> {
        [PREFIX, &self.epoch.to_be_bytes(), self.key_id.as_bytes()].concat()
    }

    fn encode(&self) -> Vec<u8> {
        [&[FORM][..], &self.since_ms.to_be_bytes(), &self.secret[..]].concat()
    }

    fn decode(name: &[u8], value: &[u8]) -> Option<Self> {
        let (epoch, _) = name.split_first_chunk::<8>()?;
        let (&FORM, value) = value.split_first()? else { return None };
        let (since, secret) = value.split_first_chunk::<8>()?;
        let secret = Zeroizing::new(<[u8; 32]>::try_from(secret).ok()?);
        let (epoch, since_ms) = (u64::from_be_bytes(*epoch), i64::from_be_bytes(*since));
        Some(Self { epoch, key_id: key_id(&secret), since_ms, secret })
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupKey")
            .field("epoch", &self.epoch)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// What became of a secret that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It seals from now on.
    Newer,
    /// Another of its epoch seals; this one opens only.
    Beside,
    /// It was known.
    Known,
    /// It is of an older epoch, too far ahead, or its epoch has enough of them. Nothing changed.
    Refused,
}

/// The secrets of one room's group, by epoch; within one the one that seals last.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Vec<GroupKey>,
    is_initialized: bool,
    /// Of the newest epoch: packets that were sealed, and how many the store knows of.
    sealed: u64,
    sealed_stored: u64,
}

impl KeyRing {
    /// What a store has.
    ///
    /// # Errors
    /// [`StoreFailed`], also when an entry has no form that is known here.
    pub fn open(store: &dyn Store) -> Result<Self, StoreFailed> {
        let (mut ring, mut is_bad) = (Self::default(), false);
        ring.is_initialized = store.get(Space::Keys, INITIALIZED)?.is_some();
        store.each(Space::Keys, &mut |key, value| {
            if let Some(name) = key.strip_prefix(PREFIX) {
                match GroupKey::decode(name, value) {
                    Some(key) if key.name()[PREFIX.len()..] == *name => ring.keys.push(key),
                    _ => is_bad = true,
                }
            }
        })?;
        sort(&mut ring.keys);
        if let Some(value) = store.get(Space::Keys, SEALED)? {
            let counted = value.strip_prefix(&[FORM]).and_then(<[u8]>::split_first_chunk::<8>);
            match counted.map(|(epoch, rest)| (u64::from_be_bytes(*epoch), rest.try_into())) {
                Some((epoch, Ok(count))) if Some(epoch) == ring.epoch() => {
                    ring.sealed = u64::from_be_bytes(count);
                }
                Some((_, Ok(_))) => {}
                _ => is_bad = true,
            }
        }
        ring.sealed_stored = ring.sealed;
        if is_bad {
            return Err(StoreFailed("a group key has no form that is known here".into()));
        }
        Ok(ring)
    }

    /// The one that seals.
    #[must_use]
    pub fn current(&self) -> Option<&GroupKey> {
        self.keys.last()
    }

    /// The newest epoch.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        self.current().map(|key| key.epoch)
    }

    /// Those of one epoch, the one that seals first.
    pub fn of_epoch(&self, epoch: u64) -> impl Iterator<Item = &GroupKey> {
        self.keys.iter().rev().filter(move |key| key.epoch == epoch)
    }

    /// Those that may open packets which name no epoch: all that are kept, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &GroupKey> {
        self.keys.iter().rev()
    }

    /// Whether a secret of this epoch would still be kept if it came.
    #[must_use]
    pub fn may_come(&self, epoch: u64) -> bool {
        let newest = self.epoch().unwrap_or(0);
        (1..=EPOCH_MAX).contains(&epoch) && epoch.saturating_add(EPOCHS_KEPT as u64) > newest
    }

    /// Whether there ever was a secret here: then none is made for a beginning.
    #[must_use]
    pub fn is_initialized(&self) -> bool {
        self.is_initialized
    }

    /// A packet is to be sealed with the newest. Counted in the store in steps, so that no restart loses
    /// any of the count.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn count_sealed(&mut self, store: &mut dyn Store) -> Result<(), StoreFailed> {
        let Some(epoch) = self.epoch() else { return Ok(()) };
        if self.sealed >= self.sealed_stored {
            let upto = self.sealed.saturating_add(COUNT_STEP);
            let value = [&[FORM][..], &epoch.to_be_bytes(), &upto.to_be_bytes()].concat();
            let key = SEALED.to_vec();
            store.apply(vec![Change { space: Space::Keys, key, value: Some(value) }])?;
            self.sealed_stored = upto;
        }
        self.sealed = self.sealed.saturating_add(1);
        Ok(())
    }

    /// Whether the next is due, for the age or the use of the one that seals.
    #[must_use]
    pub fn is_worn(&self, now_ms: i64) -> bool {
        let is_old = |key: &GroupKey| now_ms.saturating_sub(key.since_ms) >= AGE_MAX_MS;
        self.current().is_some_and(|key| self.sealed >= SEALED_MAX || is_old(key))
    }

    /// Makes the secret of the next epoch, which is 1 at the beginning.
    ///
    /// # Errors
    /// [`StoreFailed`], also behind the last epoch.
    pub fn rotate(
        &mut self,
        store: &mut dyn Store,
        source: &mut dyn Random,
        now_ms: i64,
    ) -> Result<u64, StoreFailed> {
        let epoch = self.epoch().unwrap_or(0) + 1;
        let mut secret = Zeroizing::new([0; 32]);
        source.fill(&mut *secret);
        match self.adopt(store, &secret, epoch, now_ms)? {
            Adopted::Newer => Ok(epoch),
            _ => Err(StoreFailed("there is no epoch behind the last".into())),
        }
    }

    /// Takes a secret from somebody who may give one. Applied to the store; durable with its next sync.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn adopt(
        &mut self,
        store: &mut dyn Store,
        secret: &[u8; 32],
        epoch: u64,
        now_ms: i64,
    ) -> Result<Adopted, StoreFailed> {
        let (id, before) = (key_id(secret), self.epoch());
        if self.of_epoch(epoch).any(|key| key.key_id == id) {
            return Ok(Adopted::Known);
        }
        if !self.takes(epoch, &id) {
            return Ok(Adopted::Refused);
        }
        let secret = Zeroizing::new(*secret);
        let key = GroupKey { epoch, key_id: id.clone(), since_ms: now_ms, secret };
        let mut keys = self.keys.clone();
        keys.push(key.clone());
        sort(&mut keys);
        let twins = keys.iter().filter(|key| key.epoch == epoch).count();
        if twins > TWINS_MAX {
            // The newest epoch is at the end, and of it the largest name in front.
            keys.remove(keys.len() - twins);
        }
        keys.retain(|kept| kept.epoch.saturating_add(EPOCHS_KEPT as u64) > epoch);
        let gone = self.keys.iter().filter(|old| !keys.contains(old));
        let mut changes: Vec<Change> = gone.map(|old| change(old.name(), None)).collect();
        changes.push(change(key.name(), Some(key.encode())));
        changes.push(change(INITIALIZED.to_vec(), Some(vec![FORM])));
        store.apply(changes)?;
        (self.keys, self.is_initialized) = (keys, true);
        if before != Some(epoch) {
            (self.sealed, self.sealed_stored) = (0, 0);
        }
        let seals = self.current().is_some_and(|key| key.key_id == id);
        Ok(if seals { Adopted::Newer } else { Adopted::Beside })
    }

    /// Forgets all of them: they were not the group's. That there were some stays known.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn forget(&mut self, store: &mut dyn Store) -> Result<(), StoreFailed> {
        store.apply(self.keys.iter().map(|key| change(key.name(), None)).collect())?;
        self.keys.clear();
        (self.sealed, self.sealed_stored) = (0, 0);
        Ok(())
    }

    /// Whether there is a place for a secret of this epoch and name.
    fn takes(&self, epoch: u64, id: &str) -> bool {
        if !(1..=EPOCH_MAX).contains(&epoch) {
            return false;
        }
        match self.current() {
            None => true,
            Some(current) if epoch == current.epoch => {
                // The smallest names are kept, for the smallest of all seals everywhere.
                self.of_epoch(epoch).count() < TWINS_MAX || id < current.key_id.as_str()
            }
            Some(current) => (1..=LEAP_MAX).contains(&epoch.saturating_sub(current.epoch)),
        }
    }
}

/// By epoch; of one epoch the smallest name last, for it seals.
fn sort(keys: &mut [GroupKey]) {
    keys.sort_by(|a, b| a.epoch.cmp(&b.epoch).then_with(|| b.key_id.cmp(&a.key_id)));
}

fn change(key: Vec<u8>, value: Option<Vec<u8>>) -> Change {
    Change { space: Space::Keys, key, value }
}
