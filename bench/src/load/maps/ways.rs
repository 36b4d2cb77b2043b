//! The three ways in which a client finds out what it missed. Questions and answers; what they cost is counted
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use syncline_protocol::dialects::maps::{
    Index, Prefix, fingerprint,
    proto::{OperationMessage, SyncRequest, SyncResponse, sync_request::Type},
    range::{Initiator, RANGE_BYTES},
};

use super::{
    asker::Asker,
    wire::{self, Connections},
};
use crate::error::Error;

/// A bucket of more records is asked for its parts.
const BUCKET_RECORDS: u64 = 64;
/// Levels asked for at once where buckets are large.
const LEVELS: u8 = 2;
/// Buckets of one answer, and paths of one question.
const BUCKETS_MAX: usize = 1 << 15;
const PATHS_MAX: usize = 4096;

/// How a client finds out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// By where it was.
    Cursor,
    /// By ranges of hashes.
    Ranges,
    /// By the tree of buckets.
    Buckets,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::Cursor, Self::Ranges, Self::Buckets];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cursor => "cursor",
            Self::Ranges => "range",
            Self::Buckets => "buckets",
        }
    }
}

/// A client and what it has.
pub(super) struct Client<'a> {
    pub(super) map: &'a str,
    pub(super) index: &'a Index,
    pub(super) cursor: &'a [u8],
    pub(super) asker: &'a mut Asker,
    pub(super) sockets: &'a mut Connections,
}

/// What it found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Operations that the server sent.
    pub(super) ops: Vec<OperationMessage>,
    /// The root of the server, as it said last.
    pub(super) root: Vec<u8>,
}

impl Found {
    fn take(&mut self, parts: &mut [SyncResponse]) {
        for part in parts {
            self.ops.append(&mut part.ops);
            if !part.root_hash.is_empty() {
                self.root = part.root_hash.to_vec();
            }
        }
    }
}

impl Client<'_> {
    /// Finds out in one of the ways.
    pub(super) fn find(&mut self, way: Way) -> Result<Found, Error> {
        let mut found = Found::default();
        match way {
            Way::Cursor => self.pull(&mut found)?,
            Way::Ranges => self.compare_ranges(&mut found)?,
            Way::Buckets => self.compare_buckets(&mut found)?,
        }
        Ok(found)
    }

    fn ask(&mut self, request: SyncRequest) -> Result<Vec<SyncResponse>, Error> {
        self.asker.ask(self.sockets, request)
    }

    fn pull(&mut self, found: &mut Found) -> Result<(), Error> {
        let mut request = wire::request(Type::PullSince, self.map);
        request.cursor = self.cursor.to_vec().into();
        loop {
            let mut parts = self.ask(request.clone())?;
            request.cursor = parts[0].cursor.clone();
            let more = parts[0].more;
            found.take(&mut parts);
            if !more {
                return Ok(());
            }
        }
    }

    fn compare_ranges(&mut self, found: &mut Found) -> Result<(), Error> {
        let (mut initiator, first) = Initiator::start(self.index, RANGE_BYTES);
        let mut next = Some(first);
        while let Some(message) = next {
            let mut request = wire::request(Type::Range, self.map);
            request.range_message = message.into();
            let mut parts = self.ask(request)?;
            found.take(&mut parts);
            let came = parts.iter().rev().find(|part| !part.range_message.is_empty());
            let came = came.map_or(&[][..], |part| &part.range_message);
            let bad = |bad| Error::Violation(format!("a range message: {bad}"));
            next = initiator.step(self.index, came).map_err(bad)?.next;
        }
        Ok(())
    }

    fn compare_buckets(&mut self, found: &mut Found) -> Result<(), Error> {
        let depth = depth(self.index.len() as u64);
        let (mut open, mut small) = (vec![Prefix::ROOT], Vec::new());
        let mut largest = self.index.len() as u64;
        while let Some(digits) = open.first().map(Prefix::digits) {
            let levels = if largest / 16 > BUCKET_RECORDS { LEVELS } else { 1 };
            let levels = levels.min(depth - digits);
            largest = 0;
            let mut deeper = Vec::new();
            for paths in open.chunks(PATHS_MAX.min(BUCKETS_MAX >> (4 * levels))) {
                let mut parts = self.ask(self.tree_question(paths, depth, levels))?;
                for (prefix, records) in self.differing(paths, levels, &parts)? {
                    if records > BUCKET_RECORDS && prefix.digits() < depth {
                        largest = largest.max(records);
                        deeper.push(prefix);
                    } else {
                        small.push(prefix);
                    }
                }
                found.take(&mut parts);
            }
            open = deeper;
        }
        for paths in small.chunks(1000) {
            let mut request = wire::request(Type::BucketKeys, self.map);
            request.paths = paths.iter().map(Prefix::to_string).collect();
            let mine = paths.iter().flat_map(|path| self.index.entries(path));
            request.have_leaves =
                mine.flat_map(|entry| entry.leaf.short()).collect::<Vec<u8>>().into();
            found.take(&mut self.ask(request)?);
        }
        Ok(())
    }

    fn tree_question(&self, paths: &[Prefix], depth: u8, levels: u8) -> SyncRequest {
        let mut request = wire::request(Type::MerkleHashReq, self.map);
        let named = paths.iter().filter(|path| path.digits() > 0);
        request.paths = named.map(Prefix::to_string).collect();
        request.root_hash = fingerprint(&self.index.root()).to_vec().into();
        (request.depth, request.levels) = (depth.into(), levels.into());
        request
    }

    /// The buckets below these that are not the same on both sides, with how many records they have. None
    /// when the answer has none: then the roots are the same.
    fn differing(
        &self,
        paths: &[Prefix],
        levels: u8,
        parts: &[SyncResponse],
    ) -> Result<Vec<(Prefix, u64)>, Error> {
        let mut theirs = BTreeMap::new();
        for bucket in parts.iter().flat_map(|part| &part.buckets) {
            let bad = || Error::Violation(format!("a bucket at {}", bucket.path));
            let prefix = Prefix::parse(&bucket.path).ok_or_else(bad)?;
            theirs.insert(prefix, (&bucket.hash[..], bucket.count));
        }
        if theirs.is_empty() {
            return Ok(Vec::new());
        }
        let children = paths.iter().flat_map(|path| self.index.children(path, levels));
        let ours: BTreeMap<_, _> = children.collect();
        let both: BTreeSet<_> = ours.keys().chain(theirs.keys()).copied().collect();
        let differs = |prefix: Prefix| {
            let our_hash = ours.get(&prefix).map(fingerprint);
            let same = our_hash.as_ref().map(|hash| &hash[..]) == theirs.get(&prefix).map(|b| b.0);
            let count = ours.get(&prefix).map_or(0, |totals| totals.count);
            let records = theirs.get(&prefix).map_or(0, |bucket| bucket.1).max(count);
            (!same).then_some((prefix, records))
        };
        Ok(both.into_iter().filter_map(differs).collect())
    }
}

/// Digits at which a bucket of a map of so many records has few.
fn depth(records: u64) -> u8 {
    (3..8).find(|depth| records >> (4 * depth) <= BUCKET_RECORDS / 2).unwrap_or(8)
}
