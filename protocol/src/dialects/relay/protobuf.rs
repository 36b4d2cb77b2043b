//! The few bytes of protobuf that the hot path reads and writes by hand.
//!
//! Knows no message. A field that holds its default (0, no bytes) is not written, as proto3 has
//! it. What [`Fields`] does not recognise it answers with `None`: then prost reads it.

/// The wire type of a number.
pub(super) const VARINT: u8 = 0;
/// The wire type of bytes, strings and messages.
pub(super) const LENGTH_DELIMITED: u8 = 2;

/// Reads fields from the front of a message.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Passes over the key of a field, if it comes next. `key` is below 128.
    pub(super) fn key(&mut self, key: u8) -> Option<()> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        (first == key).then_some(())
    }

    /// A number below 2^63; prost reads the others.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (place, &byte) in self.0.iter().take(9).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.0 = &self.0[place + 1..];
                return Some(value);
            }
        }
        None
    }

    /// Passes over a length that reaches exactly to the end of the message.
    pub(super) fn whole_length(&mut self) -> Option<()> {
        let len = self.varint()?;
        (len == self.0.len() as u64).then_some(())
    }

    /// A length and as many bytes.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// The bytes that `value` takes as a varint: 1 to 10.
pub(super) fn varint_len(value: u64) -> usize {
    let bits = (u64::BITS - (value | 1).leading_zeros()) as usize;
    bits.div_ceil(7)
}

/// The bytes of a number field with a key below 128.
pub(super) fn varint_field_len(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + varint_len(value) }
}

/// The bytes of a bytes field with a key below 128.
pub(super) fn bytes_field_len(bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { 1 + varint_len(bytes.len() as u64) + bytes.len() }
}

pub(super) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn write_varint_field(key: u8, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        out.push(key);
        write_varint(value, out);
    }
}

pub(super) fn write_bytes_field(key: u8, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        out.push(key);
        write_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_varint_has_the_length_said_and_reads_back(value: u64, shift in 0..64_u32) {
            let value = value >> shift;
            let mut out = Vec::new();
            write_varint(value, &mut out);
            prop_assert_eq!(out.len(), varint_len(value));
            prop_assert_eq!(out.len(), prost::encoding::encoded_len_varint(value));
            out.push(0xff);
            let mut fields = Fields::new(&out);
            if value < 1 << 63 {
                prop_assert_eq!(fields.varint(), Some(value));
                prop_assert_eq!(fields.rest(), &[0xff]);
            } else {
                prop_assert_eq!(fields.varint(), None);
            }
        }
    }

    #[test]
    fn lengths_beyond_the_message_are_not_read() {
        assert_eq!(Fields::new(&[3, 1, 2]).bytes(), None);
        assert_eq!(Fields::new(&[2, 1, 2]).bytes(), Some(&[1, 2][..]));
        assert_eq!(Fields::new(&[3, 1, 2]).whole_length(), None);
        assert_eq!(Fields::new(&[1, 1, 2]).whole_length(), None);
        assert_eq!(Fields::new(&[2, 1, 2]).whole_length(), Some(()));
        assert_eq!(Fields::new(&[0xff; 12]).varint(), None);
        assert_eq!(Fields::new(&[]).varint(), None);
    }
}
