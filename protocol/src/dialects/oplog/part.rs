//! Operations of a request, all or some: parts share the buffer that the request was read into.
//!
//! Knows how large a part may be; nothing of what is asked with it.

use std::{ops::Range, sync::Arc};

use super::op::{Op, Ops};

/// Operations of a part: applying them holds up whoever shares the server for some tens of
/// milliseconds, and what one device has waiting fits nearly always, so that it is stored at once.
pub(super) const PART_OPS_MAX: usize = 16_384;
/// Bytes of a part, unless it is one operation.
pub(super) const PART_BYTES_MAX: usize = 16 << 20;

/// Operations that stand one behind the other in a request.
#[derive(Clone, Debug)]
pub(super) struct Part {
    ops: Arc<Ops>,
    places: Range<usize>,
}

impl Part {
    /// All of them.
    pub(super) fn all(ops: Ops) -> Self {
        let places = 0..ops.len();
        Self { ops: Arc::new(ops), places }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.ops.bytes(self.places.clone())
    }

    /// In their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Op<'_>> {
        self.ops.iter(self.places.clone())
    }

    /// Takes as many from the front as a part may have, and one at least if there is one.
    pub(super) fn take_front(&mut self) -> Self {
        let Range { start, end } = self.places;
        let fits = |end: &usize| self.ops.bytes(start..*end) <= PART_BYTES_MAX;
        let most = end.min(start + PART_OPS_MAX);
        let until = (start + 1..=most).take_while(fits).last().unwrap_or(end.min(start + 1));
        self.places.start = until;
        Self { ops: Arc::clone(&self.ops), places: start..until }
    }

    /// Leaves none.
    pub(super) fn clear(&mut self) {
        self.places.start = self.places.end;
    }
}
