//! PULL_SINCE and feeds: what changed after a cursor.
//!
//! Of each key only the newest change is there. A page reads a bounded number of records, also when
//! few of them are meant.

use super::{
    super::{
        command::{Fed, Feed},
        cursor::{Cursor, CursorFault},
        digest::fingerprint,
        fault::Fault,
        page::Page,
        proto::{ErrorCode, SyncRequest, SyncResponse, sync_response::Status},
        stored::StoredRef,
        window::Changes,
    },
    failure::Failure,
    map::{Map, read, stored},
    pages::{PageMax, op_bytes},
};
use crate::dialect::{Collections, Unreadable};

/// How many records one page looks at, at most, when only keys that begin alike are asked for.
pub(super) const SCAN_RECORDS_MAX: usize = 4096;

const BAD_CURSOR: Fault =
    Fault::new(ErrorCode::CursorInvalid, "the cursor is damaged: start with an empty one");

/// How far a page came.
struct Reached {
    /// The number of the last change looked at.
    seq: u64,
    more: bool,
}

impl Map {
    /// From which number on changes are told to somebody who is at `cursor`, if they still can be.
    ///
    /// A cursor of a map that was not written yet, or none, is the beginning; one beyond the end, from
    /// before a backup was put back, is taken as the end: the root hash tells what differs.
    fn after(&self, cursor: &Cursor) -> Option<u64> {
        let Cursor { generation, seq, base } = *cursor;
        if generation == 0 {
            return (seq == 0).then_some(0);
        }
        let is_known = generation == self.meta.generation;
        // Whoever began with nothing misses nothing that was forgotten before that.
        let is_told = seq >= self.meta.floor || base == self.meta.floor || self.lately.has(base);
        (is_known && is_told).then_some(seq.min(self.last_seq()))
    }

    /// The cursor of somebody who has all up to a number and began where that can still be told.
    fn reached(&self, seq: u64) -> Cursor {
        Cursor::new(self.meta.generation, seq, self.meta.floor)
    }

    /// One page of PULL_SINCE. The last one says the root hash.
    pub(super) fn answer_pull(
        &mut self,
        request: &SyncRequest,
        collections: &impl Collections,
    ) -> Result<Vec<Page>, Failure> {
        let cursor = match &*request.cursor {
            [] => Some(Cursor::default()),
            bytes => match Cursor::parse(&self.name, bytes) {
                Ok(cursor) => Some(cursor),
                Err(CursorFault::Invalid) => return Err(BAD_CURSOR.into()),
                Err(CursorFault::Foreign) => None,
            },
        };
        let Some(after) = cursor.and_then(|cursor| self.after(&cursor)) else {
            return Ok(vec![self.reset(request)]);
        };
        let max = PageMax::of(request, &self.settings.limits);
        let mut page = Page::default();
        let reached = self.changes(after, &request.key_prefix, max, collections, |stored| {
            page.push(&self.name, &stored.record);
        })?;
        page.rest = self.pulled(request, &reached, collections)?;
        Ok(vec![page])
    }

    /// What a page says besides its operations.
    fn pulled(
        &mut self,
        request: &SyncRequest,
        reached: &Reached,
        collections: &impl Collections,
    ) -> Result<SyncResponse, Failure> {
        if reached.more {
            let cursor = self.reached(reached.seq).to_bytes(&self.name).into();
            let head = self.head(request, &self.index);
            return Ok(SyncResponse {
                cursor,
                more: true,
                root_hash: [].as_slice().into(),
                ..head
            });
        }
        match self.tree(&request.key_prefix, collections) {
            Ok(index) => {
                let (root, count) = (fingerprint(&index.root()), index.root().count);
                let head = self.head(request, &self.index);
                Ok(SyncResponse { root_hash: root.to_vec().into(), count, ..head })
            }
            // There is no tree of these keys: then there is no proof either.
            Err(Failure::Refused(_)) => {
                let head = self.head(request, &self.index);
                Ok(SyncResponse { root_hash: [].as_slice().into(), count: 0, ..head })
            }
            Err(unreadable) => Err(unreadable),
        }
    }

    fn reset(&self, request: &SyncRequest) -> Page {
        let head = self.head(request, &self.index);
        let status = Status::ResetRequired.into();
        let rest = SyncResponse { status, cursor: [].as_slice().into(), ..head };
        Page::new(rest)
    }

    /// Changes for a session, of at most a page.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(super) fn feed(
        &self,
        feed: &Feed,
        collections: &impl Collections,
    ) -> Result<Fed, Unreadable> {
        let Some(after) = self.after(&feed.after) else {
            let position = self.position();
            return Ok(Fed { changes: Vec::new(), position, more: false, reset: true });
        };
        let max = PageMax::new(feed.ops_max, feed.bytes_max, &self.settings.limits);
        let mut changes = Changes::default();
        let reached = self.changes(after, &feed.key_prefix, max, collections, |stored| {
            changes.push(self.reached(stored.seq), &self.name, &stored.record);
        })?;
        let more = reached.more;
        let position = if more { self.reached(reached.seq) } else { self.position() };
        Ok(Fed { changes: changes.finish(0).collect(), position, more, reset: false })
    }

    /// Calls `each` with the changes after a number, of keys that begin so, ascending, as many as a page
    /// holds.
    fn changes(
        &self,
        after: u64,
        key_prefix: &str,
        max: PageMax,
        collections: &impl Collections,
        mut each: impl FnMut(&StoredRef<'_>),
    ) -> Result<Reached, Unreadable> {
        let (mut reached, mut items, mut bytes) = (Reached { seq: after, more: false }, 0, 0);
        for (looked, (seq, path)) in self.index.changes(after).enumerate() {
            if items == max.items || looked == SCAN_RECORDS_MAX.max(max.items) {
                reached.more = true;
                break;
            }
            let found = read(path, collections)?;
            let stored = stored(&found)?;
            if stored.record.key.starts_with(key_prefix) {
                bytes += op_bytes(&self.name, &stored.record);
                if items > 0 && bytes > max.bytes {
                    reached.more = true;
                    break;
                }
                items += 1;
                each(&stored);
            }
            reached.seq = seq;
        }
        Ok(reached)
    }
}
