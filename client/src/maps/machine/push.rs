//! Sending what waits: when, how often, and what is done about pushes that fail as a whole.

use std::time::Duration;

use syncline_protocol::dialects::maps::proto::{
    Ack, ErrorCode, ErrorMessage, OperationMessage, SyncRequest, envelope::Payload,
    sync_request::Type,
};

use super::{
    super::replica::{MapName, Replica},
    Ended, Machine, Now,
    batch::{Batch, Filling},
    course::Step,
    verdict::{is_final, refusal},
};

impl Machine {
    /// When something is to be pushed; `None` when nothing is, or it cannot be.
    pub(super) fn push_due(&self) -> Option<Duration> {
        let peer = self.link.peer()?;
        let pushes = &self.pushes;
        if pushes.is_held() {
            let until = pushes.paused_until.unwrap_or(Duration::ZERO);
            return pushes.in_flight.is_empty().then_some(until);
        }
        if pushes.dirty.is_empty() || pushes.in_flight.len() >= peer.in_flight_max {
            return None;
        }
        let idle = pushes.in_flight.is_empty();
        let due = pushes.window.due(idle, pushes.size.bounds());
        if pushes.urgent { Some(Duration::ZERO) } else { due }
    }

    /// Sends what is to be sent now.
    pub(super) fn push(&mut self, replica: &mut impl Replica, now: Now) -> Result<(), Ended> {
        if self.pushes.is_held() && self.push_due().is_some_and(|due| due <= now.at) {
            self.resume(replica, now)?;
        }
        if self.pushes.is_held() || self.push_due().is_none_or(|due| due > now.at) {
            return Ok(());
        }
        self.pushes.urgent = true;
        let mut sent = None;
        while self.push_due().is_some() {
            let mut drained = Vec::new();
            let filling = self.fill(replica, &mut drained)?;
            if filling.bytes > self.pushes.message_bytes_max {
                self.refuse(replica, filling, now)?;
            } else if !filling.sent.is_empty() {
                self.send_push(filling, now);
                sent = Some(now.at);
            }
            for map in drained {
                self.drained(replica, &map);
            }
        }
        if self.pushes.dirty.is_empty() {
            self.pushes.urgent = false;
            self.pushes.window.sent(sent);
        }
        Ok(())
    }

    fn send_push(&mut self, filling: Filling, now: Now) {
        let Filling { sent, mut ops, .. } = filling;
        let single = if ops.len() == 1 { ops.pop() } else { None };
        let number = self.send(single.map_or_else(|| push_of(ops), Payload::Op));
        let deadline = now.at + self.rules.ack_timeout;
        self.owes(now);
        self.pushes.in_flight.push_back(Batch { number, sent, deadline });
    }

    /// A write that alone is more than the server takes in a message would end every connection: it is
    /// refused here, as the server would have.
    fn refuse(
        &mut self,
        replica: &mut impl Replica,
        filling: Filling,
        now: Now,
    ) -> Result<(), Ended> {
        let batch = Batch { number: 0, sent: filling.sent, deadline: now.at };
        let results = vec![refusal(ErrorCode::TooLarge)];
        self.acked(replica, batch, true, &Ack { results, ..Ack::default() }, now)
    }

    /// Everything of a map that can be sent is on its way.
    fn drained(&mut self, replica: &impl Replica, map: &MapName) {
        let newest = self.pushes.in_flight.back().map_or(0, |batch| batch.number);
        if let Some(course) = self.courses.get_mut(map)
            && matches!(course.step, Step::Push(None))
        {
            course.step = Step::Push(Some(newest));
        }
        self.advance(replica, map);
    }

    /// A map goes on if what it waited for was answered.
    pub(super) fn advance(&mut self, replica: &impl Replica, map: &MapName) {
        let Some(course) = self.courses.get(map) else { return };
        match course.step {
            Step::Push(Some(newest)) if !self.pushes.flies(map, newest) => {
                self.after_push(replica, map);
            }
            Step::Heal if course.wanted.is_empty() && course.healing == 0 => {
                self.after_push(replica, map);
            }
            _ => {}
        }
    }

