//! The JSON of `CONSISTENCY_CHECK`, of both versions. Knows how it is written, not how it is computed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bytes of such a payload, at most.
pub const CHECK_BYTES_MAX: usize = 1 << 20;
/// Tables in it, at most.
pub const TABLES_MAX: usize = 256;
/// Nodes in its clock, at most.
pub const NODES_MAX: usize = 4096;
/// How the digests of version 2 are made.
pub const ALGORITHM: &str = "setsum-sha256";

/// The payload is not what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a consistency check that is too long or not what it must be")]
pub struct BadCheck;

/// What one table comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDigest {
    /// Rows that are not deleted.
    pub count: u64,
    /// The digest, in hexadecimal digits.
    pub hash: String,
}

/// What a participant has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// 2; 0 from a participant of version 1, whose hash is made in another way.
    #[serde(default, rename = "v")]
    pub version: u32,
    /// Rows that are not deleted.
    pub count: u64,
    /// All rows.
    #[serde(default)]
    pub records: u64,
    /// The digest of all, in hexadecimal digits.
    pub hash: String,
    /// How it is made: [`ALGORITHM`].
    #[serde(default, rename = "alg", skip_serializing_if = "String::is_empty")]
    pub algorithm: String,
    /// Up to where it has everything, by node, as HLCs are written.
    #[serde(default, rename = "vc", skip_serializing_if = "BTreeMap::is_empty")]
    pub clock: BTreeMap<String, String>,
    /// The same by table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableDigest>,
}

impl Check {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`BadCheck`].
    pub fn parse(payload: &[u8]) -> Result<Self, BadCheck> {
        if payload.len() > CHECK_BYTES_MAX {
            return Err(BadCheck);
        }
        let check: Self = serde_json::from_slice(payload).map_err(|_| BadCheck)?;
        let fits = check.tables.len() <= TABLES_MAX && check.clock.len() <= NODES_MAX;
        if fits { Ok(check) } else { Err(BadCheck) }
    }

    /// The payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether its digests are made as ours: else there is nothing to compare.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.version >= 2 && self.algorithm == ALGORITHM
    }
}
