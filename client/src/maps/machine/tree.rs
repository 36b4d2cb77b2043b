//! Finding out where a map differs by buckets: what follows from the answers, both ways.

use syncline_protocol::dialects::maps::{
    Hlc, Index, Path, Record, fingerprint,
    proto::{KeyDigest, SyncResponse, sync_request::Type, sync_response::Status},
};

use super::{
    super::replica::Replica,
    Ended, Machine, Now,
    asked::Asked,
    buckets::{Buckets, Foreign},
    course::{Repair, Step},
};
use crate::kept::StateError;

/// What follows from an answer about keys or records.
#[derive(Debug, Default)]
struct Found {
    /// The server does not have these.
    wanted: Vec<Path>,
    /// The server has forgotten these as removed.
    gone: Vec<Path>,
    /// The server's may win against ours.
    fetch: Vec<String>,
}

impl From<Foreign> for Ended {
    fn from(Foreign(why): Foreign) -> Self {
        Self::Violation(why)
    }
}

impl Machine {
    /// An answer about buckets, keys or records, or a part of it.
    pub(super) fn bucketed(
        &mut self,
        replica: &mut impl Replica,
        asked: &Asked,
        mut response: SyncResponse,
        now: Now,
    ) -> Result<(), Ended> {
        let map = &asked.map;
        self.take_ops(replica, map, &mut response)?;
        if response.status == Status::InSync as i32 {
            return self.prove(replica, asked, &response, now);
        }
        let course = self.courses.get_mut(map);
        let Some((course, index)) = course.zip(replica.index(map)) else { return Ok(()) };
        let Step::Repair(Repair::Buckets(walk)) = &mut course.step else { return Ok(()) };
        let mut found = Found::default();
        if walk.asks_tree() {
            walk.buckets(std::mem::take(&mut response.buckets))?;
            if !response.more {
                walk.compare(index)?;
            }
        } else {
            found.take(walk, replica, map, index, &response)?;
            walk.fetch(found.fetch)?;
        }
        let same = walk.asks_tree() && *response.root_hash == fingerprint(&index.root());
        replica.forget(map, &found.gone)?;
        self.want(map, found.wanted);
        if response.more {
            return Ok(());
        }
        if same {
            return self.prove(replica, asked, &response, now);
        }
        self.enqueue(map);
        Ok(())
    }
}

impl Found {
    fn take(
        &mut self,
        walk: &mut Buckets,
        replica: &impl Replica,
        map: &str,
        index: &Index,
        response: &SyncResponse,
    ) -> Result<(), StateError> {
        let watermark = replica.watermark(map);
        let covered = |key: &String| Some(Path::of(key)).filter(|path| walk.covers(*path));
        self.wanted = walk.with_leaves(index, &response.want_leaves);
        self.wanted.extend(response.want_keys.iter().filter_map(covered));
        for path in response.missing_keys.iter().filter_map(covered) {
            self.missing(replica.record(map, path)?, path, watermark.as_ref());
        }
        if response.r#type == Type::BucketKeys as i32 && walk.asks_keys() {
            for digest in &response.keys {
                self.compare(walk, replica, map, index, digest)?;
            }
            let rest = if response.more { Vec::new() } else { walk.unlisted(index) };
            for path in rest {
                self.missing(replica.record(map, path)?, path, watermark.as_ref());
            }
        }
        Ok(())
    }

    /// The server does not have a record: it never had it, lost it, or forgot it as removed.
    fn missing(&mut self, record: Option<Record>, path: Path, watermark: Option<&Hlc>) {
        let Some(record) = record else { return };
        if watermark.is_some_and(|watermark| record.hlc < *watermark) {
            self.gone.push(path);
        } else {
            self.wanted.push(path);
        }
    }

    /// What the server has under a key, beside what is here.
    fn compare(
        &mut self,
        walk: &mut Buckets,
        replica: &impl Replica,
        map: &str,
        index: &Index,
        theirs: &KeyDigest,
    ) -> Result<(), StateError> {
        let path = Path::of(&theirs.key);
        if !walk.lists(path) {
            return Ok(());
        }
        let ours = index.get(path);
        if ours.is_some_and(|entry| *theirs.hash == entry.leaf.short()) {
            return Ok(());
        }
        let ours = replica.record(map, path)?.map(|record| record.hlc);
        let theirs_hlc = Hlc::parse(&theirs.timestamp).ok();
        if ours <= theirs_hlc {
            self.fetch.push(theirs.key.clone());
        }
        // Of one timestamp, nobody knows which wins.
        if ours.is_some() && ours >= theirs_hlc {
            self.wanted.push(path);
        }
        Ok(())
    }
}
