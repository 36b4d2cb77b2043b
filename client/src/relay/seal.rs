//! Sealing and opening payloads with XChaCha20-Poly1305, in our compact form or in the original
//! app's. Knows bytes and keys; nothing of changes, sequence numbers or messages.
//!
//! ```text
//! compact   version = 1 | nonce, 24 bytes | ciphertext and tag     authenticates version | discovery key
//! original  {"nonce":[24 numbers],"ciphertext":[numbers]}          authenticates nothing else
//! ```

use std::fmt;

use bytes::Bytes;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, AeadInOut, Payload},
};
use serde::{Deserialize, Serialize};

use super::secret::{RandomError, Secret};

/// The first byte of the compact form. The original form starts with `{`, which is another.
const COMPACT_VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const COMPACT_HEAD_BYTES: usize = 1 + NONCE_BYTES;

/// How a payload is sealed. Opening tells the two apart by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// 41 bytes more than the plaintext; the key is derived from the secret by HKDF-SHA256, and a
    /// payload opens only for the document it was sealed for.
    #[default]
    Compact,
    /// What the original app writes and reads: JSON of number arrays, about 3.6 bytes for each
    /// byte, with the document secret itself as the key.
    Original,
}

impl Form {
    /// The form of a payload, by its first byte.
    pub(super) fn of(sealed: &[u8]) -> Option<Self> {
        match sealed.first() {
            Some(&COMPACT_VERSION) => Some(Self::Compact),
            Some(b'{') => Some(Self::Original),
            _ => None,
        }
    }
}

/// A payload was not sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// No nonce could be drawn.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The cipher takes at most 256 GiB.
    #[error("the plaintext is too long for the cipher")]
    TooLong,
}

/// A payload did not open. It came from somebody without the secret, or was changed on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Neither the compact nor the original form.
    #[error("not a sealed payload of a known form; a newer client may have written it")]
    Malformed,
    /// The tag does not match.
    #[error("sealed with another secret, for another document, or damaged")]
    Unauthentic,
}

/// Seals and opens the payloads of one document.
pub struct Sealer {
    form: Form,
    compact: XChaCha20Poly1305,
    original: XChaCha20Poly1305,
    /// The version byte and the discovery key: what a compact payload is bound to.
    bound_to: Vec<u8>,
}

/// The original app's blob, fields in its order.
#[derive(Serialize, Deserialize)]
struct OriginalBlob {
    nonce: [u8; NONCE_BYTES],
    ciphertext: Vec<u8>,
}

impl Sealer {
    /// A sealer for the document of this secret that seals in `form`.
    #[must_use]
    pub fn new(secret: &Secret, form: Form) -> Self {
        let mut bound_to = vec![COMPACT_VERSION];
        bound_to.extend_from_slice(secret.discovery_key().as_bytes());
        let content_key = secret.content_key();
        Self {
            form,
            compact: XChaCha20Poly1305::new((&*content_key).into()),
            original: XChaCha20Poly1305::new(secret.expose().into()),
            bound_to,
        }
    }

    /// The form in which it seals.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Seals a plaintext under a new random nonce.
    ///
    /// # Errors
    /// [`SealError`] when no random nonce could be had.
    pub fn seal(&self, plaintext: &[u8]) -> Result<Bytes, SealError> {
        self.seal_parts(&[plaintext])
    }

    /// Opens a payload of either form.
    ///
    /// # Errors
    /// [`OpenError`] when it is no payload of this document.
    pub fn open(&self, sealed: &[u8]) -> Result<Bytes, OpenError> {
        match Form::of(sealed).ok_or(OpenError::Malformed)? {
            Form::Compact => self.open_compact(sealed),
            Form::Original => self.open_original(sealed),
        }
    }

    /// Seals the parts as one plaintext, without copying them together first.
    pub(super) fn seal_parts(&self, parts: &[&[u8]]) -> Result<Bytes, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(RandomError::from)?;
        self.seal_with(nonce, parts)
    }

    fn seal_with(&self, nonce: [u8; NONCE_BYTES], parts: &[&[u8]]) -> Result<Bytes, SealError> {
        match self.form {
            Form::Compact => self.seal_compact(nonce, parts),
            Form::Original => self.seal_original(nonce, parts),
        }
    }

    fn seal_compact(&self, nonce: [u8; NONCE_BYTES], parts: &[&[u8]]) -> Result<Bytes, SealError> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let mut sealed = Vec::with_capacity(COMPACT_HEAD_BYTES + bytes + TAG_BYTES);
        sealed.push(COMPACT_VERSION);
        sealed.extend_from_slice(&nonce);
        parts.iter().for_each(|part| sealed.extend_from_slice(part));
        let content = &mut sealed[COMPACT_HEAD_BYTES..];
        let tag = self
            .compact
            .encrypt_inout_detached(&XNonce::from(nonce), &self.bound_to, content.into())
            .map_err(|_| SealError::TooLong)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed.into())
    }

    fn open_compact(&self, sealed: &[u8]) -> Result<Bytes, OpenError> {
        let (head, content) =
            sealed.split_at_checked(COMPACT_HEAD_BYTES).ok_or(OpenError::Malformed)?;
        let nonce = XNonce::try_from(&head[1..]).map_err(|_| OpenError::Malformed)?;
        self.compact
            .decrypt(&nonce, Payload { msg: content, aad: &self.bound_to })
            .map(Bytes::from)
            .map_err(|_| OpenError::Unauthentic)
    }

    fn seal_original(&self, nonce: [u8; NONCE_BYTES], parts: &[&[u8]]) -> Result<Bytes, SealError> {
        let ciphertext = self
            .original
            .encrypt(&XNonce::from(nonce), &*parts.concat())
            .map_err(|_| SealError::TooLong)?;
        let blob = serde_json::to_vec(&OriginalBlob { nonce, ciphertext })
            .expect("numbers in arrays always serialize, and a Vec takes them all");
        Ok(blob.into())
    }

    fn open_original(&self, sealed: &[u8]) -> Result<Bytes, OpenError> {
        let blob: OriginalBlob =
            serde_json::from_slice(sealed).map_err(|_| OpenError::Malformed)?;
        self.original
            .decrypt(&XNonce::from(blob.nonce), &*blob.ciphertext)
            .map(Bytes::from)
            .map_err(|_| OpenError::Unauthentic)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("form", &self.form).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
