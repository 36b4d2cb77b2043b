//! Which map does what next: steps, turns, timers and pauses. Knows no message.

use std::{sync::Arc, time::Duration};

use super::{
    super::replica::{MapName, Replica},
    Ended, Machine, Now,
    asked::{Asked, Question},
    course::{Course, Reading, Step},
};

impl Machine {
    /// A map begins on this connection: with what it has to send.
    pub(super) fn begin(&mut self, map: &MapName) {
        let rules = &self.rules;
        self.courses.entry(map.clone()).or_insert_with(|| Course::new(rules));
        self.subscribe_again(map);
        self.go(map, Step::Push(None));
        self.dirty(map);
        self.pushes.urgent = true;
    }

    /// A map goes on with another step.
    pub(super) fn go(&mut self, map: &MapName, step: Step) {
        self.wake(map, None);
        let Some(course) = self.courses.get_mut(map) else { return };
        course.step = step;
        self.enqueue(map);
    }

    /// A map that wants to ask gets its turn behind the others.
    pub(super) fn enqueue(&mut self, map: &MapName) {
        let Some(course) = self.courses.get_mut(map) else { return };
        if course.wants_to_ask() && !course.queued {
            course.queued = true;
            self.row.push_back(map.clone());
        }
    }

    /// A map may have something to push.
    pub(super) fn dirty(&mut self, map: &MapName) {
        let Some(course) = self.courses.get_mut(map) else { return };
        if !course.dirty {
            course.dirty = true;
            self.pushes.dirty.push_back(map.clone());
        }
    }

    /// Sets when a map does something by itself.
    pub(super) fn wake(&mut self, map: &MapName, at: Option<Duration>) {
        let Some(course) = self.courses.get_mut(map) else { return };
        if let Some(former) = std::mem::replace(&mut course.wake, at) {
            self.timers.remove(&(former, map.clone()));
        }
        if let Some(at) = at {
            self.timers.insert((at, map.clone()));
        }
    }

    /// A map tries again after a while, and not before the server wants it to.
    pub(super) fn wait(&mut self, map: &MapName, after: Duration, now: Now) {
        let random = self.chance.next();
        let Some(course) = self.courses.get_mut(map) else { return };
        let wait = course.retries.after(Duration::ZERO, random).max(after);
        self.go(map, Step::Wait);
        self.wake(map, Some(now.at + wait));
    }

    /// A map waits for long: trying again soon would bring nothing.
    pub(super) fn wait_long(&mut self, map: &MapName, now: Now) {
        let random = self.chance.next();
        let Some(course) = self.courses.get_mut(map) else { return };
        let wait = course.waits.after(Duration::ZERO, random);
        self.go(map, Step::Wait);
        self.wake(map, Some(now.at + wait));
    }

    /// A map hears of changes as they come, and asks by itself once in a while.
    pub(super) fn live(&mut self, map: &MapName, now: Now) {
        let spread =
            self.rules.pull_every.mul_f64(f64::from(self.chance.next()) / f64::from(u32::MAX));
        let wake = now.at + self.rules.pull_every + spread / 4;
        let prove_at = self.courses.get(map).and_then(|course| course.prove_at);
        self.go(map, Step::Live);
        self.wake(map, Some(prove_at.map_or(wake, |at| at.min(wake))));
    }

    /// What waited is sent and answered, or cannot be sent now: a map goes on.
    pub(super) fn after_push(&mut self, replica: &impl Replica, map: &MapName) {
        let rejected = !replica.rejected(map, 1).is_empty();
        let Some(course) = self.courses.get(map) else { return };
        let reading = if course.reset || replica.replacing(map) {
            Reading::Replace
        } else {
            Reading::Changes
        };
        self.go(map, if rejected { Step::Revert } else { Step::Pull(reading) });
    }

    /// Whether nothing of a map is on its way, nor waits to be.
    pub(super) fn is_quiet(&self, replica: &impl Replica, map: &str) -> bool {
        let flying = self.courses.get(map).map_or(0, |course| course.flying);
        flying == 0 && replica.unanswered(map) == 0
    }

