//! Requests that read a map: checked, asked, answered.
//!
//! Whoever reads a map follows it from then on: the change that comes just after is not missed, because
//! the map is watched before it is read. Knows no record.

use super::{
    Asked, INTERNAL, Session,
    answers::{Got, How, Messages, Ready, Then},
    say::Failure,
    writes::FORBIDDEN,
};
use crate::dialects::maps::{
    command::{Answer, Command, Synced},
    cursor::{CURSOR_BYTES_MAX, Cursor},
    fault::Fault,
    page::Page,
    permissions::Op,
    proto::{ErrorCode, SyncRequest, sync_request::Type, sync_response::Status},
    settings::{Limits, is_map_name},
};

/// The most digits of a bucket's path that can be asked for, and the most levels at once.
const DEPTH_MAX: u32 = 8;
const LEVELS_MAX: u32 = 3;
/// Bytes of a root hash, and of a leaf in `haveLeaves`.
const ROOT_BYTES: usize = 16;
const LEAF_BYTES: usize = 8;

const fn bad(message: &'static str) -> Fault {
    Fault::new(ErrorCode::BadRequest, message)
}

const BAD_MAP: Fault = bad("mapName must have 1 to 128 of A-Z a-z 0-9 _ . : / -");
const BAD_DEPTH: Fault = bad("depth must be at most 8, levels at most 3");
const BAD_ROOT: Fault = bad("rootHash must have 16 bytes");
const BAD_LEAVES: Fault = bad("haveLeaves must have 8 bytes for each");
const LONG_PREFIX: Fault = Fault::new(ErrorCode::TooLarge, "keyPrefix is too long");
const LONG_CURSOR: Fault = Fault::new(ErrorCode::CursorInvalid, "the cursor is too long");

/// A map that is being read for a request.
pub(super) struct Reading {
    place: u64,
    map: Box<str>,
    kind: Type,
    key_prefix: Box<str>,
    /// The number under which the client follows the map when it gets the answer, if it does.
    follows: Option<u64>,
}

fn check(request: &SyncRequest, limits: &Limits) -> Result<(), Fault> {
    if !is_map_name(&request.map_name) {
        return Err(BAD_MAP);
    }
    if request.key_prefix.len() > limits.key_bytes_max {
        return Err(LONG_PREFIX);
    }
    if request.depth > DEPTH_MAX || request.levels > LEVELS_MAX {
        return Err(BAD_DEPTH);
    }
    if ![0, ROOT_BYTES].contains(&request.root_hash.len()) {
        return Err(BAD_ROOT);
    }
    if !request.have_leaves.len().is_multiple_of(LEAF_BYTES) {
        return Err(BAD_LEAVES);
    }
    if request.cursor.len() > CURSOR_BYTES_MAX {
        return Err(LONG_CURSOR);
    }
    Ok(())
}

/// How many requests a request to read counts as: more when it brings a map much work. A thousand records
/// looked up count as one, and a tree that may have to be made of its own keys as three.
pub(super) fn cost(request: &SyncRequest) -> u32 {
    let parts = request.keys.len() + request.have.len() + request.paths.len();
    let records = parts + request.have_leaves.len() / LEAF_BYTES / 8;
    let tree = if request.key_prefix.is_empty() { 0 } else { 3 };
    u32::try_from(1 + tree + records / 1024).unwrap_or(u32::MAX)
}

impl Session {
    pub(super) fn begin_reading(&mut self, place: u64, request: Box<SyncRequest>) {
        if let Err(fault) = check(&request, self.limits()) {
            return self.fail(place, fault);
        }
        if !self.may(&request.map_name, Op::Read) {
            return self.fail(place, FORBIDDEN);
        }
        let kind = request.r#type();
        let map: Box<str> = request.map_name.as_str().into();
        let key_prefix: Box<str> = request.key_prefix.as_str().into();
        let shows = matches!(kind, Type::Get | Type::MerkleHashReq | Type::PullSince);
        let follows = shows && !self.once;
        let follows = follows.then(|| self.begin_watch(&map, false)).flatten();
        let reading = Reading { place, map: map.clone(), kind, key_prefix, follows };
        self.ask(&map, Command::Sync(request), Asked::Read(reading));
    }

    /// What a map says to a request.
    pub(super) fn read(&mut self, reading: Reading, outcome: Result<Answer, Failure>) {
        let failure = match outcome {
            Ok(Answer::Synced(synced)) => return self.show(reading, synced),
            Ok(Answer::Refused(fault)) => fault.into(),
            Ok(_) => INTERNAL,
            Err(failure) => failure,
        };
        if let Some(number) = reading.follows {
            self.unwatch_after_failure(&reading.map, number);
        }
        self.fail(reading.place, failure);
    }