    /// Once nothing is under way: writes are stamped anew, and what failed is sent again.
    fn resume(&mut self, replica: &mut impl Replica, now: Now) -> Result<(), Ended> {
        self.pushes.paused_until = None;
        self.restamp(replica, now)?;
        for map in std::mem::take(&mut self.pushes.again) {
            if let Some(course) = self.courses.get_mut(&map) {
                course.sent = 0;
            }
            self.dirty(&map);
        }
        self.pushes.urgent = true;
        Ok(())
    }

    fn restamp(&mut self, replica: &mut impl Replica, now: Now) -> Result<(), Ended> {
        let ahead = std::mem::take(&mut self.pushes.ahead);
        let Some((server, peer)) = self.server_clock.clone().zip(self.link.peer()) else {
            return Ok(());
        };
        if !ahead.is_empty() {
            let above_ms = server.millis.saturating_add(peer.drift_max_ms);
            replica.restamp(&ahead, &server, above_ms, now.wall)?;
            // They may have won here against what wins against them now.
            for (map, ..) in &ahead {
                if let Some(course) = self.courses.get_mut(map) {
                    course.equal = false;
                    course.prove_at.get_or_insert(now.at);
                }
            }
            let maps: Vec<MapName> = self.courses.keys().cloned().collect();
            maps.iter().for_each(|map| self.dirty(map));
        }
        Ok(())
    }

    /// Nothing is pushed for a while: maps that wait for it go on without.
    pub(super) fn pause(&mut self, replica: &impl Replica, after: Duration, now: Now) {
        let wait = self.pushes.retries.after(Duration::ZERO, self.chance.next()).max(after);
        let until = now.at + wait;
        let former = self.pushes.paused_until.unwrap_or(Duration::ZERO);
        self.pushes.paused_until = Some(until.max(former));
        let pushing =
            self.courses.iter().filter(|(_, c)| matches!(c.step, Step::Push(_) | Step::Heal));
        for map in pushing.map(|(map, _)| map.clone()).collect::<Vec<_>>() {
            self.after_push(replica, &map);
        }
    }

    /// The server refuses a push as a whole.
    pub(super) fn push_failed(
        &mut self,
        replica: &mut impl Replica,
        batch: Batch,
        in_time: bool,
        error: &ErrorMessage,
        now: Now,
    ) -> Result<(), Ended> {
        let code = ErrorCode::try_from(error.code).unwrap_or_default();
        if is_final(code) && batch.sent.len() == 1 {
            let result = refusal(code);
            let ack = Ack { results: vec![result], durable: true, ..Ack::default() };
            return self.acked(replica, batch, in_time, &ack, now);
        }
        if in_time {
            self.landed(&batch);
        }
        self.again(&batch);
        if is_final(code) {
            self.pushes.size.shrink(batch.sent.len());
        } else {
            let after = self.retry_after(error);
            self.pause(replica, after, now);
        }
        Ok(())
    }

    /// A push counts as not sent.
    fn again(&mut self, batch: &Batch) {
        for sent in batch.sent.iter().filter(|sent| sent.heals) {
            if let Some(course) = self.courses.get_mut(&sent.map) {
                course.wanted.push_back(sent.path);
            }
        }
        self.pushes.again.extend(batch.maps());
    }

    /// Gives up pushes that are late.
    pub(super) fn check_pushes(&mut self, replica: &impl Replica, now: Now) {
        let late = |batch: &Batch| batch.deadline <= now.at;
        if !self.pushes.in_flight.front().is_some_and(late) {
            return;
        }
        for batch in self.pushes.give_up() {
            self.pushes.size.shrink(batch.sent.len());
            self.landed(&batch);
            self.again(&batch);
        }
        self.pause(replica, Duration::ZERO, now);
    }
}

fn push_of(ops: Vec<OperationMessage>) -> Payload {
    // One map is named; operations of several name their own.
    let first = ops.first().map_or("", |op| &*op.map_name);
    let map_name = if ops.iter().all(|op| op.map_name == first) { first } else { "" }.to_owned();
    let kind = Type::Push as i32;
    Payload::SyncReq(SyncRequest { r#type: kind, map_name, ops, ..SyncRequest::default() })
}
