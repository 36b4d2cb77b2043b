//! Keys between two participants: the same from both ends, and nobody else has them.
//!
//! Knows no pins: whose the public keys are is said elsewhere.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::key::Key;
use crate::dialects::peer::keys::{PublicKeys, RoomKeys};

/// Two keys for exchanges give no secret: one is a point of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key for exchanges gives no secret")]
pub struct NoSecret;

/// The key between one's own keys and those of another in this room.
///
/// # Errors
/// [`NoSecret`].
pub fn pairwise_key(room: &str, own: &RoomKeys, other: &PublicKeys) -> Result<Key, NoSecret> {
    let shared = own.exchange_with(&other.exchange).ok_or(NoSecret)?;
    let (a, b) = (own.public().to_bytes(), other.to_bytes());
    Ok(Key::derive(&shared, room, &[b"cohrtz/pairwise/v2", &a.min(b), &a.max(b)]))
}

/// The key between the two in version 1: bound to the room, not to the ends.
///
/// # Errors
/// [`NoSecret`].
#[cfg(feature = "legacy-cohrtz")]
pub fn pairwise_key_v1(room: &str, own: &RoomKeys, other: &PublicKeys) -> Result<Key, NoSecret> {
    key_v1(room, own, other)
}

fn key_v1(room: &str, own: &RoomKeys, other: &PublicKeys) -> Result<Key, NoSecret> {
    let shared = own.exchange_with(&other.exchange).ok_or(NoSecret)?;
    let hash = Sha256::new().chain_update(*shared).chain_update(room).finalize();
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(hash.into());
    Ok(Key::new(&key))
}

/// Whose rules a key between two is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rules {
    V1,
    V2,
}

/// The keys between oneself and others in one room, each made once: making one takes as long as opening a
/// hundred small packets.
#[derive(Debug)]
pub struct PairwiseKeys {
    room: String,
    keys: HashMap<(Rules, PublicKeys), Key>,
    keys_max: usize,
}

impl PairwiseKeys {
    /// None yet; at most so many are kept.
    #[must_use]
    pub fn new(room: &str, keys_max: usize) -> Self {
        Self { room: room.to_owned(), keys: HashMap::new(), keys_max: keys_max.max(1) }
    }

    /// The key between `own` and `other`. Always with the same `own`, until [`clear`](Self::clear).
    ///
    /// # Errors
    /// [`NoSecret`].
    pub fn with(&mut self, own: &RoomKeys, other: &PublicKeys) -> Result<&Key, NoSecret> {
        self.made(Rules::V2, own, other)
    }

    /// The same by the rules of version 1.
    ///
    /// # Errors
    /// [`NoSecret`].
    pub(in crate::dialects::peer) fn with_v1(
        &mut self,
        own: &RoomKeys,
        other: &PublicKeys,
    ) -> Result<&Key, NoSecret> {
        self.made(Rules::V1, own, other)
    }

    fn made(&mut self, rules: Rules, own: &RoomKeys, other: &PublicKeys) -> Result<&Key, NoSecret> {
        let name = (rules, *other);
        if !self.keys.contains_key(&name) {
            let key = match rules {
                Rules::V1 => key_v1(&self.room, own, other)?,
                Rules::V2 => pairwise_key(&self.room, own, other)?,
            };
            if self.keys.len() >= self.keys_max {
                self.keys.clear();
            }
            self.keys.insert(name, key);
        }
        self.keys.get(&name).ok_or(NoSecret)
    }

    /// Forgets all of them: one's own keys are others from now on.
    pub fn clear(&mut self) {
        self.keys.clear();
    }
}
