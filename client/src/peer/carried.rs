//! The keys of a room as a text that may be carried from device to device, sealed under a passphrase.
//! Knows no store and no room.
//!
//! ```text
//! syncline-peer-keys: then, in base64url without padding:
//! version = 1 | salt, 16 | nonce, 24 | ciphertext and tag | the first 4 bytes of SHA-256 over all before
//! plaintext: both seeds, 64 | bytes of the identity, 1 | identity | place of the room
//! ```
//!
//! The key is Argon2id (RFC 9106, version 19) of passphrase and salt with 19 MiB, 2 passes, 1 lane; the
//! cipher XChaCha20-Poly1305, which also covers version and salt. The sum at the end tells a text that was
//! damaged from a passphrase that is wrong.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use syncline_protocol::dialects::peer::{
    id::PeerId,
    keys::{ROOM_KEYS_BYTES, RoomKeys},
};
use zeroize::Zeroizing;

use super::error::KeysError;

const PREFIX: &str = "syncline-peer-keys:";
const VERSION: u8 = 1;
pub(super) const SALT_BYTES: usize = 16;
pub(super) const NONCE_BYTES: usize = 24;
/// Version and salt.
const HEAD_BYTES: usize = 1 + SALT_BYTES;
const SUM_BYTES: usize = 4;
/// A text longer than this is none.
const TEXT_BYTES_MAX: usize = 2048;

const MEMORY_KIB: u32 = 19 << 10;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Whose keys of which room.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) keys: RoomKeys,
    pub(super) me: PeerId,
    /// Kind and name of the room.
    pub(super) place: String,
}

impl Carried {
    /// The text. Salt and nonce are drawn for each one.
    pub(super) fn seal(
        &self,
        passphrase: &str,
        (salt, nonce): ([u8; SALT_BYTES], [u8; NONCE_BYTES]),
    ) -> Result<String, KeysError> {
        let me = self.me.as_str().as_bytes();
        let mut plaintext = Zeroizing::new(Vec::with_capacity(1024));
        plaintext.extend_from_slice(&*self.keys.to_bytes());
        // An identity has at most 128 bytes.
        plaintext.push(me.len() as u8);
        plaintext.extend_from_slice(me);
        plaintext.extend_from_slice(self.place.as_bytes());
        let mut out = vec![VERSION];
        out.extend_from_slice(&salt);
        let sealed = cipher(passphrase, &salt)?
            .encrypt(&XNonce::from(nonce), Payload { msg: &plaintext, aad: &out })
            .map_err(|_| KeysError::Passphrase)?;
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out.extend_from_slice(&sum(&out));
        Ok(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&out)))
    }

    /// What a text says. Spaces and line ends in it do not count.
    pub(super) fn open(text: &str, passphrase: &str) -> Result<Self, KeysError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(KeysError::NotKeys);
        }
        let text: String = text.split_whitespace().collect();
        let text = text.strip_prefix(PREFIX).ok_or(KeysError::NotKeys)?;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeysError::Damaged)?;
        let (rest, its_sum) = bytes.split_last_chunk::<SUM_BYTES>().ok_or(KeysError::Damaged)?;
        if sum(rest) != *its_sum {
            return Err(KeysError::Damaged);
        }
        match rest.first() {
            Some(&VERSION) => {}
            Some(version) => return Err(KeysError::Version(*version)),
            None => return Err(KeysError::Damaged),
        }
        let (head, rest) = rest.split_at_checked(HEAD_BYTES).ok_or(KeysError::Damaged)?;
        let (nonce, msg) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(KeysError::Damaged)?;
        let plaintext = cipher(passphrase, &head[1..])?
            .decrypt(&XNonce::from(*nonce), Payload { msg, aad: head })
            .map_err(|_| KeysError::Passphrase)?;
        Self::read(&Zeroizing::new(plaintext)).ok_or(KeysError::Damaged)
    }

    fn read(plaintext: &[u8]) -> Option<Self> {
        let (seeds, rest) = plaintext.split_at_checked(ROOM_KEYS_BYTES)?;
        let (len, rest) = rest.split_first()?;
        let (me, place) = rest.split_at_checked(usize::from(*len))?;
        Some(Self {
            keys: RoomKeys::from_bytes(seeds)?,
            me: PeerId::new(std::str::from_utf8(me).ok()?)?,
            place: String::from_utf8(place.to_vec()).ok()?,
        })
    }
}

fn cipher(passphrase: &str, salt: &[u8]) -> Result<XChaCha20Poly1305, KeysError> {
    let mut key = Zeroizing::new([0; 32]);
    // Only a passphrase of 4 GiB does not fit.
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(key.len()));
    let params = params.map_err(|_| KeysError::Passphrase)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
        .map_err(|_| KeysError::Passphrase)?;
    Ok(XChaCha20Poly1305::new((&*key).into()))
}

fn sum(bytes: &[u8]) -> [u8; SUM_BYTES] {
    let digest = Sha256::digest(bytes);
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../../../data/golden/client/peer_keys.txt");
    const PASSPHRASE: &str = "correct horse battery staple";

    fn carried() -> Carried {
        let seeds: Vec<u8> = (0..64).collect();
        Carried {
            keys: RoomKeys::from_bytes(&seeds).unwrap(),
            me: PeerId::new("user:alice").unwrap(),
            place: "data/family".into(),
        }
    }

    #[test]
    fn the_text_is_the_one_that_others_make() {
        let made = carried().seal(PASSPHRASE, ([7; SALT_BYTES], [9; NONCE_BYTES])).unwrap();
        assert_eq!(made, GOLDEN.trim());
        let opened = Carried::open(GOLDEN, PASSPHRASE).unwrap();
        assert_eq!(opened.keys.to_bytes(), carried().keys.to_bytes());
        assert_eq!((opened.me.as_str(), &*opened.place), ("user:alice", "data/family"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let of = |text: &str| Carried::open(text, PASSPHRASE).unwrap_err();
        let text = GOLDEN.trim();
        assert!(matches!(Carried::open(text, "Correct horse"), Err(KeysError::Passphrase)));
        for none in ["", "syncline", "other:AQ", &"x".repeat(3000)] {
            assert!(matches!(of(none), KeysError::NotKeys), "{none}");
        }
        for at in PREFIX.len()..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(bytes).unwrap();
            assert!(matches!(of(&damaged), KeysError::Damaged), "{at}");
            assert!(matches!(of(&text[..at]), KeysError::Damaged), "cut at {at}");
        }
        let mut later = BASE64URL_NOPAD.decode(&text.as_bytes()[PREFIX.len()..]).unwrap();
        later.truncate(later.len() - SUM_BYTES);
        later[0] = 2;
        later.extend_from_slice(&sum(&later));
        let later = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&later));
        assert!(matches!(of(&later), KeysError::Version(2)));
        let (one, other) = text.split_at(60);
        assert!(Carried::open(&format!(" {one}\n{other}\r\n"), PASSPHRASE).is_ok());
    }
}
