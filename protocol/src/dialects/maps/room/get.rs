//! GET: the records of some keys.

use super::{
    super::{
        digest::Path,
        fault::Fault,
        page::Page,
        proto::{ErrorCode, SyncRequest, sync_response::Status},
    },
    failure::Failure,
    map::{Map, as_of, read, stored},
    pages::Pages,
};
use crate::dialect::{Collections, UnixMillis};

const TOO_MANY: Fault = Fault::new(ErrorCode::TooLarge, "too many keys at once");
const SAME_PATH: Fault = Fault::new(ErrorCode::Internal, "another key has the same path");

impl Map {
    /// Every key is in the answer, as an operation or as missing, unless it ends as PARTIAL: then those that
    /// are in neither are asked for again. At most [`Limits::paths_max`](super::super::Limits) keys.
    pub(super) fn answer_get(
        &self,
        request: &SyncRequest,
        now: UnixMillis,
        collections: &impl Collections,
    ) -> Result<Vec<Page>, Failure> {
        let limits = &self.settings.limits;
        if request.keys.len() > limits.paths_max {
            return Err(TOO_MANY.into());
        }
        let mut pages = Pages::new(&self.name, self.head(request, &self.index), request, limits);
        for key in &request.keys {
            if pages.is_full() {
                return Ok(pages.finish(Status::Partial));
            }
            let path = Path::of(key);
            if self.index.get(path).is_none() {
                pages.missing_key(key);
                continue;
            }
            let bytes = read(path, collections)?;
            let record = stored(&bytes)?.record;
            if record.key != key {
                return Err(SAME_PATH.into());
            }
            pages.op(&as_of(record, now));
        }
        Ok(pages.finish(Status::Ok))
    }
}
