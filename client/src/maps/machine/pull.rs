//! Reading what is new by a cursor, or everything.

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{
    SyncResponse, envelope::Payload, sync_request::Type, sync_response::Status,
};

use super::{
    super::replica::{MapName, Mark, Replica},
    Ended, Machine, Now,
    asked::{Asked, Question},
    course::{Reading, Repair, Step},
    wire,
};

/// Repairs in a row, of a map at a server without cursors.
const REPAIRS_MAX: u32 = 3;
/// Pages in a row that may hold nothing.
const EMPTY_PAGES_MAX: u32 = 1000;

impl Machine {
    /// Asks what is new. A server without cursors is asked for its tree.
    pub(super) fn ask_changes(
        &mut self,
        replica: &mut impl Replica,
        map: &MapName,
        reading: Reading,
        now: Now,
    ) -> Result<(), Ended> {
        let cursors = self.link.peer().is_some_and(|peer| peer.cursors);
        let Some(course) = self.courses.get_mut(map) else { return Ok(()) };
        if !cursors || course.without_cursor {
            course.repairs += 1;
            if course.repairs > REPAIRS_MAX {
                self.unequal(map, now);
            } else {
                let walk = self.walk(replica, map, 0);
                self.go(map, Step::Repair(Repair::Buckets(Box::new(walk))));
            }
            return Ok(());
        }
        // After a kill nobody knows what had come.
        let begins = reading == Reading::Replace && course.reading.is_none();
        if begins {
            replica.begin_replace(map)?;
            course.reset = false;
        }
        let cursor = match reading {
            Reading::Changes => replica.cursor(map),
            Reading::All | Reading::Replace => course.reading.clone(),
        };
        let bounds = self.rules.batch;
        let mut request = wire::request(Type::PullSince, map);
        let from = cursor.unwrap_or_default();
        request.cursor = from.clone();
        request.max_items = u32::try_from(bounds.ops_max).unwrap_or(u32::MAX);
        request.max_bytes = u32::try_from(bounds.bytes_max).unwrap_or(u32::MAX);
        let number = self.send(Payload::SyncReq(request));
        self.asks(replica, map, number, Question::Pull(reading, from), now);
        Ok(())
    }

    /// A page has come.
    pub(super) fn pulled(
        &mut self,
        replica: &mut impl Replica,
        asked: &Asked,
        (reading, from): (Reading, &Bytes),
        mut response: SyncResponse,
        now: Now,
    ) -> Result<(), Ended> {
        let map = &asked.map;
        if !matches!(self.courses.get(map).map(|course| &course.step), Some(Step::Pull(_))) {
            return Ok(());
        }
        if response.status == Status::Unspecified as i32 {
            self.wait(map, std::time::Duration::ZERO, now);
            return Ok(());
        }
        if response.more && *from == response.cursor {
            return Err(Ended::Violation("a page that leads nowhere"));
        }
        let records = self.records(map, std::mem::take(&mut response.ops))?;
        self.check_page(map, records.is_empty() && response.more)?;
        let watermark = wire::watermark(&response.gc_watermark);
        let cursor = Some(response.cursor.clone()).filter(|cursor| !cursor.is_empty());
        let whole = Mark { cursor: cursor.clone(), watermark: watermark.clone() };
        let part = Mark { cursor: None, watermark };
        let last = !response.more;
        match reading {
            Reading::Changes => replica.merge(map, records, whole)?,
            Reading::All => replica.merge(map, records, if last { whole } else { part })?,
            Reading::Replace => {
                replica.merge(map, records, part)?;
                if last {
                    replica.end_replace(map, whole)?;
                }
            }
        }
        let Some(course) = self.courses.get_mut(map) else { return Ok(()) };
        course.retries.reset();
        course.reading = cursor.filter(|_| !last && reading != Reading::Changes);
        if last {
            return self.prove(replica, asked, &response, now);
        }
        self.enqueue(map);
        Ok(())
    }

    fn check_page(&mut self, map: &MapName, empty: bool) -> Result<(), Ended> {
        let Some(course) = self.courses.get_mut(map) else { return Ok(()) };
        course.empty_pages = if empty { course.empty_pages + 1 } else { 0 };
        if course.empty_pages > EMPTY_PAGES_MAX {
            return Err(Ended::Violation("pages of nothing without end"));
        }
        Ok(())
    }
}