    fn show(&mut self, reading: Reading, synced: Synced) {
        let then = reading.follows.map(|number| self.then(&reading, number, &synced));
        let then = then.unwrap_or_default();
        let (server_time, once) = (self.server_time(), self.once);
        let Some(open) = self.answers.find(reading.place) else { return };
        let id = std::mem::take(&mut open.correlation_id);
        let mut pages = synced.pages;
        if once {
            join(&mut pages);
        }
        let mut messages: Vec<_> = pages
            .into_iter()
            .map(|mut page| {
                page.rest.server_time.clone_from(&server_time);
                page.encode(&id)
            })
            .collect();
        let messages = match messages.pop() {
            Some(only) if messages.is_empty() => Messages::One(only),
            Some(last) => {
                messages.push(last);
                Messages::Many(messages)
            }
            None => Messages::None,
        };
        self.answer(reading.place, Ready { messages, then });
    }

    /// What the client has when it gets an answer.
    fn then(&mut self, reading: &Reading, number: u64, synced: &Synced) -> Then {
        let Some(last) = synced.pages.last().map(|page| &page.rest) else { return Then::Nothing };
        if !matches!(last.status(), Status::Ok | Status::InSync | Status::Partial) {
            self.unwatch_after_failure(&reading.map, number);
            return Then::Nothing;
        }
        // The very bytes that the client keeps, for those it compares with what it is told later.
        let pulled = (reading.kind == Type::PullSince)
            .then(|| Cursor::parse(&reading.map, &last.cursor).unwrap_or(synced.position));
        let (up_to, how) = match pulled {
            None => (synced.position, How::Look),
            Some(cursor) if last.more => (cursor, How::Page),
            Some(cursor) => (cursor, How::Whole),
        };
        self.watches.has_answer(&reading.map, number);
        let (map, key_prefix) = (reading.map.clone(), reading.key_prefix.clone());
        Then::Got(Got { map, number, key_prefix, up_to, how })
    }
}

/// Makes one page of several, for a request that has one answer.
fn join(pages: &mut Vec<Page>) {
    let mut rest = std::mem::take(pages).into_iter();
    let Some(mut whole) = rest.next() else { return };
    rest.for_each(|page| whole.append(page));
    pages.push(whole);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_brings_much_work_counts_as_several() {
        let of = |change: fn(&mut SyncRequest)| {
            let mut request = SyncRequest::default();
            change(&mut request);
            cost(&request)
        };
        assert_eq!(of(|_| {}), 1);
        assert_eq!(of(|r| r.keys = vec!["k".into(); 1000]), 1);
        assert_eq!(of(|r| r.have_leaves = vec![0; 8 * 4096].into()), 1);
        assert_eq!(of(|r| r.keys = vec!["k".into(); 4096]), 5);
        assert_eq!(of(|r| r.key_prefix = "k".into()), 4);
        assert_eq!(of(|r| r.have_leaves = vec![0; 8 << 16].into()), 9);
    }

    #[test]
    fn sizes_are_checked_before_a_map_is_asked() {
        let limits = Limits::default();
        let with = |change: fn(&mut SyncRequest)| {
            let mut request = SyncRequest { map_name: "m".into(), ..SyncRequest::default() };
            change(&mut request);
            check(&request, &limits)
        };
        assert_eq!(with(|_| {}), Ok(()));
        assert_eq!(with(|r| r.map_name = "~".into()), Err(BAD_MAP));
        assert_eq!(with(|r| r.map_name.clear()), Err(BAD_MAP));
        assert_eq!(with(|r| r.depth = 9), Err(BAD_DEPTH));
        assert_eq!(with(|r| (r.depth, r.levels) = (8, 3)), Ok(()));
        assert_eq!(with(|r| r.levels = 4), Err(BAD_DEPTH));
        assert_eq!(with(|r| r.root_hash = vec![0; 15].into()), Err(BAD_ROOT));
        assert_eq!(with(|r| r.root_hash = vec![0; 16].into()), Ok(()));
        assert_eq!(with(|r| r.have_leaves = vec![0; 12].into()), Err(BAD_LEAVES));
        assert_eq!(with(|r| r.key_prefix = "k".repeat(1025)), Err(LONG_PREFIX));
        assert_eq!(with(|r| r.cursor = vec![1; CURSOR_BYTES_MAX + 1].into()), Err(LONG_CURSOR));
    }
}
