//! An answer in pages, none longer than it may be, and not more of them than may be.
//!
//! Knows the response's parts; nothing of where they come from.

use super::super::{
    digest::{Leaf, Prefix, Totals, fingerprint},
    page::Page,
    proto::{Bucket, KeyDigest, SyncRequest, SyncResponse, sync_response::Status},
    record::RecordRef,
    settings::Limits,
};

/// How many full pages an answer has before it ends. Except that of PULL_SINCE, which has one.
pub(super) const FULL_PAGES_MAX: usize = 4;

/// At most how many bytes a part takes on the wire besides what it is counted for.
const AROUND_BYTES: usize = 32;

/// At most how many bytes an operation takes besides its key, value, map and node.
const AROUND_OP_BYTES: usize = 72;

/// At most how many bytes a timestamp takes.
const TIMESTAMP_BYTES: usize = 96;

/// At most how many bytes an operation takes on the wire.
pub(super) fn op_bytes(map: &str, record: &RecordRef<'_>) -> usize {
    let node = record.hlc.node.as_bytes().len();
    AROUND_OP_BYTES + map.len() + record.key.len() + record.value.len() + node
}

/// How much one page may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageMax {
    /// Parts, whichever they are.
    pub(super) items: usize,
    /// Bytes, but one part in any case.
    pub(super) bytes: usize,
}

impl PageMax {
    /// What is asked for, where 0 says nothing, and at most what may be.
    pub(super) fn new(asked_items: usize, asked_bytes: usize, limits: &Limits) -> Self {
        let min = |asked: usize, most: usize| if asked == 0 { most } else { asked.min(most) };
        let items = min(asked_items, limits.page_ops_max.max(1));
        Self { items, bytes: min(asked_bytes, limits.page_bytes_max) }
    }

    /// What a request asks for.
    pub(super) fn of(request: &SyncRequest, limits: &Limits) -> Self {
        Self::new(request.max_items as usize, request.max_bytes as usize, limits)
    }
}

/// An answer being made.
pub(super) struct Pages<'a> {
    map: &'a str,
    /// What every page says.
    head: SyncResponse,
    max: PageMax,
    full: PageMax,
    page: Page,
    items: usize,
    bytes: usize,
    done: Vec<Page>,
    ops_done: usize,
    bytes_done: usize,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        map: &'a str,
        head: SyncResponse,
        request: &SyncRequest,
        limits: &Limits,
    ) -> Self {
        let full = PageMax {
            items: limits.page_ops_max.max(1) * FULL_PAGES_MAX,
            bytes: limits.page_bytes_max * FULL_PAGES_MAX,
        };
        let max = PageMax::of(request, limits);
        let page = Page::new(head.clone());
        Self {
            map,
            head,
            max,
            full,
            page,
            items: 0,
            bytes: 0,
            done: Vec::new(),
            ops_done: 0,
            bytes_done: 0,
        }
    }

    /// Lets parts that are no operations fill a page up to its bytes, unless fewer are asked for.
    pub(super) fn of_small_parts(mut self, request: &SyncRequest) -> Self {
        if request.max_items == 0 {
            self.max.items = usize::MAX;
        }
        self
    }

    /// Whether this is as much as one request is answered.
    pub(super) fn is_full(&self) -> bool {
        self.ops_done + self.page.ops_len() >= self.full.items
            || self.bytes_done + self.bytes >= self.full.bytes
    }

    pub(super) fn op(&mut self, record: &RecordRef<'_>) {
        self.turn(op_bytes(self.map, record));
        self.page.push(self.map, record);
    }

    pub(super) fn bucket(&mut self, prefix: &Prefix, totals: &Totals) {
        self.turn(AROUND_BYTES + usize::from(prefix.digits()));
        let hash = fingerprint(totals).to_vec().into();
        let path = prefix.to_string();
        self.page.rest.buckets.push(Bucket { path, hash, count: totals.count });
    }

    pub(super) fn digest(&mut self, record: &RecordRef<'_>, leaf: &Leaf) {
        self.turn(AROUND_BYTES + TIMESTAMP_BYTES + record.key.len());
        self.page.rest.keys.push(KeyDigest {
            key: record.key.into(),
            timestamp: record.hlc.to_string(),
            hash: leaf.short().to_vec().into(),
        });
    }

    pub(super) fn missing_key(&mut self, key: &str) {
        self.turn(AROUND_BYTES + key.len());
        self.page.rest.missing_keys.push(key.into());
    }

    pub(super) fn want_key(&mut self, key: &str) {
        self.turn(AROUND_BYTES + key.len());
        self.page.rest.want_keys.push(key.into());
    }

    /// The first bytes of leaves, as many as are wanted.
    pub(super) fn want_leaves(&mut self, leaves: Vec<u8>) {
        if !leaves.is_empty() {
            self.turn(AROUND_BYTES + leaves.len());
            self.page.rest.want_leaves = leaves.into();
        }
    }

    /// A message of range reconciliation.
    pub(super) fn range(&mut self, message: Vec<u8>) {
        self.turn(AROUND_BYTES + message.len());
        self.page.rest.range_message = message.into();
    }

    /// The answer, its last page with this status.
    pub(super) fn finish(mut self, status: Status) -> Vec<Page> {
        self.page.rest.status = status.into();
        self.done.push(self.page);
        self.done
    }

    /// Makes room for a part of so many bytes: on this page, or on the next.
    fn turn(&mut self, bytes: usize) {
        let fits = self.items < self.max.items && self.bytes + bytes <= self.max.bytes;
        if self.items > 0 && !fits {
            let next = Page::new(self.head.clone());
            let mut page = std::mem::replace(&mut self.page, next);
            page.rest.more = true;
            self.ops_done += page.ops_len();
            self.bytes_done += self.bytes;
            self.done.push(page);
            (self.items, self.bytes) = (0, 0);
        }
        self.items += 1;
        self.bytes += bytes;
    }
}
