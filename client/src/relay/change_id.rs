//! The name of one change, sealed together with its body, by which receivers know a change that
//! was submitted twice. Knows bytes; nothing of keys, messages or sequence numbers.

use bytes::Bytes;

use super::secret::RandomError;

/// One run of one client: every start draws a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin([u8; Origin::BYTES]);

impl Origin {
    /// The length of an origin in bytes.
    pub const BYTES: usize = 16;

    /// The origin with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// A new origin from the operating system's random source.
    pub(super) fn generate() -> Result<Self, RandomError> {
        let mut bytes = [0; Self::BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

/// The name of one change: who made it, and a count of that origin's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChangeId {
    /// Who made the change.
    pub origin: Origin,
    /// The change's number among those of its origin, from 1.
    pub counter: u64,
}

impl ChangeId {
    /// The length of an encoded id in bytes.
    pub const BYTES: usize = Origin::BYTES + 8;

    /// The id as it stands in front of a change's body: the origin, then the counter,
    /// little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..Origin::BYTES].copy_from_slice(self.origin.bytes());
        bytes[Origin::BYTES..].copy_from_slice(&self.counter.to_le_bytes());
        bytes
    }

    /// Parts a change's plaintext into its id and its body. `None` when no id stands in front.
    #[must_use]
    pub fn split(mut plaintext: Bytes) -> Option<(Self, Bytes)> {
        let head = *plaintext.first_chunk::<{ Self::BYTES }>()?;
        let (origin, counter) = head.split_first_chunk::<{ Origin::BYTES }>()?;
        let counter = u64::from_le_bytes(counter.try_into().ok()?);
        let body = plaintext.split_off(Self::BYTES);
        (counter > 0).then_some((Self { origin: Origin(*origin), counter }, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_its_golden_bytes_and_read_back() {
        let id = ChangeId { origin: Origin::new([0xa0; 16]), counter: 0x0102 };
        let mut plaintext = vec![0xa0; 16];
        plaintext.extend_from_slice(&[2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(id.to_bytes(), *plaintext);
        plaintext.extend_from_slice(b"body");
        assert_eq!(ChangeId::split(plaintext.into()), Some((id, Bytes::from("body"))));
    }

    #[test]
    fn a_plaintext_without_an_id_has_none() {
        assert_eq!(ChangeId::split(Bytes::from(vec![1; ChangeId::BYTES - 1])), None);
        assert_eq!(ChangeId::split(Bytes::from(vec![0; ChangeId::BYTES])), None, "counter 0");
    }
}
