//! What a signature covers and what is bound to a sealed payload (dossier, 1.2).
//!
//! Knows no room's state.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Packet, VERSION};
use crate::dialects::peer::keys::{RoomKeys, VerifyingKey, lp};

const SIGNED: &[u8; 16] = b"cohrtz/packet/v2";
const SEALED: &[u8; 16] = b"cohrtz/aead/v2\0\0";

impl Packet {
    /// Every field but payload and signature, with the room, behind a tag. No two differing packets or
    /// rooms have the same, for whatever is not of one length says how long it is.
    #[must_use]
    fn header(&self, tag: &[u8; 16], room: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(288);
        out.extend_from_slice(tag);
        lp(&mut out, room.as_bytes());
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.kind.to_le_bytes());
        lp(&mut out, self.request.as_str().as_bytes());
        lp(&mut out, self.sender.as_str().as_bytes());
        lp(&mut out, self.target_name().as_bytes());
        out.push(u8::from(self.encrypted));
        out.extend_from_slice(&self.physical_time.to_le_bytes());
        out.extend_from_slice(&self.logical_time.to_le_bytes());
        out.extend_from_slice(&self.uncompressed_size.to_le_bytes());
        out.extend_from_slice(&self.chunk_index.to_le_bytes());
        out.extend_from_slice(&self.chunk_count.to_le_bytes());
        out.push(u8::from(self.is_last_chunk));
        out.extend_from_slice(&self.key_epoch.to_le_bytes());
        lp(&mut out, &self.encryption_public_key);
        lp(&mut out, &self.sender_public_key);
        out
    }

    /// What is bound to the sealed payload: every field but payload and signature, and the room. Fill
    /// all of them before sealing. Nothing in version 1.
    #[must_use]
    pub fn bound(&self, room: &str) -> Vec<u8> {
        if self.version < VERSION { Vec::new() } else { self.header(SEALED, room) }
    }

    /// What the signature is made over; `None` when its version has no rules here.
    #[must_use]
    pub fn signed_bytes(&self, room: &str) -> Option<Vec<u8>> {
        match self.version {
            VERSION => {
                let mut out = self.header(SIGNED, room);
                out.extend_from_slice(&Sha256::digest(&self.payload));
                Some(out)
            }
            #[cfg(feature = "legacy-cohrtz")]
            0 | 1 => Some(self.signed_bytes_v1()),
            _ => None,
        }
    }

    /// What a signature of version 1 covers: neither the room nor the keys, and without lengths, so that
    /// packets that differ can have the same.
    #[cfg(feature = "legacy-cohrtz")]
    fn signed_bytes_v1(&self) -> Vec<u8> {
        let mut out = vec![self.kind as u8];
        out.extend_from_slice(self.request.as_str().as_bytes());
        out.extend_from_slice(self.sender.as_str().as_bytes());
        out.extend_from_slice(&self.payload);
        out.extend_from_slice(&self.physical_time.to_le_bytes());
        out.extend_from_slice(&self.logical_time.to_le_bytes());
        out.extend_from_slice(&self.chunk_index.to_le_bytes());
        out.push(u8::from(self.is_last_chunk));
        out.extend_from_slice(self.target_name().as_bytes());
        out.push(u8::from(self.encrypted));
        out
    }

    /// Signs it as it is; nothing of it may change afterwards. A version without rules here gets no
    /// signature.
    pub fn sign(&mut self, room: &str, keys: &RoomKeys) {
        let signature = self.signed_bytes(room).map(|bytes| keys.sign(&bytes));
        self.signature = signature.map_or_else(Bytes::new, |made| Bytes::copy_from_slice(&made));
    }

    /// Whether this key signed it for this room.
    #[must_use]
    pub fn verify(&self, room: &str, key: &VerifyingKey) -> bool {
        self.signed_bytes(room).is_some_and(|bytes| key.verify(&bytes, &self.signature))
    }

    /// [`verify`](Self::verify) with a key that is still bytes; false when they are no key.
    #[must_use]
    pub fn is_signed_by(&self, room: &str, key: &[u8; 32]) -> bool {
        VerifyingKey::new(key).is_some_and(|key| self.verify(room, &key))
    }
}
