//! What an asker says that he has in some buckets: digests of records, or leaves only.
//!
//! Knows the request's parts; nothing of what is kept here.

use std::collections::HashMap;

use super::{
    super::{
        digest::{Leaf, Path},
        fault::Fault,
        hlc::Hlc,
        proto::{ErrorCode, KeyDigest, SyncRequest},
    },
    scope::Scope,
};

/// The bytes of a leaf that stand for it.
const SHORT: usize = 8;

const BAD_LEAVES: Fault =
    Fault::new(ErrorCode::BadRequest, "haveLeaves must be 8 bytes for each record");
const BAD_TIMESTAMP: Fault =
    Fault::new(ErrorCode::BadTimestamp, "timestamp must be millis:counter:node");
const TOO_MANY: Fault = Fault::new(ErrorCode::TooLarge, "too many records at once");

/// A record of the asker.
pub(super) struct Digest<'a> {
    pub(super) key: &'a str,
    pub(super) hlc: Hlc,
    hash: &'a [u8],
}

impl Digest<'_> {
    /// Whether the asker's record may be another one with the same timestamp, as far as he says.
    pub(super) fn differs(&self, leaf: &Leaf) -> bool {
        !self.hash.is_empty() && self.hash != leaf.short()
    }

    /// Whether it is this record.
    pub(super) fn is(&self, leaf: &Leaf) -> bool {
        self.hash == leaf.short()
    }
}

/// What an asker has.
pub(super) struct Theirs<'a> {
    digests: HashMap<Path, Digest<'a>>,
    /// The beginnings of leaves, ascending, each with whether it was met here.
    leaves: Vec<(u64, bool)>,
    /// Whether he says anything at all.
    is_silent: bool,
}

impl<'a> Theirs<'a> {
    /// What a request says of the records in its scope.
    pub(super) fn of(
        request: &'a SyncRequest,
        scope: &Scope,
        items_max: usize,
    ) -> Result<Self, Fault> {
        if !request.have_leaves.len().is_multiple_of(SHORT) {
            return Err(BAD_LEAVES);
        }
        if request.have.len().max(request.have_leaves.len() / SHORT) > items_max {
            return Err(TOO_MANY);
        }
        let mut digests = HashMap::with_capacity(request.have.len());
        for KeyDigest { key, timestamp, hash } in &request.have {
            let path = Path::of(key);
            if scope.contains(path) {
                let hlc = Hlc::parse(timestamp).map_err(|_| BAD_TIMESTAMP)?;
                digests.insert(path, Digest { key, hlc, hash });
            }
        }
        let (leaves, _) = request.have_leaves.as_chunks::<SHORT>();
        let mut leaves: Vec<_> =
            leaves.iter().map(|leaf| (u64::from_be_bytes(*leaf), false)).collect();
        leaves.sort_unstable();
        leaves.dedup();
        let is_silent = request.have.is_empty() && leaves.is_empty();
        Ok(Self { digests, leaves, is_silent })
    }

    /// Whether he asks what there is, and says nothing of what he has.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Whether he says what he has by leaves.
    pub(super) fn has_leaves(&self) -> bool {
        !self.leaves.is_empty()
    }

    /// His digest for a path, once.
    pub(super) fn take(&mut self, path: Path) -> Option<Digest<'a>> {
        self.digests.remove(&path)
    }

    /// Whether he has a record of this leaf, which is then met.
    pub(super) fn meet(&mut self, leaf: &Leaf) -> bool {
        let short = u64::from_be_bytes(leaf.short());
        let found = self.leaves.binary_search_by_key(&short, |(leaf, _)| *leaf);
        found.is_ok_and(|at| {
            self.leaves[at].1 = true;
            true
        })
    }

    /// The digests that were not taken, by their keys.
    pub(super) fn rest(&self) -> Vec<&Digest<'a>> {
        let mut rest: Vec<_> = self.digests.values().collect();
        rest.sort_unstable_by_key(|digest| digest.key);
        rest
    }

    /// The leaves that were not met, one behind the other.
    pub(super) fn unmet(&self) -> Vec<u8> {
        let unmet = self.leaves.iter().filter(|(_, met)| !met);
        unmet.flat_map(|(leaf, _)| leaf.to_be_bytes()).collect()
    }
}
