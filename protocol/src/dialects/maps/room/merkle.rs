//! MERKLE_HASH_REQ: the hashes of parts of the tree.

use super::{
    super::{
        digest::{Prefix, fingerprint},
        fault::Fault,
        index::Index,
        page::Page,
        proto::{ErrorCode, SyncRequest, sync_response::Status},
    },
    failure::Failure,
    map::Map,
    pages::Pages,
};

/// Digits of the deepest bucket, when the request does not say.
const DEPTH: u32 = 3;
const DEPTH_MAX: u32 = 8;
const LEVELS_MAX: u32 = 3;

/// How many buckets an answer has before it ends, but always all below one path.
pub(super) const BUCKETS_MAX: usize = 1 << 15;

const BAD_DEPTH: Fault = Fault::new(ErrorCode::BadRequest, "depth must be 1 to 8, or 0 for 3");
const BAD_LEVELS: Fault = Fault::new(ErrorCode::BadRequest, "levels must be 1 to 3, or 0 for 1");
const BAD_PATH: Fault =
    Fault::new(ErrorCode::BadRequest, "a path must be 0 to 32 lower-case hexadecimal digits");
const TOO_MANY: Fault = Fault::new(ErrorCode::TooLarge, "too many paths at once");

impl Map {
    /// The buckets below each path in the order of the paths; of the deepest level asked for, and none that is
    /// empty. A path as deep as the tree is answered with its own bucket. When it ends as PARTIAL, the
    /// paths behind the last that has a bucket here are asked for again.
    pub(super) fn answer_merkle(
        &self,
        request: &SyncRequest,
        index: &Index,
    ) -> Result<Vec<Page>, Failure> {
        let depth = within(request.depth, DEPTH, DEPTH_MAX).ok_or(BAD_DEPTH)?;
        let levels = within(request.levels, 1, LEVELS_MAX).ok_or(BAD_LEVELS)?;
        let limits = &self.settings.limits;
        let paths = paths(request, limits.paths_max)?;
        let head = self.head(request, index);
        let mut pages = Pages::new(&self.name, head, request, limits).of_small_parts(request);
        if *request.root_hash == fingerprint(&index.root()) {
            return Ok(pages.finish(Status::InSync));
        }
        let mut buckets = 0;
        for path in paths {
            if buckets >= BUCKETS_MAX || pages.is_full() {
                return Ok(pages.finish(Status::Partial));
            }
            let levels = levels.min(depth.saturating_sub(path.digits()));
            for (prefix, totals) in index.children(&path, levels) {
                pages.bucket(&prefix, &totals);
                buckets += 1;
            }
        }
        Ok(pages.finish(Status::Ok))
    }
}

/// A figure from 1 to `max`, or what stands for 0.
fn within(asked: u32, default: u32, max: u32) -> Option<u8> {
    let figure = if asked == 0 { default } else { asked };
    (figure <= max).then_some(figure as u8)
}

/// The paths of a request; the root when it has none.
pub(super) fn paths(request: &SyncRequest, paths_max: usize) -> Result<Vec<Prefix>, Fault> {
    if request.paths.len() > paths_max {
        return Err(TOO_MANY);
    }
    if request.paths.is_empty() {
        return Ok(vec![Prefix::ROOT]);
    }
    request.paths.iter().map(|path| Prefix::parse(path).ok_or(BAD_PATH)).collect()
}
