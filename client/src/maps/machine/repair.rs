//! Finding out where a map differs: the questions, and what is common to the answers.

use bytes::Bytes;
use syncline_protocol::dialects::maps::{
    Path, fingerprint,
    proto::{SyncRequest, SyncResponse, envelope::Payload, sync_request::Type},
};

use super::{
    super::replica::{MapName, Mark, Replica},
    Ended, Machine, Now,
    asked::Question,
    buckets::{Ask, Buckets, Manner},
    course::{Reading, Repair, Step},
    wire,
};

/// Records that wait to be sent because the server does not have them; more are found next time.
const WANTED_MAX: usize = 1 << 20;

impl Machine {
    /// A walk down the tree of a map that has so many records at the server.
    pub(super) fn walk(&self, replica: &impl Replica, map: &str, theirs: u64) -> Buckets {
        let ours = replica.index(map).map_or(0, |index| index.root().count);
        let compact = self.link.peer().is_some_and(|peer| peer.extended);
        let manner = Manner {
            levels_max: if compact { self.rules.levels_max } else { 1 },
            records_max: self.rules.bucket_records_max,
            rounds_max: self.rules.rounds_max,
            compact,
        };
        Buckets::new(manner, ours.max(theirs))
    }

    /// Asks the next question of a repair.
    pub(super) fn ask_repair(
        &mut self,
        replica: &mut impl Replica,
        map: &MapName,
        now: Now,
    ) -> Result<(), Ended> {
        let Some(index) = replica.index(map) else { return Ok(()) };
        let Some(course) = self.courses.get_mut(map) else { return Ok(()) };
        let Step::Repair(repair) = &mut course.step else { return Ok(()) };
        let ask = match repair {
            Repair::Ranges(_) => return self.ask_ranges(replica, map, now),
            Repair::Buckets(walk) => walk.ask(index),
        };
        let root = fingerprint(&index.root());
        let request = match ask {
            Ask::Nothing => {
                self.heal(replica, map);
                return Ok(());
            }
            Ask::TooMuch => {
                self.read_all(replica, map, now);
                return Ok(());
            }
            ask => request_for(ask, map, &root),
        };
        let number = self.send(Payload::SyncReq(request));
        self.asks(replica, map, number, Question::Buckets, now);
        Ok(())
    }

    /// Too much differs for questions about parts.
    fn read_all(&mut self, replica: &impl Replica, map: &MapName, now: Now) {
        let cursors = self.link.peer().is_some_and(|peer| peer.cursors);
        let Some(course) = self.courses.get_mut(map) else { return };
        if cursors && !course.without_cursor {
            course.reading = None;
            self.go(map, Step::Pull(Reading::All));
        } else if course.wanted.is_empty() {
            self.differs(replica, map, 0, now);
        } else {
            self.heal(replica, map);
        }
    }

    /// What the server was found not to have goes to it; then the map is compared again.
    pub(super) fn heal(&mut self, replica: &impl Replica, map: &MapName) {
        self.go(map, Step::Heal);
        self.dirty(map);
        self.pushes.urgent = true;
        self.advance(replica, map);
    }

    /// Records of this end that the server does not have.
    pub(super) fn want(&mut self, map: &MapName, paths: impl IntoIterator<Item = Path>) {
        let Some(course) = self.courses.get_mut(map) else { return };
        for path in paths {
            if course.wanted.len() < WANTED_MAX && !course.unwelcome.contains(&path) {
                course.wanted.push_back(path);
            }
        }
    }

    /// Merges the operations of an answer.
    pub(super) fn take_ops(
        &mut self,
        replica: &mut impl Replica,
        map: &MapName,
        response: &mut SyncResponse,
    ) -> Result<(), Ended> {
        let records = self.records(map, std::mem::take(&mut response.ops))?;
        let mark = Mark { cursor: None, watermark: wire::watermark(&response.gc_watermark) };
        if !records.is_empty() || mark.watermark.is_some() {
            replica.merge(map, records, mark)?;
        }
        Ok(())
    }
}

/// The request that asks this; for nothing, one that asks for the root.
fn request_for(ask: Ask, map: &str, root: &[u8]) -> SyncRequest {
    let mut request = wire::request(Type::MerkleHashReq, map);
    match ask {
        Ask::Tree { paths, depth, levels } => {
            request.depth = depth.into();
            request.levels = if levels > 1 { levels.into() } else { 0 };
            if paths.is_empty() {
                request.root_hash = Bytes::copy_from_slice(root);
            }
            request.paths = wire::paths(&paths);
        }
        Ask::Leaves { paths, leaves } => {
            request.r#type = Type::BucketKeys as i32;
            request.paths = wire::paths(&paths);
            request.have_leaves = leaves;
        }
        Ask::Keys { paths } => {
            request.r#type = Type::BucketKeys as i32;
            request.paths = wire::paths(&paths);
        }
        Ask::Records { keys } => {
            request.r#type = Type::Get as i32;
            request.keys = keys;
        }
        Ask::Nothing | Ask::TooMuch => {}
    }
    request
}