    /// What is due by time alone.
    pub(super) fn check_time(&mut self, replica: &impl Replica, now: Now) -> Result<(), Ended> {
        if let Some(deadline) = self.link.deadline().filter(|at| *at <= now.at) {
            if !self.is_online() {
                tracing::debug!(?deadline, "the server has not let us in in time");
                return Err(Ended::TimedOut);
            }
            self.want_token();
        }
        self.check_pushes(replica, now);
        let silence =
            self.silent_since.map_or(Duration::ZERO, |since| now.at.saturating_sub(since));
        if silence >= self.rules.silence_max {
            return Err(Ended::TimedOut);
        }
        while let Some(asked) = self.requests.late(now.at) {
            self.answered(&asked.map);
            self.wait(&asked.map, Duration::ZERO, now);
        }
        while let Some((at, map)) = self.timers.first().cloned()
            && at <= now.at
        {
            self.wake(&map, None);
            self.woken(replica, &map, now);
        }
        Ok(())
    }

    fn woken(&mut self, replica: &impl Replica, map: &MapName, now: Now) {
        let quiet = self.is_quiet(replica, map);
        let Some(course) = self.courses.get_mut(map) else { return };
        match course.step {
            // The acknowledgement of what is on its way asks for the proof.
            Step::Live if course.prove_at.is_some() && !quiet => {
                self.wake(map, Some(now.at + self.rules.pull_every));
            }
            Step::Wait | Step::Live if !course.asked => self.after_push(replica, map),
            _ => self.wake(map, Some(now.at + self.rules.pull_every)),
        }
    }

    /// A request of a map is not under way any more.
    pub(super) fn answered(&mut self, map: &str) {
        if let Some(course) = self.courses.get_mut(map) {
            course.asked = false;
        }
    }

    /// Lets maps ask, each in its turn.
    pub(super) fn ask(&mut self, replica: &mut impl Replica, now: Now) -> Result<(), Ended> {
        if self.requests_after.is_some_and(|after| now.at < after) {
            return Ok(());
        }
        self.requests_after = None;
        while self.requests.len() < self.rules.requests_max
            && let Some(map) = self.row.pop_front()
        {
            let Some(course) = self.courses.get_mut(&map) else { continue };
            course.queued = false;
            if course.wants_to_ask() {
                self.ask_of(replica, &map, now)?;
            }
        }
        Ok(())
    }

    fn ask_of(&mut self, replica: &mut impl Replica, map: &MapName, now: Now) -> Result<(), Ended> {
        let Some(course) = self.courses.get(map) else { return Ok(()) };
        match &course.step {
            Step::Revert => self.ask_rejected(replica, map, now),
            Step::Pull(reading) => self.ask_changes(replica, map, *reading, now),
            Step::Repair(_) => self.ask_repair(replica, map, now),
            Step::Push(_) | Step::Heal | Step::Wait | Step::Live => Ok(()),
        }
    }

    /// A request was sent.
    pub(super) fn asks(
        &mut self,
        replica: &impl Replica,
        map: &MapName,
        number: u64,
        question: Question,
        now: Now,
    ) {
        let quiet = self.is_quiet(replica, map);
        let deadline = now.at + self.rules.request_timeout;
        self.owes(now);
        let Some(course) = self.courses.get_mut(map) else { return };
        course.asked = true;
        let (map, acks) = (Arc::clone(map), course.acks);
        self.requests
            .insert(number, Asked { number, map, question, quiet, acks, deadline, parts: 0 });
    }

    /// The server is about to owe an answer.
    pub(super) fn owes(&mut self, now: Now) {
        self.silent_since.get_or_insert(now.at);
    }

    /// Maps that could not be read may be readable with a new token.
    pub(super) fn may_read_again(&mut self) {
        let waiting = self.courses.iter().filter(|(_, course)| matches!(course.step, Step::Wait));
        for map in waiting.map(|(map, _)| map.clone()).collect::<Vec<_>>() {
            self.wake(&map, Some(Duration::ZERO));
        }
        self.pushes.paused_until = self.pushes.paused_until.map(|_| Duration::ZERO);
    }
}
