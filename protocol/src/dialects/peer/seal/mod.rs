//! Sealing of payloads with AES-256-GCM: for one, for the group, for those of a session (dossier, 1.4).
//!
//! Knows no packet: what is bound to a sealed payload is given as bytes.

mod epochs;
mod key;
mod pairwise;

pub use epochs::{Adopted, EPOCH_MAX, EPOCHS_KEPT, GroupKey, KeyRing, SEALED_MAX};
pub use key::{Key, group_key, key_id, session_key};
pub use pairwise::{NoSecret, PairwiseKeys, pairwise_key};

#[cfg(feature = "legacy-cohrtz")]
pub use pairwise::pairwise_key_v1;

/// Bytes that sealing adds: a nonce before the ciphertext and a tag behind it.
pub const OVERHEAD_BYTES: usize = 12 + 16;
