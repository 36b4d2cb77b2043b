//! BUCKET_KEYS: what differs in some buckets, and RANGE: what differs anywhere.
//!
//! Both send what the asker lacks in the same answer.

use std::cmp::Ordering;

use super::{
    super::{
        digest::{Leaf, Path},
        fault::Fault,
        index::{Entry, Index},
        page::Page,
        proto::{ErrorCode, SyncRequest, sync_response::Status},
        range::{self, RANGE_BYTES},
    },
    failure::Failure,
    map::{Map, read, stored},
    merkle::paths,
    pages::Pages,
    scope::Scope,
    theirs::Theirs,
};
use crate::dialect::Collections;

/// How many records one request is compared with, at most.
pub(super) const COMPARED_MAX: usize = 1 << 16;

/// How many digests one request is answered, at most.
pub(super) const DIGESTS_MAX: usize = 1 << 13;

const TOO_LARGE: Fault =
    Fault::new(ErrorCode::TooLarge, "too many records below these paths: ask for fewer or longer");
const BAD_RANGE: Fault =
    Fault::new(ErrorCode::BadRequest, "rangeMessage is no negentropy message of version 1");

impl Map {
    /// Compares what lies below the paths. Of an asker who says what he has, the records that he lacks or of
    /// which ours win come as operations, and those of which his win are wanted or missing; an asker who says
    /// nothing gets our digests.
    ///
    /// When it ends as PARTIAL, nothing is wanted or missing yet: he merges what came, and asks the same again
    /// with what he has then.
    pub(super) fn answer_buckets(
        &self,
        request: &SyncRequest,
        index: &Index,
        collections: &impl Collections,
    ) -> Result<Vec<Page>, Failure> {
        let limits = &self.settings.limits;
        let scope = Scope::of(paths(request, limits.paths_max)?);
        let mut theirs = Theirs::of(request, &scope, limits.items_max)?;
        let head = self.head(request, index);
        let mut pages = Pages::new(&self.name, head, request, limits);
        if theirs.is_silent() {
            pages = pages.of_small_parts(request);
        }
        let compared_max = if theirs.is_silent() { DIGESTS_MAX } else { COMPARED_MAX };
        let mut wanted = Vec::new();
        let mut compared = 0;
        for (first, last) in scope.ranges() {
            for entry in index.entries_between(first, last) {
                compared += 1;
                if compared > compared_max {
                    return Err(TOO_LARGE.into());
                }
                if pages.is_full() && !theirs.is_silent() {
                    return Ok(pages.finish(Status::Partial));
                }
                self.compare(&entry, &mut theirs, &mut wanted, &mut pages, collections)?;
            }
        }
        wanted.iter().for_each(|key| pages.want_key(key));
        for digest in theirs.rest() {
            if digest.hlc.millis < self.meta.watermark_ms {
                pages.missing_key(digest.key);
            } else {
                pages.want_key(digest.key);
            }
        }
        pages.want_leaves(theirs.unmet());
        Ok(pages.finish(Status::Ok))
    }

    /// Compares one record with what the asker has.
    fn compare<'a>(
        &self,
        entry: &Entry,
        theirs: &mut Theirs<'a>,
        wanted: &mut Vec<&'a str>,
        pages: &mut Pages<'_>,
        collections: &impl Collections,
    ) -> Result<(), Failure> {
        let Entry { path, leaf, counted, .. } = entry;
        if theirs.is_silent() {
            return if *counted { self.tell(*path, leaf, pages, collections) } else { Ok(()) };
        }
        let digest = theirs.take(*path);
        if digest.as_ref().is_some_and(|digest| digest.is(leaf)) || theirs.meet(leaf) {
            return Ok(());
        }
        // A tombstone that left the tree is not lacked, but may be what ended a record of which only the
        // leaf is said.
        if digest.is_none() && !counted && !theirs.has_leaves() {
            return Ok(());
        }
        let bytes = read(*path, collections)?;
        let record = stored(&bytes)?.record;
        let Some(digest) = digest else {
            pages.op(&record);
            return Ok(());
        };
        match record.hlc.cmp(&digest.hlc) {
            Ordering::Greater => pages.op(&record),
            Ordering::Less => wanted.push(digest.key),
            // Which of two wins cannot be told from digests: both get both.
            Ordering::Equal if digest.differs(leaf) => {
                pages.op(&record);
                wanted.push(digest.key);
            }
            Ordering::Equal => {}
        }
        Ok(())
    }

    /// Adds the digest of a record.
    fn tell(
        &self,
        path: Path,
        leaf: &Leaf,
        pages: &mut Pages<'_>,
        collections: &impl Collections,
    ) -> Result<(), Failure> {
        let bytes = read(path, collections)?;
        pages.digest(&stored(&bytes)?.record, leaf);
        Ok(())
    }

    /// Answers a message of range reconciliation, with the records that the asker is seen to lack.
    ///
    /// When it ends as PARTIAL, not all of those are there: he merges what came, and begins again.
    pub(super) fn answer_range(
        &self,
        request: &SyncRequest,
        index: &Index,
        collections: &impl Collections,
    ) -> Result<Vec<Page>, Failure> {
        let bytes_max = match request.max_bytes {
            0 => RANGE_BYTES,
            asked => RANGE_BYTES.min(asked as usize),
        };
        let message = &request.range_message;
        let answered = range::answer(index, message, bytes_max).map_err(|_| BAD_RANGE)?;
        let head = self.head(request, index);
        let mut pages = Pages::new(&self.name, head, request, &self.settings.limits);
        pages.range(answered.message);
        for path in answered.lacking {
            if pages.is_full() {
                return Ok(pages.finish(Status::Partial));
            }
            let bytes = read(path, collections)?;
            pages.op(&stored(&bytes)?.record);
        }
        Ok(pages.finish(Status::Ok))
    }
}
