//! Which keys are whose: the first that a participant announced, until it rotates them or the owner
//! approves others (dossier, section 4, H2).
//!
//! Knows no packet. In a store: the canonical name in `Space::Pins`; a byte of the form, the keys, the
//! version, the milliseconds of the first sight.

use std::collections::BTreeMap;

use super::public::PublicKeys;
use crate::dialects::peer::{
    id::CanonicalId,
    store::{Change, Space, Store, StoreFailed},
};

/// Participants whose keys are known in one room, at most.
pub const PINS_MAX: usize = 4096;

/// Participants for whom other keys wait for approval, at most. They are in memory only.
const OFFERS_MAX: usize = 256;

const FORM: u8 = 1;
const PIN_BYTES: usize = 1 + 64 + 4 + 8;

/// What is known of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its keys that are in force.
    pub keys: PublicKeys,
    /// The highest version that it has spoken: packets below it are not from it.
    pub version: u32,
    /// When its first keys came, in milliseconds since the Unix epoch.
    pub first_seen_ms: i64,
}

/// What became of announced keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Nothing was known: they are in force.
    New,
    /// They were in force already.
    Known,
    /// Others are in force and stay so. These wait for approval.
    Conflict,
    /// There are as many participants as there may be.
    Full,
    /// Nobody may use such keys.
    Unusable,
}

/// The pins of one room.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    pins: BTreeMap<CanonicalId, Pin>,
    offers: BTreeMap<CanonicalId, PublicKeys>,
}

impl Pins {
    /// What a store has.
    ///
    /// # Errors
    /// [`StoreFailed`], also when an entry has no form that is known here.
    pub fn open(store: &dyn Store) -> Result<Self, StoreFailed> {
        let mut pins = BTreeMap::new();
        let mut is_bad = false;
        store.each(
            Space::Pins,
            &mut |key, value| match (std::str::from_utf8(key), decode(value)) {
                (Ok(name), Some(pin)) => drop(pins.insert(CanonicalId::of(name), pin)),
                _ => is_bad = true,
            },
        )?;
        if is_bad || pins.len() > PINS_MAX {
            return Err(StoreFailed("the pins have no form that is known here".into()));
        }
        Ok(Self { pins, offers: BTreeMap::new() })
    }

    /// What is known of a participant.
    #[must_use]
    pub fn find(&self, peer: &CanonicalId) -> Option<&Pin> {
        self.pins.get(peer)
    }

    /// All that are known, by name.
    pub fn each(&self) -> impl Iterator<Item = (&CanonicalId, &Pin)> + '_ {
        self.pins.iter()
    }

    /// The keys that a participant announced and that are not in force.
    #[must_use]
    pub fn offered(&self, peer: &CanonicalId) -> Option<&PublicKeys> {
        self.offers.get(peer)
    }

    /// All whose announced keys are not in force, by name.
    pub fn each_offered(&self) -> impl Iterator<Item = (&CanonicalId, &PublicKeys)> + '_ {
        self.offers.iter()
    }

    /// A participant announced these keys, proved that it has them, and spoke this version. It is applied
    /// to the store; durable with its next sync.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn learn(
        &mut self,
        store: &mut dyn Store,
        peer: &CanonicalId,
        keys: PublicKeys,
        (version, now_ms): (u32, i64),
    ) -> Result<Learned, StoreFailed> {
        match self.pins.get(peer) {
            Some(pin) if pin.keys == keys => {
                self.offers.remove(peer);
                self.spoke(store, peer, version)?;
                Ok(Learned::Known)
            }
            _ if !keys.are_usable() => Ok(Learned::Unusable),
            // Version 1 does not sign the key for exchanges, so that anybody on the way could have changed
            // it; version 2 does, with the key that is pinned.
            Some(&pin) if pin.version < 2 && version >= 2 && pin.keys.sign == keys.sign => {
                self.set(store, peer, Pin { keys, version, ..pin })?;
                Ok(Learned::Known)
            }
            Some(_) => {
                if self.offers.len() < OFFERS_MAX || self.offers.contains_key(peer) {
                    self.offers.insert(peer.clone(), keys);
                }
                Ok(Learned::Conflict)
            }
            None if self.pins.len() >= PINS_MAX => Ok(Learned::Full),
            None => {
                self.set(store, peer, Pin { keys, version, first_seen_ms: now_ms })?;
                Ok(Learned::New)
            }
        }
    }

    /// A participant spoke this version under its key: it never goes back to a lower one.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn spoke(
        &mut self,
        store: &mut dyn Store,
        peer: &CanonicalId,
        version: u32,
    ) -> Result<(), StoreFailed> {
        match self.pins.get(peer) {
            Some(&pin) if pin.version < version => self.set(store, peer, Pin { version, ..pin }),
            _ => Ok(()),
        }
    }

    /// Puts other keys in force: after a proof with the old ones, or the owner's approval. False when
    /// nothing is known of the participant or the keys cannot be used.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn replace(
        &mut self,
        store: &mut dyn Store,
        peer: &CanonicalId,
        keys: PublicKeys,
    ) -> Result<bool, StoreFailed> {
        match self.pins.get(peer) {
            Some(&pin) if keys.are_usable() => {
                self.set(store, peer, Pin { keys, ..pin })?;
                self.offers.remove(peer);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The owner takes keys that were [offered](Self::offered). False when these were not.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn approve(
        &mut self,
        store: &mut dyn Store,
        peer: &CanonicalId,
        keys: &PublicKeys,
    ) -> Result<bool, StoreFailed> {
        if self.offers.get(peer) == Some(keys) {
            self.replace(store, peer, *keys)
        } else {
            Ok(false)
        }
    }

    fn set(
        &mut self,
        store: &mut dyn Store,
        peer: &CanonicalId,
        pin: Pin,
    ) -> Result<(), StoreFailed> {
        let (key, value) = (peer.as_str().as_bytes().to_vec(), Some(encode(&pin)));
        store.apply(vec![Change { space: Space::Pins, key, value }])?;
        self.pins.insert(peer.clone(), pin);
        Ok(())
    }
}

fn encode(pin: &Pin) -> Vec<u8> {
    let mut out = Vec::with_capacity(PIN_BYTES);
    out.push(FORM);
    out.extend_from_slice(&pin.keys.to_bytes());
    out.extend_from_slice(&pin.version.to_le_bytes());
    out.extend_from_slice(&pin.first_seen_ms.to_le_bytes());
    out
}

fn decode(value: &[u8]) -> Option<Pin> {
    let (&form, rest) = value.split_first()?;
    let (keys, rest) = rest.split_at_checked(64)?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let first_seen = <[u8; 8]>::try_from(rest).ok()?;
    let keys = PublicKeys::from_bytes(keys)?;
    let (version, first_seen_ms) = (u32::from_le_bytes(*version), i64::from_le_bytes(first_seen));
    (form == FORM).then_some(Pin { keys, version, first_seen_ms })
}
