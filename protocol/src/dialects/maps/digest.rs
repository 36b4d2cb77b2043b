//! Where a record lies in the tree of its map, its hash, and what two replicas compare of many.
//!
//! Knows no tree: it tells what one is made of.

use std::fmt;

use sha2::{Digest as _, Sha256};

pub use crate::set_hash::{Sum, Totals};

use super::record::RecordRef;

/// The hexadecimal digits of a [`Path`].
pub const PATH_DIGITS: u8 = 32;

/// Where a key lies: the first 16 bytes, big end first, of SHA-256 of a byte 2 and the key.
///
/// Its bytes are the record's key in the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub u128);

impl Path {
    /// The path of a key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let digest = Sha256::new().chain_update([2]).chain_update(key).finalize();
        Self(u128::from_be_bytes(first(&digest)))
    }

    /// Its bytes, in whose order paths are.
    #[must_use]
    pub fn to_key(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The path of these bytes; `None` when they are not 16.
    #[must_use]
    pub fn from_key(key: &[u8]) -> Option<Self> {
        Some(Self(u128::from_be_bytes(key.try_into().ok()?)))
    }
}

/// The first bytes of a hash.
fn first<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&digest[..N]);
    out
}

/// The beginning of paths: what a bucket of the tree holds. Its text is its digits, in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    // The bits behind its digits are 0.
    path: Path,
    digits: u8,
}

impl Prefix {
    /// What every path begins with: no digit.
    pub const ROOT: Self = Self { path: Path(0), digits: 0 };

    /// The first `digits` hexadecimal digits of a path, at most [`PATH_DIGITS`].
    #[must_use]
    pub fn new(path: Path, digits: u8) -> Self {
        let digits = digits.min(PATH_DIGITS);
        Self { path: Path(path.0 & !rest(digits)), digits }
    }

    /// Reads 0 to 32 digits of `[0-9a-f]`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = u8::try_from(text.len()).ok().filter(|digits| *digits <= PATH_DIGITS)?;
        let mut path = 0;
        for (at, byte) in text.bytes().enumerate() {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            path |= u128::from(digit) << (124 - 4 * at);
        }
        Some(Self { path: Path(path), digits })
    }

    /// How many digits it has, 0 to [`PATH_DIGITS`].
    #[must_use]
    pub fn digits(&self) -> u8 {
        self.digits
    }

    /// The lowest path that begins with it.
    #[must_use]
    pub fn first(&self) -> Path {
        self.path
    }

    /// The highest path that begins with it.
    #[must_use]
    pub fn last(&self) -> Path {
        Path(self.path.0 | rest(self.digits))
    }

    /// Whether a path begins with it.
    #[must_use]
    pub fn contains(&self, path: Path) -> bool {
        path.0 & !rest(self.digits) == self.path.0
    }

    /// One digit more, of the lowest four bits of `digit`; itself if it has them all.
    #[must_use]
    pub fn child(&self, digit: u8) -> Self {
        if self.digits == PATH_DIGITS {
            return *self;
        }
        let digit = u128::from(digit & 15) << (124 - 4 * u32::from(self.digits));
        Self { path: Path(self.path.0 | digit), digits: self.digits + 1 }
    }
}

/// The bits behind so many digits.
fn rest(digits: u8) -> u128 {
    u128::MAX.checked_shr(4 * u32::from(digits)).unwrap_or(0)
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..u32::from(self.digits)).try_for_each(|at| {
            let digit = (self.path.0 >> (124 - 4 * at)) as u32 & 15;
            write!(f, "{digit:x}")
        })
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The hash of a record: it covers everything that a record says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf(pub [u8; 32]);

impl Leaf {
    /// Its first eight bytes, which stand for it in some messages.
    #[must_use]
    pub fn short(&self) -> [u8; 8] {
        first(&self.0)
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The hash of a record: SHA-256 of a byte 0, the key, the kind in a byte, the milliseconds in eight, the
/// counter in four, the node, the life in eight, and the value. Numbers have the little end first; key and
/// value stand behind their length in four bytes, the node behind its own in two.
#[must_use]
pub fn hash_of<'a>(record: impl Into<RecordRef<'a>>) -> Leaf {
    let RecordRef { key, kind, hlc, ttl_ms, value } = record.into();
    let node = hlc.node.as_bytes();
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update((key.len() as u32).to_le_bytes());
    hash.update(key);
    hash.update([kind as u8]);
    hash.update(hlc.millis.to_le_bytes());
    hash.update(hlc.counter.to_le_bytes());
    hash.update((node.len() as u16).to_le_bytes());
    hash.update(node);
    hash.update(ttl_ms.to_le_bytes());
    hash.update((value.len() as u32).to_le_bytes());
    hash.update(value);
    Leaf(hash.finalize().into())
}

/// The hash as a number, the little end first.
impl From<&Leaf> for Sum {
    fn from(leaf: &Leaf) -> Self {
        Self::from(&leaf.0)
    }
}

/// What two replicas compare of a set of records, the same in the tree and in range reconciliation: the first
/// 16 bytes of its [digest](Totals::digest).
#[must_use]
pub fn fingerprint(totals: &Totals) -> [u8; 16] {
    first(&totals.digest())
}
