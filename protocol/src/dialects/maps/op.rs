//! The bytes of an operation, written where they are needed: the same for everyone who gets it.
//!
//! Byte for byte what prost makes of the message. Knows no room and no session.

use std::ops::Range;

use super::{
    hlc::HLC_BYTES_MAX,
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
    let mut place = [0; HLC_BYTES_MAX];
    let timestamp = hlc.text(&mut place);
    let mut len = field_len(map.len()) + field_len(key.len()) + optional_len(value.len());
    len += field_len(timestamp.len());
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
    write_field(TIMESTAMP, timestamp.as_bytes(), out);
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

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use prost::Message as _;

    use super::{
        super::{
            hlc::{Hlc, NodeId},
            proto::{OperationBatch, OperationMessage},
            record::Record,
        },
        *,
    };

    proptest! {
        #[test]
        fn an_operation_is_written_as_prost_writes_it(
            key in "\\PC{1,200}", is_put: bool, millis: u64, counter: u32, node in "[a-z~-]{1,64}",
            ttl_ms: u64, value in vec(any::<u8>(), 0..300), shift in 0..64_u32
        ) {
            let (kind, value) = if is_put { (Kind::Put, value) } else { (Kind::Remove, vec![]) };
            let hlc = Hlc { millis: millis >> shift, counter, node: NodeId::new(&node).unwrap() };
            let ttl_ms = ttl_ms.checked_shr(shift + 1).unwrap_or(0);
            let record = Record { key: key.into(), kind, hlc, ttl_ms, value: value.into() };
            let mut out = b"before".to_vec();
            let (op, key) = write_op(1 << 3 | 2, "todos", &record.as_ref(), &mut out);
            prop_assert_eq!(&out[key], record.key.as_bytes());
            let plain = record.to_op("todos");
            prop_assert_eq!(OperationMessage::decode(&out[op]), Ok(plain.clone()));
            let batch = OperationBatch { ops: vec![plain], ..OperationBatch::default() };
            prop_assert_eq!(&out[b"before".len()..], batch.encode_to_vec());
        }
    }
}
