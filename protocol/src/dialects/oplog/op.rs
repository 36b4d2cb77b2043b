//! One operation: what a client says of it, the tuple that tells it from others, the record it becomes.
//!
//! Knows nothing of requests around it or of datasets. The payload is text that is never looked into.

use std::ops::Range;

use super::text;

/// The longest scope, in bytes of UTF-8. The shortest is 1.
pub const SCOPE_BYTES_MAX: usize = 64;
/// The longest resource id, actor, client id and generation key, in bytes of UTF-8. The shortest is 1.
pub const ID_BYTES_MAX: usize = 256;
/// The largest clock. The smallest is 1.
pub const CLOCK_MAX: u64 = i64::MAX.unsigned_abs();
/// How deep arrays and objects of a payload may lie in each other: whoever pulls it has to read it.
pub const PAYLOAD_DEPTH_MAX: usize = 500;

/// Which scopes an operation may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scopes {
    /// Any of 1 to [`SCOPE_BYTES_MAX`] bytes.
    #[default]
    Any,
    /// `registry` and `list` only.
    Strict,
}

/// Why an operation is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadOp {
    /// Not a JSON object.
    #[error("must be an object")]
    NotObject,
    /// No scope, or none that is allowed.
    #[error("scope must be a string of 1 to {SCOPE_BYTES_MAX} bytes")]
    Scope,
    /// A scope beside those of [`Scopes::Strict`].
    #[error("scope must be \"registry\" or \"list\"")]
    StrictScope,
    /// No resource id, or one out of bounds.
    #[error("resourceId must be a string of 1 to {ID_BYTES_MAX} bytes")]
    ResourceId,
    /// No actor, or one out of bounds.
    #[error("actor must be a string of 1 to {ID_BYTES_MAX} bytes")]
    Actor,
    /// No clock, or one out of bounds.
    #[error("clock must be an integer from 1 to {CLOCK_MAX}")]
    Clock,
    /// No payload.
    #[error("payload is missing")]
    Payload,
    /// A payload that nests too deep.
    #[error("payload must not nest deeper than {PAYLOAD_DEPTH_MAX} levels")]
    Depth,
}

/// The JSON tokens of one operation, as they stand in the request; `None` for what it lacks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tokens<'a> {
    pub(super) scope: Option<&'a str>,
    pub(super) resource_id: Option<&'a str>,
    pub(super) actor: Option<&'a str>,
    pub(super) clock: Option<&'a str>,
    pub(super) payload: Option<&'a str>,
}

/// Operations in one buffer: of each its tuple, then its record without the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Ops {
    bytes: Vec<u8>,
    ends: Vec<Ends>,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    tuple: usize,
    record: usize,
}

/// One of [`Ops`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Op<'a> {
    /// `(scope, resourceId, actor, clock)`, so that no two different ones are the same bytes.
    pub(super) tuple: &'a [u8],
    start: &'a [u8],
}

impl Op<'_> {
    /// Makes `record` the finished JSON object of this operation.
    pub(super) fn record(&self, server_seq: u64, record: &mut Vec<u8>) {
        record.clear();
        record.extend_from_slice(self.start);
        text::write_number(server_seq, record);
        record.push(b'}');
    }

    /// The longest that the record can be, in bytes.
    pub(super) fn record_bytes_max(&self) -> u64 {
        self.start.len() as u64 + 21
    }
}

impl Ops {
    /// Room for the operations of a body of `bytes` bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes + bytes / 2), ends: Vec::with_capacity(bytes / 128) }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Those from one place to before another, in their order.
    pub(super) fn iter(&self, places: Range<usize>) -> impl Iterator<Item = Op<'_>> {
        let mut begin = self.begin(places.start);
        self.ends[places].iter().map(move |ends| {
            let tuple = &self.bytes[begin..ends.tuple];
            let start = &self.bytes[ends.tuple..ends.record];
            begin = ends.record;
            Op { tuple, start }
        })
    }

    /// Bytes of those from one place to before another.
    pub(super) fn bytes(&self, places: Range<usize>) -> usize {
        self.begin(places.end) - self.begin(places.start)
    }

    /// Where the bytes of the one at a place begin.
    fn begin(&self, place: usize) -> usize {
        place.checked_sub(1).map_or(0, |before| self.ends[before].record)
    }

    /// Adds an operation. What it is refused for may have left half of it behind, so that the rest is of
    /// no use any more.
    pub(super) fn push(&mut self, tokens: &Tokens<'_>, scopes: Scopes) -> Result<(), BadOp> {
        let scope = tokens.scope.ok_or(BadOp::Scope)?;
        let resource_id = tokens.resource_id.ok_or(BadOp::ResourceId)?;
        let actor = tokens.actor.ok_or(BadOp::Actor)?;
        let clock = tokens.clock.ok_or(BadOp::Clock)?;
        let payload = tokens.payload.ok_or(BadOp::Payload)?;
        if !text::nests_within(payload, PAYLOAD_DEPTH_MAX) {
            return Err(BadOp::Depth);
        }

        self.tuple_scope(scope, scopes)?;
        self.tuple_part(resource_id, ID_BYTES_MAX).ok_or(BadOp::ResourceId)?;
        self.tuple_part(actor, ID_BYTES_MAX).ok_or(BadOp::Actor)?;
        let tick = text::digits(clock).filter(|tick| (1..=CLOCK_MAX).contains(tick));
        prost::encoding::encode_varint(tick.ok_or(BadOp::Clock)?, &mut self.bytes);
        let tuple = self.bytes.len();

        let parts = [
            r#"{"scope":"#,
            scope,
            r#","resourceId":"#,
            resource_id,
            r#","actor":"#,
            actor,
            r#","clock":"#,
            clock,
            r#","payload":"#,
            payload,
            r#","serverSeq":"#,
        ];
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.ends.push(Ends { tuple, record: self.bytes.len() });
        Ok(())
    }

    fn tuple_scope(&mut self, token: &str, scopes: Scopes) -> Result<(), BadOp> {
        let begin = self.bytes.len();
        self.tuple_part(token, SCOPE_BYTES_MAX).ok_or(BadOp::Scope)?;
        match (scopes, &self.bytes[begin + 1..]) {
            (Scopes::Any, _) | (Scopes::Strict, b"registry" | b"list") => Ok(()),
            (Scopes::Strict, _) => Err(BadOp::StrictScope),
        }
    }

    /// Adds what a string token says: its length in one byte less one, which is enough for
    /// [`ID_BYTES_MAX`], and its bytes.
    fn tuple_part(&mut self, token: &str, bytes_max: usize) -> Option<()> {
        let said = text::string(token)?;
        if said.len() > bytes_max {
            return None;
        }
        self.bytes.push(u8::try_from(said.len().checked_sub(1)?).ok()?);
        self.bytes.extend_from_slice(said.as_bytes());
        Some(())
    }
}
