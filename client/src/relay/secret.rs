//! The document secret and the two things that are derived from it: the name of the document on
//! the network, and the key of its content. Knows no message and no cipher.

use std::fmt;

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::hex;

/// What the original app hashes behind the secret to name the document (dossier, section 1).
const DISCOVERY_CONTEXT: &[u8] = b"TaskLens_SyncID_v1";

/// Separates the content key of [`Form::Compact`](super::Form) from any other use of the secret.
const CONTENT_KEY_INFO: &[u8] = b"syncline relay content key v1";

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct RandomError(#[from] getrandom::Error);

/// The secret of one document: whoever has it can read and write the document.
///
/// It is never sent. Its memory is wiped when it is dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; Secret::BYTES]>);

impl Secret {
    /// The length of a secret in bytes.
    pub const BYTES: usize = 32;

    /// A secret that the application already has.
    ///
    /// It must come from a random source: a secret made from a password can be guessed by the
    /// server, which knows its hash.
    #[must_use]
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new secret from the operating system's random source.
    ///
    /// # Errors
    /// [`RandomError`] when that source fails.
    pub fn generate() -> Result<Self, RandomError> {
        let mut secret = Self::new([0; Self::BYTES]);
        getrandom::fill(secret.0.as_mut())?;
        Ok(secret)
    }

    /// The bytes, to be kept in a safe place or handed to another device.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The name of the document on the network: 64 lowercase hexadecimal digits of SHA-256 over
    /// the secret and a fixed text, exactly as the original app derives it.
    #[must_use]
    pub fn discovery_key(&self) -> String {
        let digest = Sha256::new().chain_update(self.expose()).chain_update(DISCOVERY_CONTEXT);
        hex::encode(&digest.finalize())
    }

    /// The key that [`Form::Compact`](super::Form) seals with: HKDF-SHA256 (RFC 5869) without a
    /// salt.
    pub(super) fn content_key(&self) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.expose())
            .expand(CONTENT_KEY_INFO, key.as_mut())
            .expect("HKDF-SHA256 gives up to 8,160 bytes, this asks for 32");
        key
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", Secret::new([0xab; 32])), "Secret(..)");
    }

    #[test]
    fn two_generated_secrets_differ() {
        let (first, second) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(first.expose(), second.expose());
        assert_ne!(first.discovery_key(), second.discovery_key());
    }
}
