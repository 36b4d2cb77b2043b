//! The part of the protobuf encoding that the relay's messages use. Knows no message.

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A number.
    Number(u64),
    /// Bytes, a string or a message.
    Bytes(&'a [u8]),
}

/// The fields of one message, in wire order. Ends early, with `broken` set, at bytes that are not a field.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    /// Whether it met bytes that are not a field.
    pub(crate) broken: bool,
}

impl<'a> Fields<'a> {
    /// The fields of an encoded message.
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message, broken: false }
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = take_number(&mut self.rest)?;
        let value = match tag & 7 {
            0 => Value::Number(take_number(&mut self.rest)?),
            2 => {
                let length = usize::try_from(take_number(&mut self.rest)?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.broken {
            return None;
        }
        let field = self.field();
        self.broken = field.is_none();
        field
    }
}

#[inline]
fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (i, &byte) in rest.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7F) << (7 * i);
        if byte < 0x80 {
            *rest = &rest[i + 1..];
            return Some(number);
        }
    }
    None
}

/// Bytes that a number takes.
#[inline]
pub(crate) fn number_bytes(number: u64) -> usize {
    (70 - (number | 1).leading_zeros() as usize) / 7
}

/// Bytes of a number field whose tag is one byte.
#[inline]
pub(crate) fn number_field_bytes(number: u64) -> usize {
    1 + number_bytes(number)
}

/// Bytes of a bytes field whose tag is one byte.
#[inline]
pub(crate) fn bytes_field_bytes(bytes: usize) -> usize {
    1 + number_bytes(bytes as u64) + bytes
}

#[inline]
fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a number field. `field` is at most 15.
#[inline]
pub(crate) fn push_number_field(out: &mut Vec<u8>, field: u8, number: u64) {
    out.push(field << 3);
    push_number(out, number);
}

/// Appends the tag and length of a bytes field; its bytes must follow. `field` is at most 15.
#[inline]
pub(crate) fn push_bytes_tag(out: &mut Vec<u8>, field: u8, bytes: usize) {
    out.push(field << 3 | 2);
    push_number(out, bytes as u64);
}

/// Appends a bytes field. `field` is at most 15.
#[inline]
pub(crate) fn push_bytes_field(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    push_bytes_tag(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip_and_their_size_is_foretold() {
        for shift in 0..64 {
            for number in [1_u64 << shift, (1_u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                push_number_field(&mut out, 3, number);
                assert_eq!(out.len(), number_field_bytes(number));
                assert_eq!(Fields::new(&out).next(), Some((3, Value::Number(number))));
            }
        }
    }

    #[test]
    fn a_cut_field_is_broken_and_not_shorter() {
        let mut out = Vec::new();
        push_bytes_field(&mut out, 2, b"payload");
        assert_eq!(out.len(), bytes_field_bytes(7));
        for cut in 1..out.len() {
            let mut fields = Fields::new(&out[..cut]);
            assert_eq!(fields.next(), None);
            assert!(fields.broken);
        }
    }
}
