//! One record of a map: what it says, which of two wins, and the operation that carries it.
//!
//! Knows no room and no collection.

use std::cmp::Ordering;

use bytes::Bytes;

use super::{
    fault::Fault,
    hlc::{Hlc, MILLIS_MAX},
    proto::{ErrorCode, OperationMessage, operation_message::OpType},
    settings::{Limits, is_map_name},
};
use crate::dialect::UnixMillis;

/// The longest key that can be stored at all, in bytes of UTF-8; [`Limits::key_bytes_max`] is usually
/// below it. The shortest is 1.
pub const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// What an operation does to its key. Of two of the same timestamp the larger wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Sets the value, which may be empty.
    Put = 0,
    /// Removes it: the record is a tombstone.
    Remove = 1,
}

/// The last operation on a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key, 1 to [`KEY_BYTES_MAX`] bytes.
    pub key: Box<str>,
    /// What was done.
    pub kind: Kind,
    /// When, and by whom.
    pub hlc: Hlc,
    /// How long it lives, in milliseconds after its timestamp; 0 for ever.
    pub ttl_ms: u64,
    /// The value; empty when removed. A slice of the message that it came in.
    pub value: Bytes,
}

/// A [`Record`] that lies somewhere else, such as in stored bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// The key.
    pub key: &'a str,
    /// What was done.
    pub kind: Kind,
    /// When, and by whom.
    pub hlc: Hlc,
    /// How long it lives, in milliseconds after its timestamp; 0 for ever.
    pub ttl_ms: u64,
    /// The value; empty when removed.
    pub value: &'a [u8],
}

const fn bad(message: &'static str) -> Fault {
    Fault::new(ErrorCode::BadRequest, message)
}

const NO_MAP: Fault = bad("mapName is missing");
const BAD_MAP: Fault = bad("mapName must have 1 to 128 of A-Z a-z 0-9 _ . : / -");
const NO_TIMESTAMP: Fault = bad("timestamp is missing");
const NO_KEY: Fault = bad("key is missing");
const LONG_KEY: Fault = Fault::new(ErrorCode::TooLarge, "key is too long");
const LARGE_VALUE: Fault = Fault::new(ErrorCode::TooLarge, "value is too large");
const UNKNOWN_TYPE: Fault = Fault::new(ErrorCode::Unsupported, "type must be PUT or REMOVE");
const BAD_TIMESTAMP: Fault =
    Fault::new(ErrorCode::BadTimestamp, "timestamp must be millis:counter:node");

impl Record {
    /// What an operation makes of its key. A removal keeps no value.
    ///
    /// # Errors
    /// `BAD_REQUEST` without map, key or timestamp, or for a map that cannot be; `BAD_TIMESTAMP`;
    /// `TOO_LARGE` for a key or value beyond the limits; `UNSUPPORTED` for a type unknown here.
    pub fn from_op(op: OperationMessage, limits: &Limits) -> Result<Self, Fault> {
        if op.map_name.is_empty() {
            return Err(NO_MAP);
        }
        if op.timestamp.is_empty() {
            return Err(NO_TIMESTAMP);
        }
        if op.key.is_empty() {
            return Err(NO_KEY);
        }
        if !is_map_name(&op.map_name) {
            return Err(BAD_MAP);
        }
        if op.key.len() > limits.key_bytes_max.min(KEY_BYTES_MAX) {
            return Err(LONG_KEY);
        }
        if op.value.len() > limits.value_bytes_max {
            return Err(LARGE_VALUE);
        }
        let (kind, value) = match OpType::try_from(op.r#type) {
            Ok(OpType::Put) => (Kind::Put, op.value),
            Ok(OpType::Remove) => (Kind::Remove, Bytes::new()),
            Err(_) => return Err(UNKNOWN_TYPE),
        };
        let hlc = Hlc::parse(&op.timestamp).map_err(|_| BAD_TIMESTAMP)?;
        Ok(Self { key: op.key.into(), kind, hlc, ttl_ms: op.ttl_ms, value })
    }

    /// The operation that carries it.
    #[must_use]
    pub fn to_op(&self, map: &str) -> OperationMessage {
        OperationMessage {
            map_name: map.into(),
            key: self.key.to_string(),
            value: self.value.clone(),
            timestamp: self.hlc.to_string(),
            r#type: self.kind as i32,
            ttl_ms: self.ttl_ms,
        }
    }

    /// The same, without owning it.
    #[must_use]
    pub fn as_ref(&self) -> RecordRef<'_> {
        self.into()
    }

    /// Which of two records of one key wins: the greater. Equal ones are the same.
    ///
    /// The larger timestamp; then a removal before a value; then the larger value, byte by byte, the
    /// longer one if one begins with the other; then the longer life. So every replica decides alike,
    /// also when a node's name was used twice.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.hlc
            .cmp(&other.hlc)
            .then_with(|| self.kind.cmp(&other.kind))
            .then_with(|| self.value.cmp(&other.value))
            .then_with(|| self.ttl_ms.cmp(&other.ttl_ms))
    }

    /// When its life ends, if it does: it is alive up to and at that millisecond. A tombstone's never
    /// does, nor does one that would end after [`MILLIS_MAX`].
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixMillis> {
        expiry(self.kind, &self.hlc, self.ttl_ms)
    }

    /// Whether its life is over: who reads then gets [`Record::tombstone_of_expiry`].
    #[must_use]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at().is_some_and(|end| end < now)
    }

    /// What takes its place when its life is over, the same wherever it is made: a removal at the
    /// moment of its end. `None` when its life never ends.
    #[must_use]
    pub fn tombstone_of_expiry(&self) -> Option<Self> {
        let hlc = Hlc { millis: self.expires_at()?.0, ..self.hlc.clone() };
        let key = self.key.clone();
        Some(Self { key, kind: Kind::Remove, hlc, ttl_ms: 0, value: Bytes::new() })
    }
}

fn expiry(kind: Kind, hlc: &Hlc, ttl_ms: u64) -> Option<UnixMillis> {
    if kind == Kind::Remove || ttl_ms == 0 {
        return None;
    }
    let end = hlc.millis.checked_add(ttl_ms)?;
    (end <= MILLIS_MAX).then_some(UnixMillis(end))
}

impl RecordRef<'_> {
    /// As [`Record::compare`].
    #[must_use]
    pub fn compare(&self, other: &RecordRef<'_>) -> Ordering {
        self.hlc
            .cmp(&other.hlc)
            .then_with(|| self.kind.cmp(&other.kind))
            .then_with(|| self.value.cmp(other.value))
            .then_with(|| self.ttl_ms.cmp(&other.ttl_ms))
    }

    /// As [`Record::expires_at`].
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixMillis> {
        expiry(self.kind, &self.hlc, self.ttl_ms)
    }

    /// A record of its own, the value copied.
    #[must_use]
    pub fn to_record(&self) -> Record {
        let value = Bytes::copy_from_slice(self.value);
        Record {
            key: self.key.into(),
            kind: self.kind,
            hlc: self.hlc.clone(),
            ttl_ms: self.ttl_ms,
            value,
        }
    }
}

impl<'a> From<&'a Record> for RecordRef<'a> {
    fn from(record: &'a Record) -> Self {
        let Record { key, kind, hlc, ttl_ms, value } = record;
        Self { key, kind: *kind, hlc: hlc.clone(), ttl_ms: *ttl_ms, value }
    }
}
