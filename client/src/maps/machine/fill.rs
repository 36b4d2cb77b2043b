//! Filling a push: what waits, and what the server was found not to have, fairly among the maps.

use prost::Message as _;
use syncline_protocol::dialects::maps::proto::OperationMessage;

use super::{
    super::replica::{Bounds, MapName, Pending, Replica},
    Ended, Machine,
    batch::{Filling, Sent},
};

/// Operations that a map adds to a push while others wait.
const TURN_OPS: usize = 128;
/// What an operation takes in a message beside its own bytes.
const AROUND_OP: usize = 6;

/// What came of filling a push from one map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filled {
    /// The map has no more.
    All,
    /// Its turn is over.
    Turn,
    /// The push has no room.
    Full,
}

impl Machine {
    /// Fills a push; `drained` tells of the maps that have no more.
    pub(super) fn fill(
        &mut self,
        replica: &impl Replica,
        drained: &mut Vec<MapName>,
    ) -> Result<Filling, Ended> {
        let mut filling = Filling::default();
        let Bounds { ops_max, .. } = self.pushes.size.bounds();
        while filling.ops.len() < ops_max
            && let Some(map) = self.pushes.dirty.pop_front()
        {
            let left = ops_max - filling.ops.len();
            let turn = if self.pushes.dirty.is_empty() { left } else { left.min(TURN_OPS) };
            match self.fill_from(replica, &map, turn, &mut filling)? {
                Filled::All => {
                    if let Some(course) = self.courses.get_mut(&map) {
                        course.dirty = false;
                    }
                    drained.push(map);
                }
                Filled::Turn => self.pushes.dirty.push_back(map),
                Filled::Full => {
                    self.pushes.dirty.push_back(map);
                    break;
                }
            }
        }
        Ok(filling)
    }

    /// Adds up to `turn` operations of a map.
    fn fill_from(
        &mut self,
        replica: &impl Replica,
        map: &MapName,
        turn: usize,
        filling: &mut Filling,
    ) -> Result<Filled, Ended> {
        let end = filling.ops.len() + turn;
        while filling.ops.len() < end {
            let Some(course) = self.courses.get(map) else { return Ok(Filled::All) };
            let bounds = self.pushes.size.bounds();
            let bytes_max = bounds.bytes_max.saturating_sub(filling.bytes).max(1);
            let asked = Bounds { ops_max: end - filling.ops.len(), bytes_max };
            let waiting = replica.pending(map, course.sent, asked)?;
            if waiting.is_empty() {
                return self.fill_wanted(replica, map, end, filling);
            }
            for Pending { order, path, hlc, op } in waiting.into_iter().take(asked.ops_max) {
                let sent = Sent { map: map.clone(), path, hlc, heals: false };
                if !self.fits(sent, op, filling) {
                    return Ok(Filled::Full);
                }
                let Some(course) = self.courses.get_mut(map) else { return Ok(Filled::All) };
                course.sent = order.max(course.sent + 1);
                course.flying += 1;
            }
        }
        Ok(Filled::Turn)
    }

    /// Adds records that the server was found not to have.
    fn fill_wanted(
        &mut self,
        replica: &impl Replica,
        map: &MapName,
        end: usize,
        filling: &mut Filling,
    ) -> Result<Filled, Ended> {
        while filling.ops.len() < end {
            let Some(course) = self.courses.get_mut(map) else { return Ok(Filled::All) };
            let Some(path) = course.wanted.pop_front() else { return Ok(Filled::All) };
            // What is not durable yet is sent when it is, as any write.
            let Some(record) = replica.durable(map, path)? else { continue };
            let op = record.to_op(map);
            let sent = Sent { map: map.clone(), path, hlc: record.hlc, heals: true };
            let fits = self.fits(sent, op, filling);
            let Some(course) = self.courses.get_mut(map) else { return Ok(Filled::All) };
            if !fits {
                course.wanted.push_front(path);
                return Ok(Filled::Full);
            }
            course.healing += 1;
            course.flying += 1;
        }
        Ok(Filled::Turn)
    }

    /// Adds an operation, if there is room: there always is for one.
    fn fits(&self, sent: Sent, op: OperationMessage, filling: &mut Filling) -> bool {
        let bytes = filling.bytes + op.encoded_len() + AROUND_OP;
        let room = bytes <= self.pushes.size.bounds().bytes_max || filling.ops.is_empty();
        if room {
            filling.bytes = bytes;
            filling.ops.push(op);
            filling.sent.push(sent);
        }
        room
    }
}
