//! A key that payloads are sealed with, and how it is made of a secret. Knows no store.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, AeadInOut as _, Payload},
};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::OVERHEAD_BYTES;
use crate::dialects::peer::random::{Random, random};

const NONCE_BYTES: usize = 12;

/// A key of AES-256-GCM, ready to use. It is wiped when dropped and never shown.
#[derive(Clone)]
pub struct Key(Aes256Gcm);

/// Holds only while the cipher wipes itself, for which its crates have a feature.
const fn wiped<T: ZeroizeOnDrop>() {}
const _: () = wiped::<Aes256Gcm>();

impl Key {
    /// The key of these bytes as they are.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(bytes.into()))
    }

    /// HKDF-SHA256 with the room as salt (RFC 5869).
    pub(super) fn derive(secret: &[u8; 32], room: &str, info: &[&[u8]]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let made =
            Hkdf::<Sha256>::new(Some(room.as_bytes()), secret).expand_multi_info(info, &mut *key);
        assert!(made.is_ok(), "one block is never too long");
        Self::new(&key)
    }

    /// Nonce, ciphertext and tag of a plaintext. The nonce is drawn: with one key fewer than 2^32
    /// payloads may be sealed. Who opens it must give the same `bound`.
    #[must_use]
    pub fn seal(&self, source: &mut dyn Random, bound: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = random(source);
        let mut sealed = Vec::with_capacity(OVERHEAD_BYTES + plaintext.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let text = (&mut sealed[NONCE_BYTES..]).into();
        let made = self.0.encrypt_inout_detached((&nonce).into(), bound, text);
        match made {
            Ok(tag) => sealed.extend_from_slice(&tag),
            // More than 64 GiB. Never let out what is not sealed.
            Err(_) => sealed.clear(),
        }
        sealed
    }

    /// The plaintext; `None` when key or `bound` is another, or any bit was changed. Nothing of it is
    /// seen before all of it is checked.
    #[must_use]
    pub fn open(&self, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let opened = self.0.decrypt(nonce.into(), Payload { msg, aad: bound });
        opened.ok().map(Zeroizing::new)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

fn len(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// The key with which one sender seals for the group in one epoch. Each sender has its own, so that their
/// drawn nonces do not meet.
#[must_use]
pub fn group_key(room: &str, secret: &[u8; 32], epoch: u64, sender: &str) -> Key {
    let sender = sender.as_bytes();
    let info: [&[u8]; 4] = [b"cohrtz/group/v2", &epoch.to_le_bytes(), &len(sender), sender];
    Key::derive(secret, room, &info)
}

/// The key with which one sender seals under a session's key. The dossier settles none: it is made as
/// the group's, under a label of its own.
#[must_use]
pub fn session_key(room: &str, secret: &[u8; 32], sender: &str) -> Key {
    let sender = sender.as_bytes();
    Key::derive(secret, room, &[b"cohrtz/session/v2", &len(sender), sender])
}

/// The name of a group's secret: 16 hexadecimal digits of its hash.
#[must_use]
pub fn key_id(secret: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(secret)[..8])
}
