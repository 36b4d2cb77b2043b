//! One's own keys in one room. Secret: nothing here shows them, and they are wiped when dropped.
//!
//! Knows no packet and no other participant.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::public::PublicKeys;
use crate::dialects::peer::random::Random;

/// Bytes of both seeds.
pub const ROOM_KEYS_BYTES: usize = 64;

/// The seeds of a participant in one room: Ed25519 (RFC 8032) and X25519 (RFC 7748), independent of each
/// other.
#[derive(Clone)]
pub struct RoomKeys {
    sign: SigningKey,
    exchange: StaticSecret,
    public: PublicKeys,
}

/// Holds only while both seeds wipe themselves, for which their crates have a feature.
const fn wiped<T: ZeroizeOnDrop>() {}
const _: () = wiped::<SigningKey>();
const _: () = wiped::<StaticSecret>();

impl RoomKeys {
    /// New keys, of a cryptographic source.
    #[must_use]
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut seeds = Zeroizing::new([0; ROOM_KEYS_BYTES]);
        random.fill(&mut *seeds);
        Self::of_seeds(&seeds)
    }

    /// The keys of these seeds, first the one for signatures; `None` when they are not
    /// [`ROOM_KEYS_BYTES`].
    #[must_use]
    pub fn from_bytes(seeds: &[u8]) -> Option<Self> {
        Some(Self::of_seeds(seeds.try_into().ok()?))
    }

    fn of_seeds(seeds: &[u8; ROOM_KEYS_BYTES]) -> Self {
        let mut half = Zeroizing::new([0; 32]);
        half.copy_from_slice(&seeds[..32]);
        let sign = SigningKey::from_bytes(&half);
        half.copy_from_slice(&seeds[32..]);
        let exchange = StaticSecret::from(*half);
        let public = PublicKeys {
            sign: sign.verifying_key().to_bytes(),
            exchange: PublicKey::from(&exchange).to_bytes(),
        };
        Self { sign, exchange, public }
    }

    /// The seeds, to be kept or taken elsewhere. Secret.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; ROOM_KEYS_BYTES]> {
        let mut seeds = Zeroizing::new([0; ROOM_KEYS_BYTES]);
        seeds[..32].copy_from_slice(self.sign.as_bytes());
        seeds[32..].copy_from_slice(self.exchange.as_bytes());
        seeds
    }

    /// What others may know of them.
    #[must_use]
    pub fn public(&self) -> PublicKeys {
        self.public
    }

    /// A signature over these bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.sign.sign(message).to_bytes()
    }

    /// The secret that only the owner of that key also has; `None` when the key is a point of small
    /// order, with which there is none.
    pub(in crate::dialects::peer) fn exchange_with(
        &self,
        key: &[u8; 32],
    ) -> Option<Zeroizing<[u8; 32]>> {
        exchange(self.exchange.as_bytes(), key)
    }
}

impl fmt::Debug for RoomKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomKeys").field("public", &self.public).finish_non_exhaustive()
    }
}

/// X25519; `None` when the other key is of small order.
pub(super) fn exchange(seed: &[u8; 32], key: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = StaticSecret::from(*seed).diffie_hellman(&PublicKey::from(*key));
    shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
}
