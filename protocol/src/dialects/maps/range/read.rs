//! Reading a message, range by range, without a copy. Knows bytes only.

use super::bad::BadRange;
use super::bound::Bound;

/// A range of a message: it begins where the one before ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range<'a> {
    pub(super) lower: Bound,
    pub(super) upper: Bound,
    pub(super) said: Said<'a>,
}

/// What a message says of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    Skip,
    Fingerprint([u8; 16]),
    /// The ids that the sender has there.
    Ids(&'a [[u8; 32]]),
}

/// The ranges of a message behind its version, ascending. Nothing comes after a fault.
#[derive(Clone, Debug)]
pub(super) struct Ranges<'a> {
    rest: &'a [u8],
    at: Bound,
}

impl<'a> Ranges<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest, at: Bound::START }
    }

    fn range(&mut self) -> Result<Range<'a>, BadRange> {
        let lower = self.at;
        let upper = self.bound()?;
        if upper < lower {
            return Err(BadRange::Bound);
        }
        let said = match self.number()? {
            0 => Said::Skip,
            1 => Said::Fingerprint(*self.chunk()?),
            2 => {
                let ids = self.number()?;
                Said::Ids(self.ids(ids)?)
            }
            mode => return Err(BadRange::Mode(mode)),
        };
        self.at = upper;
        Ok(Range { lower, upper, said })
    }

    /// A time is written as what it adds to the one before, and one; 0 is the end of all.
    fn bound(&mut self) -> Result<Bound, BadRange> {
        let time = match self.number()? {
            0 => u64::MAX,
            more => self.at.time.saturating_add(more - 1),
        };
        let id_bytes = self.number()?;
        let id_bytes = u8::try_from(id_bytes).ok().filter(|n| *n <= 32).ok_or(BadRange::Bound)?;
        let mut id = [0; 32];
        id[..id_bytes.into()].copy_from_slice(self.bytes(id_bytes.into())?);
        Ok(Bound { time, id, id_bytes })
    }

    /// A number in base 128, the high digits first, all but the last with the highest bit.
    fn number(&mut self) -> Result<u64, BadRange> {
        let mut number: u64 = 0;
        loop {
            let [byte] = *self.chunk::<1>()?;
            if number > u64::MAX >> 7 {
                return Err(BadRange::Number);
            }
            number = number << 7 | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
    }

    fn ids(&mut self, count: u64) -> Result<&'a [[u8; 32]], BadRange> {
        let count = usize::try_from(count).map_err(|_| BadRange::Truncated)?;
        let bytes = count.checked_mul(32).ok_or(BadRange::Truncated)?;
        let (ids, _) = self.bytes(bytes)?.as_chunks();
        Ok(ids)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], BadRange> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(BadRange::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], BadRange> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or(BadRange::Truncated)?;
        self.rest = rest;
        Ok(chunk)
    }
}

impl<'a> Iterator for Ranges<'a> {
    type Item = Result<Range<'a>, BadRange>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let range = self.range();
        if range.is_err() {
            self.rest = &[];
        }
        Some(range)
    }
}
