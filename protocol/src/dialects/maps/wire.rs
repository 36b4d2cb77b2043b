//! Envelopes in bytes: what is too much is refused before memory is taken for it.
//!
//! Knows which fields of a message repeat; not what they mean.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::{
    Message as _,
    encoding::{
        DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint,
        encoded_len_varint, skip_field,
    },
};

use super::{
    fault::Fault,
    proto::{Envelope, ErrorCode},
    settings::{CORRELATION_ID_BYTES_MAX, Limits},
};

/// The most capabilities that a peer may name.
const CAPABILITIES_MAX: usize = 64;

/// Bytes are no envelope, or one of too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnvelope {
    /// There are more bytes than a message may have.
    #[error("the message is too long")]
    TooLong,
    /// They are no envelope.
    #[error("the message is no envelope")]
    Malformed,
    /// It asks for more than may be asked at once. The connection can stay.
    #[error("{fault}")]
    TooMuch {
        /// The envelope's; empty when it is too long to be sent back.
        correlation_id: String,
        /// How many operations it has.
        ops: usize,
        /// What its sender is told.
        fault: Fault,
    },
}

/// Reads an envelope. Values stay slices of the bytes. A payload unknown here is none.
///
/// # Errors
/// [`BadEnvelope`] for what is none, or goes beyond the limits.
pub fn decode(bytes: Bytes, limits: &Limits) -> Result<Envelope, BadEnvelope> {
    if bytes.len() > limits.frame_bytes_max {
        return Err(BadEnvelope::TooLong);
    }
    let counted = Counted::of(&bytes).ok_or(BadEnvelope::Malformed)?;
    if let Some(fault) = counted.beyond(limits) {
        let id = counted.correlation_id.filter(|id| id.len() <= CORRELATION_ID_BYTES_MAX);
        let correlation_id = id.and_then(|id| str::from_utf8(id).ok()).unwrap_or("").to_owned();
        return Err(BadEnvelope::TooMuch { correlation_id, ops: counted.ops, fault });
    }
    Envelope::decode(bytes).map_err(|_| BadEnvelope::Malformed)
}

/// The bytes of an envelope.
#[must_use]
pub fn encode(envelope: &Envelope) -> Bytes {
    envelope.encode_to_vec().into()
}

/// What repeats in an envelope, counted without taking memory. Payloads that are there twice count twice,
/// as they are merged.
#[derive(Default)]
struct Counted<'a> {
    correlation_id: Option<&'a [u8]>,
    ops: usize,
    op_bytes: usize,
    paths: usize,
    items: usize,
    capabilities: usize,
}

impl<'a> Counted<'a> {
    fn of(envelope: &'a [u8]) -> Option<Self> {
        let mut counted = Self::default();
        each_field(envelope, |field, bytes| {
            if field == 1 {
                counted.correlation_id = Some(bytes);
                return Some(());
            }
            match field {
                2 | 4..=7 | 9 => each_field(bytes, |inner, bytes| {
                    counted.count(field, inner, bytes);
                    Some(())
                }),
                _ => Some(()),
            }
        })?;
        Some(counted)
    }

    /// Counts one field of a payload; both are named by their numbers in proto/coordinator.proto.
    fn count(&mut self, payload: u32, field: u32, bytes: &[u8]) {
        match (payload, field) {
            (4, 2) => {
                self.ops += 1;
                self.op_bytes += bytes.len();
            }
            (4, 5) => self.paths += 1,
            (4, 7 | 8) | (5, 6..=10) | (6 | 9, 1) => self.items += 1,
            (2 | 7, 5) => self.capabilities += 1,
            _ => {}
        }
    }

    fn beyond(&self, limits: &Limits) -> Option<Fault> {
        let words = if self.ops > limits.batch_ops_max {
            "too many operations at once"
        } else if self.op_bytes > limits.batch_bytes_max {
            "too many bytes of operations at once"
        } else if self.paths > limits.paths_max {
            "too many paths at once"
        } else if self.items > limits.items_max {
            "too many items at once"
        } else if self.capabilities > CAPABILITIES_MAX {
            "too many capabilities"
        } else {
            return None;
        };
        Some(Fault::new(ErrorCode::TooLarge, words))
    }
}

/// Calls `see` with each field that has a length, and passes over the others. `None` when it is no message.
fn each_field<'a>(
    mut message: &'a [u8],
    mut see: impl FnMut(u32, &'a [u8]) -> Option<()>,
) -> Option<()> {
    while !message.is_empty() {
        let (field, wire_type) = decode_key(&mut message).ok()?;
        if wire_type == WireType::LengthDelimited {
            let len = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
            let (bytes, rest) = message.split_at_checked(len)?;
            see(field, bytes)?;
            message = rest;
        } else {
            skip_field(wire_type, field, &mut message, DecodeContext::default()).ok()?;
        }
    }
    Some(())
}

/// The envelope, without a correlation id, of an `OperationBatch` of this body and `prevCursor`.
#[must_use]
pub fn encode_batch(body: &[u8], prev_cursor: &[u8]) -> Bytes {
    let prev_len = field_len(prev_cursor);
    let len = body.len() + prev_len;
    let mut out = BytesMut::with_capacity(1 + encoded_len_varint(len as u64) + len);
    encode_key(9, WireType::LengthDelimited, &mut out);
    encode_varint(len as u64, &mut out);
    out.put_slice(body);
    put_field(3, prev_cursor, &mut out);
    out.freeze()
}

/// The envelope, without a correlation id, of one encoded operation: for sessions of version 0.
#[must_use]
pub fn encode_op_alone(op: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(field_len(op));
    put_field(3, op, &mut out);
    out.freeze()
}

/// The bytes of a field of bytes whose number is below 16.
fn field_len(bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { 1 + encoded_len_varint(bytes.len() as u64) + bytes.len() }
}

/// No bytes are the default, which proto3 leaves out.
fn put_field(field: u32, bytes: &[u8], out: &mut BytesMut) {
    if !bytes.is_empty() {
        encode_key(field, WireType::LengthDelimited, out);
        encode_varint(bytes.len() as u64, out);
        out.put_slice(bytes);
    }
}
