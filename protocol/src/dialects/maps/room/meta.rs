//! What a map keeps besides its records: which history it is, and what of it is forgotten.
//!
//! It is on disk: a change here needs another first byte. Knows no collection.

use sha2::{Digest as _, Sha256};

use crate::dialect::UnixMillis;

/// The first byte of this form.
const FORM: u8 = 1;

/// Its key in the map's second collection; those of late tombstones are as long as a path.
pub(super) const META_KEY: &[u8] = b"meta";

/// What a map keeps besides its records. One that was never written has all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meta {
    /// Which history it is: not 0 once something was written.
    pub(super) generation: u64,
    /// The highest number of a tombstone that is forgotten: who was not there yet may have missed it.
    pub(super) floor: u64,
    /// Tombstones from before this millisecond are in no tree.
    pub(super) watermark_ms: u64,
}

impl Meta {
    /// That of a map that begins now.
    pub(super) fn begin(name: &str, now: UnixMillis, version: u64) -> Self {
        let digest = Sha256::new()
            .chain_update(b"generation")
            .chain_update(now.0.to_le_bytes())
            .chain_update(version.to_le_bytes())
            .chain_update(name)
            .finalize();
        let (first, _) = digest.split_first_chunk().unwrap_or((&[1; 8], &[]));
        Self { generation: u64::from_le_bytes(*first).max(1), ..Self::default() }
    }

    /// The watermark as clients are told: the least timestamp of its millisecond.
    pub(super) fn watermark(&self) -> String {
        format!("{}:0:-", self.watermark_ms)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { generation, floor, watermark_ms } = self;
        let mut out = vec![FORM];
        for number in [generation, floor, watermark_ms] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&FORM, rest) = bytes.split_first()? else { return None };
        let (generation, rest) = rest.split_first_chunk()?;
        let (floor, rest) = rest.split_first_chunk()?;
        let [generation, floor, watermark_ms] =
            [*generation, *floor, rest.try_into().ok()?].map(u64::from_le_bytes);
        Some(Self { generation, floor, watermark_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_and_nothing_else_does() {
        let meta = Meta { generation: 7, floor: u64::MAX, watermark_ms: 1 << 40 };
        let bytes = meta.encode();
        assert_eq!(Meta::decode(&bytes), Some(meta));
        assert!((0..bytes.len()).all(|cut| Meta::decode(&bytes[..cut]).is_none()));
        assert_eq!(Meta::decode(&[bytes.clone(), vec![0]].concat()), None);
        assert_eq!(Meta::decode(&[&[2], &bytes[1..]].concat()), None);
    }

    #[test]
    fn histories_differ_by_name_time_and_version() {
        let of = |name, now, version| Meta::begin(name, UnixMillis(now), version).generation;
        let first = of("a", 1, 1);
        assert_eq!(first, of("a", 1, 1));
        assert!([of("b", 1, 1), of("a", 2, 1), of("a", 1, 2), 0].iter().all(|it| *it != first));
    }
}
