//! Changes as they come: whether one follows on what is here, or something between was missed.

use std::time::Duration;

use syncline_protocol::dialects::maps::proto::{
    OperationBatch, OperationMessage, Subscribe, Unsubscribe, envelope::Payload,
};

use super::{
    super::replica::{MapName, Mark, Replica},
    Ended, Machine, Now,
    course::{Reading, Step},
};

/// Gaps in a row that are closed at once.
const GAPS_AT_ONCE: u32 = 3;

impl Machine {
    /// Changes of a map have come.
    pub(super) fn changes(
        &mut self,
        replica: &mut impl Replica,
        batch: OperationBatch,
        now: Now,
    ) -> Result<(), Ended> {
        let OperationBatch { ops, cursor, prev_cursor } = batch;
        let name = ops.first().map(|op| op.map_name.clone()).unwrap_or_default();
        // It may have been closed since.
        let Some((map, _)) = self.courses.get_key_value(&*name) else { return Ok(()) };
        let map = MapName::clone(map);
        let records = self.records(&map, ops)?;
        let former = replica.cursor(&map).unwrap_or_default();
        let reads_all = replica.replacing(&map) || self.reads_all(&map);
        let follows = !cursor.is_empty() && prev_cursor == former && !reads_all;
        // What came behind a gap counts, too; only the cursor stays.
        let mark = Mark { cursor: follows.then_some(cursor), watermark: None };
        replica.merge(&map, records, mark)?;
        if follows {
            if let Some(course) = self.courses.get_mut(&map) {
                course.gaps = 0;
                course.gap_waits.reset();
            }
        } else {
            self.gap(&map, now);
        }
        Ok(())
    }

    /// Something was missed: it is asked for, unless that is under way.
    fn gap(&mut self, map: &MapName, now: Now) {
        let random = self.chance.next();
        let Some(course) = self.courses.get_mut(map) else { return };
        course.equal = false;
        if !matches!(course.step, Step::Live) {
            return;
        }
        course.gaps = course.gaps.saturating_add(1);
        if course.gaps > GAPS_AT_ONCE {
            let wait = course.gap_waits.after(Duration::ZERO, random);
            self.go(map, Step::Wait);
            self.wake(map, Some(now.at + wait));
        } else {
            self.go(map, Step::Pull(Reading::Changes));
        }
    }

    /// Whether a map reads everything: then it has no cursor to follow on.
    fn reads_all(&self, map: &str) -> bool {
        self.courses.get(map).is_some_and(|course| {
            matches!(course.step, Step::Pull(Reading::All | Reading::Replace)) || course.reset
        })
    }

    /// A change of a map has come from a server that has no cursors, or sends one at a time.
    pub(super) fn change(
        &mut self,
        replica: &mut impl Replica,
        op: OperationMessage,
    ) -> Result<(), Ended> {
        let Some((map, _)) = self.courses.get_key_value(&*op.map_name) else { return Ok(()) };
        let map = MapName::clone(map);
        let records = self.records(&map, vec![op])?;
        replica.merge(&map, records, Mark::default())?;
        Ok(())
    }

    /// Changes of a map are not wanted any more.
    pub(super) fn unsubscribe(&mut self, map: &MapName) {
        if self.link.peer().is_some_and(|peer| peer.extended) {
            let (map_name, key_prefix) = (map.to_string(), String::new());
            self.send(Payload::Unsubscribe(Unsubscribe { map_name, key_prefix }));
            self.left.insert(map.clone());
        }
    }

    /// Changes of a map are wanted again: after it was left, reading it is not enough to say so.
    pub(super) fn subscribe_again(&mut self, map: &MapName) {
        if self.left.remove(map) {
            let map_name = map.to_string();
            self.send(Payload::Subscribe(Subscribe { map_name, ..Subscribe::default() }));
        }
    }
}
