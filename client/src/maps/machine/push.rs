//! Sending what waits: filling pushes, fairly among the maps, and taking their answers.

use std::{collections::BTreeMap, time::Duration};

use prost::Message as _;
use syncline_protocol::dialects::maps::proto::{
    Ack, ErrorCode, ErrorMessage, OperationMessage, SyncRequest, envelope::Payload,
    sync_request::Type,
};

use super::{
    super::replica::{Bounds, How, MapName, Pending, Replica, Settled},
    Ended, Machine, Now,
    batch::{Batch, Filling, Sent},
    course::Step,
    verdict::{Verdict, is_final, verdicts},
};

/// Operations that a map adds to a push while others wait.
const TURN_OPS: usize = 128;
/// What an operation takes in a message beside its own bytes.
const AROUND_OP: usize = 6;
/// Restamped writes at once.
const AHEAD_MAX: usize = 4096;

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
            if !filling.sent.is_empty() {
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

    fn fill(
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
            let Some(record) = replica.record(map, path)? else { continue };
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

    fn send_push(&mut self, filling: Filling, now: Now) {
        let Filling { sent, mut ops, .. } = filling;
        let single = if ops.len() == 1 { ops.pop() } else { None };
        let number = self.send(single.map_or_else(|| push_of(ops), Payload::Op));
        let deadline = now.at + self.rules.ack_timeout;
        self.owes(now);
        self.pushes.in_flight.push_back(Batch { number, sent, deadline });
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
        let pushing = self.courses.iter().filter(|(_, c)| matches!(c.step, Step::Push(_)));
        for map in pushing.map(|(map, _)| map.clone()).collect::<Vec<_>>() {
            self.after_push(replica, &map);
        }
    }

    /// The server has acknowledged something.
    pub(super) fn acked(
        &mut self,
        replica: &mut impl Replica,
        batch: Batch,
        in_time: bool,
        ack: &Ack,
        now: Now,
    ) -> Result<(), Ended> {
        self.server_time(replica, &ack.server_time, now);
        let verdicts = verdicts(ack, batch.sent.len())
            .map_err(|_| Ended::Violation("an acknowledgement of what was not sent"))?;
        if in_time {
            self.landed(&batch);
        }
        let later = verdicts.iter().any(|v| matches!(v, Verdict::Later | Verdict::Ahead));
        let kept = if ack.durable { How::Durable } else { How::InMemory };
        let mut settled: BTreeMap<MapName, Vec<Settled>> = BTreeMap::new();
        for (sent, verdict) in batch.sent.iter().zip(&verdicts) {
            let how = match verdict {
                Verdict::Kept => kept,
                Verdict::Refused(code) if !sent.heals => How::Rejected(*code),
                verdict => {
                    self.not_taken(replica, sent, *verdict)?;
                    continue;
                }
            };
            let Sent { map, path, hlc, .. } = sent.clone();
            settled.entry(map).or_default().push(Settled { path, hlc, how });
        }
        for (map, settled) in settled {
            replica.settle(&map, &settled)?;
            self.settled(replica, &map, kept, in_time)?;
        }
        if later {
            self.pause(replica, Duration::ZERO, now);
        } else if in_time {
            self.pushes.retries.reset();
            self.pushes.size.grow();
        }
        for map in batch.maps() {
            self.after_ack(replica, &map, now);
        }
        Ok(())
    }

    /// A push is not under way any more.
    pub(super) fn landed(&mut self, batch: &Batch) {
        for sent in &batch.sent {
            if let Some(course) = self.courses.get_mut(&sent.map) {
                course.flying = course.flying.saturating_sub(1);
                course.healing = course.healing.saturating_sub(usize::from(sent.heals));
            }
        }
        for map in batch.maps() {
            if let Some(course) = self.courses.get_mut(&map) {
                course.acks += 1;
            }
        }
    }

    /// One operation was not taken, or was one that heals.
    fn not_taken(
        &mut self,
        replica: &mut impl Replica,
        sent: &Sent,
        verdict: Verdict,
    ) -> Result<(), Ended> {
        let Some(course) = self.courses.get_mut(&sent.map) else { return Ok(()) };
        match verdict {
            // The server has forgotten it as removed; so does this end.
            Verdict::Refused(ErrorCode::BeyondGc) => replica.forget(&sent.map, &[sent.path])?,
            Verdict::Refused(_) | Verdict::Ahead if sent.heals => {
                course.unwelcome.insert(sent.path);
            }
            Verdict::Kept | Verdict::Refused(_) => {}
            Verdict::Ahead | Verdict::Later => {
                if sent.heals {
                    course.wanted.push_back(sent.path);
                } else if verdict == Verdict::Ahead && self.pushes.ahead.len() < AHEAD_MAX {
                    let write = (sent.map.clone(), sent.path, sent.hlc.clone());
                    self.pushes.ahead.push(write);
                }
                self.pushes.again.insert(sent.map.clone());
            }
        }
        Ok(())
    }

    fn settled(
        &mut self,
        replica: &mut impl Replica,
        map: &MapName,
        kept: How,
        in_time: bool,
    ) -> Result<(), Ended> {
        let Some(course) = self.courses.get_mut(map) else { return Ok(()) };
        match kept {
            // What was acknowledged before it in memory lies before it at the server.
            How::Durable if course.in_memory && in_time => {
                course.in_memory = false;
                replica.confirm(map)?;
            }
            How::InMemory => course.in_memory = true,
            How::Durable | How::Rejected(_) => {}
        }
        Ok(())
    }

    fn after_ack(&mut self, replica: &impl Replica, map: &MapName, now: Now) {
        self.advance(replica, map);
        let Some(course) = self.courses.get(map) else { return };
        let proof = course.in_memory || course.prove_at.is_some();
        let may = course.prove_at.is_none_or(|at| at <= now.at);
        if matches!(course.step, Step::Live) {
            let quiet = self.is_quiet(replica, map);
            if !replica.rejected(map, 1).is_empty() || (proof && may && quiet) {
                self.after_push(replica, map);
            }
        }
        if self.courses.get(map).is_some_and(|course| !course.wanted.is_empty()) {
            self.dirty(map);
            self.pushes.urgent = true;
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
            let result = super::verdict::refusal(code);
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
