//! Public keys: which of them can be used, how signatures are checked with them, and how people compare
//! them. Knows no store.

use data_encoding::{BASE32_NOPAD, HEXUPPER};
use ed25519_dalek::Signature;
use sha2::{Digest as _, Sha256};

use super::room_keys::exchange;

const FINGERPRINT: &[u8] = b"syncline/fingerprint/v2";
const QR: &str = "SYNCLINE-PEER:2:";

/// The public keys of a participant in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicKeys {
    /// Ed25519: its signatures are checked with it.
    pub sign: [u8; 32],
    /// X25519: what is sealed for it alone.
    pub exchange: [u8; 32],
}

impl PublicKeys {
    /// Whether these bytes are a key that tells signatures apart: a key of small order fits to
    /// signatures that nobody made.
    #[must_use]
    pub fn is_signing_key(key: &[u8; 32]) -> bool {
        VerifyingKey::new(key).is_some()
    }

    /// Whether an exchange with these bytes gives a secret: with a point of small order it gives zero.
    #[must_use]
    pub fn is_exchange_key(key: &[u8; 32]) -> bool {
        exchange(&[1; 32], key).is_some()
    }

    /// Whether both can be used.
    #[must_use]
    pub fn are_usable(&self) -> bool {
        Self::is_signing_key(&self.sign) && Self::is_exchange_key(&self.exchange)
    }

    /// Both: first the one for signatures.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.sign);
        bytes[32..].copy_from_slice(&self.exchange);
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave; `None` when these are not 64 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sign, exchange) = bytes.split_at_checked(32)?;
        Some(Self { sign: sign.try_into().ok()?, exchange: exchange.try_into().ok()? })
    }

    /// What two people read to each other to see that they have the same keys: 160 bits of a hash of both
    /// keys, as ten groups of four hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::new().chain_update(FINGERPRINT).chain_update(self.to_bytes()).finalize();
        let groups: Vec<String> = hash[..20].chunks(2).map(|two| HEXUPPER.encode(two)).collect();
        groups.join(" ")
    }

    /// Both keys as a text for a QR code, of its small alphabet of digits and capitals.
    #[must_use]
    pub fn qr_text(&self) -> String {
        format!("{QR}{}", BASE32_NOPAD.encode(&self.to_bytes()))
    }

    /// The keys of a text that [`qr_text`](Self::qr_text) gave; `None` when it is another text or the keys
    /// cannot be used.
    #[must_use]
    pub fn from_qr_text(text: &str) -> Option<Self> {
        let bytes = BASE32_NOPAD.decode(text.trim().strip_prefix(QR)?.as_bytes()).ok()?;
        let keys = Self::from_bytes(&bytes)?;
        keys.are_usable().then_some(keys)
    }
}

/// A public key that is ready to check signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// The key of these bytes; `None` when they are no point, or one of small order.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(key).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// Whether this key's owner signed these bytes. Strict (RFC 8032 with the checks of `verify_strict`):
    /// no signature can be changed into another that also holds.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}
