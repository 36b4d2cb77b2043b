//! Requests of reconciliation: which tree is meant, and what every answer says.

use super::{
    super::{
        command::Synced,
        digest::fingerprint,
        fault::Fault,
        index::{Entry, Index},
        proto::{ErrorCode, SyncRequest, SyncResponse, sync_request::Type, sync_response::Status},
    },
    failure::Failure,
    map::{Map, read, stored},
    views::VIEW_RECORDS_MAX,
};
use crate::dialect::{Collections, UnixMillis};

const NOT_A_REQUEST: Fault = Fault::new(ErrorCode::Unsupported, "no such sync request");
const TOO_LARGE_A_MAP: Fault = Fault::new(
    ErrorCode::Unsupported,
    "the map is too large for hashes of a keyPrefix: use PULL_SINCE, or the whole map's hashes",
);

impl Map {
    /// Answers a request. Work for at most a few thousand records, plus once for each new `keyPrefix` of a
    /// small map for all of it.
    pub(super) fn sync(
        &mut self,
        request: &SyncRequest,
        now: UnixMillis,
        collections: &impl Collections,
    ) -> Result<Synced, Failure> {
        let pages = match request.r#type() {
            Type::Get => self.answer_get(request, now, collections)?,
            Type::PullSince => self.answer_pull(request, collections)?,
            Type::MerkleHashReq => {
                self.tree(&request.key_prefix, collections)?;
                self.answer_merkle(request, self.kept_tree(&request.key_prefix))?
            }
            Type::BucketKeys => {
                self.tree(&request.key_prefix, collections)?;
                self.answer_buckets(request, self.kept_tree(&request.key_prefix), collections)?
            }
            Type::Range => {
                self.tree(&request.key_prefix, collections)?;
                self.answer_range(request, self.kept_tree(&request.key_prefix), collections)?
            }
            Type::Unspecified | Type::Push => return Err(NOT_A_REQUEST.into()),
        };
        Ok(Synced { pages, position: self.position() })
    }

    /// What every response says of this tree.
    pub(super) fn head(&self, request: &SyncRequest, index: &Index) -> SyncResponse {
        let totals = index.root();
        SyncResponse {
            status: Status::Ok.into(),
            r#type: request.r#type,
            map_name: self.name.to_string(),
            root_hash: fingerprint(&totals).to_vec().into(),
            count: totals.count,
            cursor: self.position().to_bytes(&self.name).into(),
            gc_watermark: self.meta.watermark(),
            ..SyncResponse::default()
        }
    }

    /// The tree of the keys that begin so; made if need be, which reads all of a map that must be small.
    pub(super) fn tree(
        &mut self,
        key_prefix: &str,
        collections: &impl Collections,
    ) -> Result<&Index, Failure> {
        if key_prefix.is_empty() {
            return Ok(&self.index);
        }
        if self.views.find(key_prefix).is_none() {
            let index = self.make_tree(key_prefix, collections)?;
            self.views.keep(key_prefix, index);
        }
        Ok(self.kept_tree(key_prefix))
    }

    /// The tree that [`Map::tree`] found or made just before.
    fn kept_tree(&self, key_prefix: &str) -> &Index {
        self.views.last(key_prefix).unwrap_or(&self.index)
    }

    fn make_tree(
        &self,
        key_prefix: &str,
        collections: &impl Collections,
    ) -> Result<Index, Failure> {
        if self.index.len() > VIEW_RECORDS_MAX {
            return Err(TOO_LARGE_A_MAP.into());
        }
        let mut entries: Vec<Entry> = Vec::new();
        for entry in self.index.entries(&super::super::digest::Prefix::ROOT) {
            let bytes = read(entry.path, collections)?;
            if stored(&bytes)?.record.key.starts_with(key_prefix) {
                entries.push(entry);
            }
        }
        Ok(Index::from_entries(entries))
    }
}
