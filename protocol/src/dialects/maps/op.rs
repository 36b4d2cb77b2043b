//! The bytes of an operation, written where they are needed: the same for everyone who gets it.
//!
//! Byte for byte what prost makes of the message. Knows no room and no session.

use std::ops::Range;

use super::{
    hlc::{HLC_BYTES_MAX, Hlc},
    record::{Kind, RecordRef},
    varint::write_varint,
};

/// The tags of an operation's fields.
const MAP: u8 = 1 << 3 | 2;
const KEY: u8 = 2 << 3 | 2;
const VALUE: u8 = 3 << 3 | 2;
const TIMESTAMP: u8 = 4 << 3 | 2;
const KIND: u8 = 5 << 3;
const TTL: u8 = 6 << 3;

/// The digits of the largest number.
const DIGITS_MAX: usize = 20;

/// A timestamp in letters, on the stack.
struct Letters {
    bytes: [u8; HLC_BYTES_MAX],
    len: usize,
}

impl Letters {
    fn of(hlc: &Hlc) -> Self {
        let mut letters = Self { bytes: [0; HLC_BYTES_MAX], len: 0 };
        letters.push_number(hlc.millis);
        letters.push(b":");
        letters.push_number(hlc.counter.into());
        letters.push(b":");
        letters.push(hlc.node.as_bytes());
        letters
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }

    fn push_number(&mut self, mut number: u64) {
        let mut digits = [0; DIGITS_MAX];
        let mut first = DIGITS_MAX;
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.push(&digits[first..]);
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// How many bytes a number takes as a varint.
pub(super) fn varint_len(number: u64) -> usize {
    ((70 - (number | 1).leading_zeros() as usize) / 7).max(1)
}

/// How many bytes a field of bytes takes, its tag and length too.
fn field_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

fn optional_len(len: usize) -> usize {
    if len == 0 { 0 } else { field_len(len) }
}

fn write_field(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    write_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends an operation as a field of the message around it, which has this tag. Says where in `out`
/// the operation lies, and where its key.
pub(super) fn write_op(
    tag: u8,
    map: &str,
    record: &RecordRef<'_>,
    out: &mut Vec<u8>,
) -> (Range<usize>, Range<usize>) {
    let RecordRef { key, kind, hlc, ttl_ms, value } = record;
    let letters = Letters::of(hlc);
    let mut len = field_len(map.len()) + field_len(key.len()) + optional_len(value.len());
    len += field_len(letters.len);
    len += if *kind == Kind::Remove { 2 } else { 0 };
    len += if *ttl_ms == 0 { 0 } else { 1 + varint_len(*ttl_ms) };
    out.reserve(len + 1 + varint_len(len as u64));
    out.push(tag);
    write_varint(len as u64, out);
    let start = out.len();
    write_field(MAP, map.as_bytes(), out);
    write_field(KEY, key.as_bytes(), out);
    let key = out.len() - key.len()..out.len();
    if !value.is_empty() {
        write_field(VALUE, value, out);
    }
    write_field(TIMESTAMP, letters.as_bytes(), out);
    if *kind == Kind::Remove {
        out.extend_from_slice(&[KIND, Kind::Remove as u8]);
    }
    if *ttl_ms != 0 {
        out.push(TTL);
        write_varint(*ttl_ms, out);
    }
    debug_assert_eq!(out.len() - start, len, "the length before an operation is its length");
    (start..out.len(), key)
}
