//! One response to a sync request, its operations encoded already.
//!
//! Knows the wire; nothing of what was asked.

use std::fmt;

use bytes::Bytes;
use prost::Message as _;

use super::{
    op::{varint_len, write_op},
    proto::SyncResponse,
    record::RecordRef,
    varint::write_varint,
};

/// The tag of a response's operations.
const OPS: u8 = 8 << 3 | 2;
/// The tag of an envelope's correlation id.
const CORRELATION_ID: u8 = 1 << 3 | 2;
/// The tag of an envelope's response.
const SYNC_RESP: u8 = 5 << 3 | 2;

/// A [`SyncResponse`] in two parts.
#[derive(Clone, Default, PartialEq)]
pub struct Page {
    /// Everything but its operations, of which there are none here.
    pub rest: SyncResponse,
    /// The fields of its operations, one behind the other.
    ops: Vec<u8>,
    ops_len: usize,
}

impl Page {
    /// One of this and no operations yet.
    #[must_use]
    pub fn new(rest: SyncResponse) -> Self {
        Self { rest, ..Self::default() }
    }

    /// How many operations it has.
    #[must_use]
    pub fn ops_len(&self) -> usize {
        self.ops_len
    }

    /// About how many bytes of memory it takes, which is about what it takes encoded.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ops.len() + self.rest.encoded_len()
    }

    /// Adds an operation of this map.
    pub(super) fn push(&mut self, map: &str, record: &RecordRef<'_>) {
        write_op(OPS, map, record, &mut self.ops);
        self.ops_len += 1;
    }

    /// The bytes of an envelope with this correlation id and the whole response.
    #[must_use]
    pub fn encode(&self, correlation_id: &str) -> Bytes {
        let body = self.rest.encoded_len() + self.ops.len();
        let id = correlation_id.len();
        let mut out = Vec::with_capacity(id + body + 4 + varint_len(body as u64) + 10);
        if id > 0 {
            out.push(CORRELATION_ID);
            write_varint(id as u64, &mut out);
            out.extend_from_slice(correlation_id.as_bytes());
        }
        out.push(SYNC_RESP);
        write_varint(body as u64, &mut out);
        self.rest.encode_raw(&mut out);
        out.extend_from_slice(&self.ops);
        out.into()
    }

    /// Adds what `next` says behind it: its lists are appended, of the rest it has the last word.
    pub fn append(&mut self, next: Self) {
        let Self { rest: mut last, ops, ops_len } = next;
        let rest = &mut self.rest;
        rest.buckets.append(&mut last.buckets);
        rest.keys.append(&mut last.keys);
        rest.missing_keys.append(&mut last.missing_keys);
        rest.want_keys.append(&mut last.want_keys);
        let mut leaves = std::mem::take(&mut rest.want_leaves).to_vec();
        leaves.extend_from_slice(&last.want_leaves);
        last.want_leaves = leaves.into();
        if last.range_message.is_empty() {
            last.range_message = std::mem::take(&mut rest.range_message);
        }
        self.rest = SyncResponse {
            buckets: std::mem::take(&mut rest.buckets),
            keys: std::mem::take(&mut rest.keys),
            missing_keys: std::mem::take(&mut rest.missing_keys),
            want_keys: std::mem::take(&mut rest.want_keys),
            ..last
        };
        self.ops.extend_from_slice(&ops);
        self.ops_len += ops_len;
    }

    /// The response as one message.
    #[must_use]
    pub fn to_response(&self) -> SyncResponse {
        let mut response = self.rest.clone();
        // What was written here is read again without fail.
        let merged = response.merge(&*self.ops);
        debug_assert_eq!(merged, Ok(()), "operations are encoded as they are decoded");
        response
    }
}

impl Eq for Page {}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("status", &self.rest.status)
            .field("type", &self.rest.r#type)
            .field("ops", &self.ops_len)
            .field("more", &self.rest.more)
            .finish_non_exhaustive()
    }
}
