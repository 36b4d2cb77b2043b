//! The directory: which maps the client may read, and the root hash of each.
//!
//! Asks the registry for names and each map for its root; a few at a time, so that one request does not
//! bring all maps into memory at once.

use std::collections::VecDeque;

use super::{
    Asked, INTERNAL, Session,
    say::{self, Failure},
};
use crate::dialects::maps::{
    command::{Answer, Command, LIST_MAPS_MAX},
    permissions::Op,
    proto::{Bucket, SyncResponse, sync_request::Type, sync_response::Status},
};

/// How many maps are asked at once.
const AT_ONCE: usize = 16;

/// The most maps in one directory; with more the answer is PARTIAL.
pub(super) const MAPS_MAX: usize = 1000;

/// How many requests a directory counts as: it may bring many maps into memory.
pub(super) const TOKENS: u32 = 8;

/// A directory being made.
#[derive(Debug, Default)]
pub(super) struct Listing {
    names: VecDeque<Box<str>>,
    /// Maps that have been asked and have not answered.
    asked: usize,
    buckets: Vec<Bucket>,
    partial: bool,
}

impl Session {
    pub(super) fn list(&mut self, place: u64) {
        self.listings.insert(place, Listing::default());
        self.ask_names(place, "".into());
    }

    fn ask_names(&mut self, place: u64, after: Box<str>) {
        let list = Command::List { after, maps_max: LIST_MAPS_MAX };
        self.ask_registry(list, Asked::Names { place });
    }

    /// What maps the registry knows.
    pub(super) fn listed(&mut self, place: u64, outcome: Result<Answer, Failure>) {
        let (maps, more) = match outcome {
            Ok(Answer::Listed { maps, more }) => (maps, more),
            other => return self.no_listing(place, other),
        };
        let after = maps.last().cloned().filter(|_| more);
        let mut readable: VecDeque<_> =
            maps.into_iter().filter(|map| self.may(map, Op::Read)).collect();
        let Some(listing) = self.listings.get_mut(&place) else { return };
        listing.names.append(&mut readable);
        listing.partial = listing.names.len() > MAPS_MAX;
        listing.names.truncate(MAPS_MAX);
        match after {
            Some(after) if !listing.partial => self.ask_names(place, after),
            _ => self.sum_up(place),
        }
    }

    /// Asks the next maps, or says what they have answered.
    fn sum_up(&mut self, place: u64) {
        loop {
            let Some(listing) = self.listings.get_mut(&place) else { return };
            if listing.asked >= AT_ONCE {
                return;
            }
            let Some(map) = listing.names.pop_front() else { break };
            listing.asked += 1;
            self.ask(&map.clone(), Command::Position, Asked::Summary { place, map });
        }
        if self.listings.get(&place).is_some_and(|listing| listing.asked == 0) {
            self.show_listing(place);
        }
    }

    /// What a map says of itself.
    pub(super) fn summed_up(&mut self, place: u64, map: &str, outcome: Result<Answer, Failure>) {
        let (root, count) = match outcome {
            Ok(Answer::Position { root, count, .. }) => (root, count),
            other => return self.no_listing(place, other),
        };
        let Some(listing) = self.listings.get_mut(&place) else { return };
        listing.asked -= 1;
        let hash = bytes::Bytes::copy_from_slice(&root);
        listing.buckets.push(Bucket { path: map.into(), hash, count });
        self.sum_up(place);
    }

    fn no_listing(&mut self, place: u64, outcome: Result<Answer, Failure>) {
        self.listings.remove(&place);
        let failure = match outcome {
            Ok(Answer::Refused(fault)) => fault.into(),
            Ok(_) => INTERNAL,
            Err(failure) => failure,
        };
        self.fail(place, failure);
    }

    fn show_listing(&mut self, place: u64) {
        let Some(Listing { mut buckets, partial, .. }) = self.listings.remove(&place) else {
            return;
        };
        buckets.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        // Rights that were lost while it was made are lost here too.
        buckets.retain(|bucket| self.may(&bucket.path, Op::Read));
        let server_time = self.server_time();
        let Some(open) = self.answers.find(place) else { return };
        let id = std::mem::take(&mut open.correlation_id);
        let status = if partial { Status::Partial } else { Status::Ok };
        let response = SyncResponse {
            status: status.into(),
            r#type: Type::MerkleHashReq.into(),
            count: buckets.len() as u64,
            buckets,
            server_time,
            ..SyncResponse::default()
        };
        self.answer(place, say::sync_response(id, response));
    }
}
