//! Finding out where a map differs by ranges of its records (negentropy).

use bytes::Bytes;
use syncline_protocol::dialects::maps::{
    proto::{SyncResponse, envelope::Payload, sync_request::Type},
    range::{Initiator, RANGE_BYTES},
};

use super::{
    super::replica::{MapName, Replica},
    Ended, Machine, Now,
    asked::{Asked, Question},
    course::{Repair, Step},
    wire,
};

/// A reconciliation under way.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// `None` before the first question.
    initiator: Option<Initiator>,
    rounds: u32,
    /// The next question, when there is one.
    next: Option<Vec<u8>>,
    /// What came of the last answer.
    came: Bytes,
}

impl Machine {
    /// Asks the first question, or the next one.
    pub(super) fn ask_ranges(
        &mut self,
        replica: &impl Replica,
        map: &MapName,
        now: Now,
    ) -> Result<(), Ended> {
        let course = self.courses.get_mut(map);
        let Some((course, index)) = course.zip(replica.index(map)) else { return Ok(()) };
        let Step::Repair(Repair::Ranges(ranges)) = &mut course.step else { return Ok(()) };
        let message = match ranges.next.take() {
            Some(next) => next,
            None => {
                let (initiator, first) = Initiator::start(index, RANGE_BYTES);
                ranges.initiator = Some(initiator);
                first
            }
        };
        ranges.rounds += 1;
        let mut request = wire::request(Type::Range, map);
        request.range_message = message.into();
        let number = self.send(Payload::SyncReq(request));
        self.asks(replica, map, number, Question::Ranges, now);
        Ok(())
    }

    /// An answer about ranges, or a part of it.
    pub(super) fn ranged(
        &mut self,
        replica: &mut impl Replica,
        asked: &Asked,
        mut response: SyncResponse,
    ) -> Result<(), Ended> {
        let map = &asked.map;
        self.take_ops(replica, map, &mut response)?;
        let course = self.courses.get_mut(map);
        let Some((course, index)) = course.zip(replica.index(map)) else { return Ok(()) };
        let Step::Repair(Repair::Ranges(ranges)) = &mut course.step else { return Ok(()) };
        if !response.range_message.is_empty() {
            ranges.came = response.range_message;
        }
        if response.more {
            return Ok(());
        }
        let came = std::mem::take(&mut ranges.came);
        let Some(initiator) = ranges.initiator.as_mut().filter(|_| !came.is_empty()) else {
            self.heal(replica, map);
            return Ok(());
        };
        // What cannot be read here is found in another way.
        let stepped = initiator.step(index, &came).unwrap_or_default();
        ranges.next = stepped.next.filter(|_| ranges.rounds < self.rules.rounds_max);
        let over = ranges.next.is_none();
        self.want(map, stepped.have);
        if over {
            self.heal(replica, map);
        } else {
            self.enqueue(map);
        }
        Ok(())
    }
}
