//! What a dataset keeps beside its operations: the entry that says which generation is active, the
//! snapshot, and the keys that are active no more.
//!
//! Knows how these are stored; not when they change.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use prost::encoding::{decode_varint, encode_varint};
use sha2::{Digest, Sha256};

use crate::dialect::{Collections, Unreadable};

/// The map of the one meta entry and of the snapshot.
const MAP: u64 = 0;
const META: &[u8] = b"meta";
const SNAPSHOT: &[u8] = b"snapshot";
/// The map of the keys that are active no more: a hash each.
const RETIRED_MAP: u64 = 1;
/// How much of the hash of a key is kept.
const HASH_BYTES: usize = 16;
/// The first number of the maps that go with their generation.
const GENERATION_MAPS: u64 = 16;
/// The form of the meta entry.
const FORM: u8 = 1;
/// The JSON string of the empty text.
const EMPTY: &str = "\"\"";

/// The active generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// Its key.
    pub(super) key: Arc<str>,
    /// The log's number of the last record before its own.
    pub(super) base: u64,
    /// The operations up to this number are not in the log any more.
    pub(super) dropped: u64,
    /// The snapshot stands for the operations up to this number; not below `dropped`.
    pub(super) covered: u64,
    /// Counts the generations, and the rotations.
    pub(super) epoch: u64,
    /// How many keys are active no more.
    pub(super) retired: u64,
    /// The map from the tuple of an operation to its number.
    pub(super) tuples: u64,
    /// The map of the cursors.
    pub(super) cursors: u64,
    /// The length of the snapshot's JSON string, in bytes.
    pub(super) snapshot_bytes: u64,
}

impl Meta {
    /// The first generation of a dataset.
    pub(super) fn first(key: Arc<str>, last_seq: u64) -> Self {
        Self {
            key,
            base: last_seq,
            dropped: 0,
            covered: 0,
            epoch: 0,
            retired: 0,
            tuples: GENERATION_MAPS,
            cursors: GENERATION_MAPS + 1,
            snapshot_bytes: EMPTY.len() as u64,
        }
    }

    /// The stored one, if the dataset has begun.
    pub(super) fn load(collections: &impl Collections) -> Result<Option<Self>, Unreadable> {
        let Some(value) = collections.get(MAP, META)? else { return Ok(None) };
        Self::decode(value).map(Some).ok_or(Unreadable)
    }

    pub(super) fn store(&self, collections: &mut impl Collections) {
        collections.put(MAP, META, &self.encode());
    }

    /// The number of the last operation of the generation.
    pub(super) fn head(&self, collections: &impl Collections) -> u64 {
        collections.last_seq() - self.base
    }

    /// A number for a map that this dataset has never had.
    pub(super) fn next_map(&self) -> u64 {
        self.tuples.max(self.cursors) + 1
    }

    /// Whether there is a snapshot that says anything.
    pub(super) fn has_snapshot(&self) -> bool {
        self.snapshot_bytes > EMPTY.len() as u64
    }

    /// The snapshot's JSON string.
    pub(super) fn snapshot(&self, collections: &impl Collections) -> Result<Bytes, Unreadable> {
        if self.has_snapshot() {
            collections.get(MAP, SNAPSHOT)?.ok_or(Unreadable)
        } else {
            Ok(Bytes::from_static(EMPTY.as_bytes()))
        }
    }

    /// Replaces the snapshot. The meta entry is stored by itself.
    pub(super) fn put_snapshot(&mut self, token: &str, collections: &mut impl Collections) {
        self.snapshot_bytes = token.len() as u64;
        if self.has_snapshot() {
            collections.put(MAP, SNAPSHOT, token.as_bytes());
        } else {
            collections.remove(MAP, SNAPSHOT);
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        for number in self.numbers() {
            encode_varint(number, &mut out);
        }
        out.extend_from_slice(self.key.as_bytes());
        out
    }

    fn numbers(&self) -> [u64; 8] {
        let Self { base, dropped, covered, epoch, retired, tuples, cursors, .. } = *self;
        [base, dropped, covered, epoch, retired, tuples, cursors, self.snapshot_bytes]
    }

    fn decode(mut value: Bytes) -> Option<Self> {
        if value.try_get_u8().ok()? != FORM {
            return None;
        }
        let mut numbers = [0; 8];
        for number in &mut numbers {
            *number = decode_varint(&mut value).ok()?;
        }
        let [base, dropped, covered, epoch, retired, tuples, cursors, snapshot_bytes] = numbers;
        let key = std::str::from_utf8(&value).ok()?.into();
        Some(Self { key, base, dropped, covered, epoch, retired, tuples, cursors, snapshot_bytes })
    }
}

/// What a key that was active once is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retired {
    /// Nothing.
    Stale,
    /// It was active in this epoch up to a checkpoint: who is up to date goes on with it.
    Alias {
        /// The epoch.
        epoch: u64,
        /// What the snapshot stood for then: where `since` 0 begins.
        covered: u64,
    },
}

impl Retired {
    /// What is known of `key`; `None` for one that was never active.
    pub(super) fn find(
        key: &str,
        collections: &impl Collections,
    ) -> Result<Option<Self>, Unreadable> {
        let Some(value) = collections.get(RETIRED_MAP, &hash(key))? else { return Ok(None) };
        Self::decode(value).map(Some).ok_or(Unreadable)
    }

    /// Remembers `key` for ever.
    pub(super) fn store(self, key: &str, collections: &mut impl Collections) {
        let mut value = Vec::new();
        if let Self::Alias { epoch, covered } = self {
            encode_varint(epoch, &mut value);
            encode_varint(covered, &mut value);
        }
        collections.put(RETIRED_MAP, &hash(key), &value);
    }

    fn decode(mut value: Bytes) -> Option<Self> {
        if value.is_empty() {
            return Some(Self::Stale);
        }
        let epoch = decode_varint(&mut value).ok()?;
        let covered = decode_varint(&mut value).ok()?;
        value.is_empty().then_some(Self::Alias { epoch, covered })
    }
}

fn hash(key: &str) -> [u8; HASH_BYTES] {
    let digest = Sha256::digest(key.as_bytes());
    std::array::from_fn(|at| digest[at])
}
