//! The stored form of a key: what its value, its timestamp and its version are, and who set it.
//!
//! It is on disk: a change here needs another first byte. Knows no message.

use crate::dialect::Member;

/// The first byte of an entry of this form.
const FORM: u8 = 1;

/// A key's entry, its value lying in the bytes it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// What the room counted when it was set.
    pub(super) version: u64,
    /// Who set it and did not get it back; nobody when everyone got it.
    pub(super) spared: Option<Member>,
    /// Microseconds since the Unix epoch, as its maker says.
    pub(super) timestamp: i64,
    /// Raw JSON.
    pub(super) value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Reads what [`Entry::write`] wrote; `None` for anything else. The value is not looked at.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&form, rest) = bytes.split_first()?;
        if form != FORM {
            return None;
        }
        let (version, rest) = read_varint(rest)?;
        let (spared, rest) = read_varint(rest)?;
        let (timestamp, value) = rest.split_first_chunk()?;
        let spared = spared.checked_sub(1).map(Member);
        Some(Self { version, spared, timestamp: i64::from_le_bytes(*timestamp), value })
    }

    /// Appends the form byte; the version, and the number of who was spared plus one or 0, as
    /// varints; the timestamp in eight bytes, little end first; and the value.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(FORM);
        write_varint(self.version, out);
        write_varint(self.spared.map_or(0, |member| member.0 + 1), out);
        out.extend_from_slice(&self.timestamp.to_le_bytes());
        out.extend_from_slice(self.value);
    }
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, &byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shifted = bits << (7 * place);
        if shifted >> (7 * place) != bits {
            return None;
        }
        value |= shifted;
        if byte < 0x80 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_entry_reads_back(
            version: u64, shift in 0..64_u32, spared: Option<u32>, timestamp: i64, value: Vec<u8>
        ) {
            let spared = spared.map(|number| Member(number.into()));
            let entry = Entry { version: version >> shift, spared, timestamp, value: &value };
            let mut bytes = Vec::new();
            entry.write(&mut bytes);
            prop_assert!(Entry::read(&bytes) == Some(entry));
            // Cut before the value, nothing is taken for an entry.
            let head = bytes.len() - value.len();
            prop_assert!((0..head).all(|cut| Entry::read(&bytes[..cut]).is_none()));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            if let Some(entry) = Entry::read(&bytes) {
                prop_assert!(bytes.ends_with(entry.value));
            }
        }
    }

    #[test]
    fn another_form_and_numbers_beyond_64_bits_are_none() {
        let mut bytes = Vec::new();
        let entry = Entry { version: u64::MAX, spared: None, timestamp: 0, value: b"1" };
        entry.write(&mut bytes);
        assert!(Entry::read(&bytes).is_some());
        bytes[10] = 2;
        assert!(Entry::read(&bytes).is_none());
        bytes[10] = 1;
        bytes[0] = 2;
        assert!(Entry::read(&bytes).is_none());
    }
}
