//! The reconciler of one client as a pure machine: what to say to the server, and what follows from
//! what it says. No I/O, no clock and no chance is here: messages and the time come in.
//!
//! On each connection every map sends what waits, pulls what is new by its cursor, and compares its
//! root hash with the server's if nothing is on its way. Where they differ, ranges or buckets tell
//! where, both ways; what they cannot settle within bounds, a reading of everything does. Whatever a
//! server says, a map has one question under way, and repairs that bring nothing wait ever longer.

mod acks;
mod asked;
mod auth;
mod batch;
mod buckets;
mod course;
mod fill;
mod flow;
mod live;
mod proof;
mod pull;
mod push;
mod ranges;
mod receive;
mod repair;
mod revert;
mod rules;
mod size;
#[cfg(test)]
mod tests;
mod time;
mod told;
mod tree;
mod verdict;
mod window;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use syncline_protocol::dialects::maps::Hlc;

use asked::Requests;
use auth::Link;
use batch::Pushes;
use course::Course;
pub(crate) use rules::Rules;
use time::Chance;
pub(crate) use time::Now;
pub(crate) use told::{Ended, Event};

use super::replica::{MapName, Replica};

/// Events that wait for the driver; older ones go.
const EVENTS_MAX: usize = 1024;

/// The reconciler of one client.
#[derive(Debug)]
pub(crate) struct Machine {
    rules: Rules,
    chance: Chance,
    link: Link,
    /// The last number of a request.
    number: u64,
    out: VecDeque<Bytes>,
    courses: BTreeMap<MapName, Course>,
    /// Maps that were closed on this connection.
    left: BTreeSet<MapName>,
    /// Maps that want to ask, in turn.
    row: VecDeque<MapName>,
    /// When maps do something by themselves.
    timers: BTreeSet<(Duration, MapName)>,
    requests: Requests,
    /// No request but pushes is made before.
    requests_after: Option<Duration>,
    pushes: Pushes,
    /// What the server's clock last said.
    server_clock: Option<Hlc>,
    /// Since when the server owes an answer and has said nothing.
    silent_since: Option<Duration>,
    events: VecDeque<Event>,
}

impl Machine {
    /// A machine without a connection. Its chance follows from the seed.
    pub(crate) fn new(rules: Rules, seed: u64) -> Self {
        let pushes = Pushes::new(&rules);
        Self {
            rules,
            chance: Chance::new(seed),
            link: Link::Offline,
            number: 0,
            out: VecDeque::new(),
            courses: BTreeMap::new(),
            left: BTreeSet::new(),
            row: VecDeque::new(),
            timers: BTreeSet::new(),
            requests: Requests::default(),
            requests_after: None,
            pushes,
            server_clock: None,
            silent_since: None,
            events: VecDeque::new(),
        }
    }

    // Questions.

    /// Whether the server has let this client in.
    pub(crate) fn is_online(&self) -> bool {
        matches!(self.link, Link::Open(_))
    }

    /// When to call [`Machine::poll`] though nothing has happened.
    pub(crate) fn wake_at(&self) -> Option<Duration> {
        let due = self.push_due();
        let timer = self.timers.first().map(|(at, _)| *at);
        let waits = [self.link.deadline(), self.requests.deadline(), timer, due];
        let row = self.requests_after.filter(|_| !self.row.is_empty());
        let answer = self.pushes.in_flight.front().map(|batch| batch.deadline);
        waits.into_iter().chain([row, answer]).flatten().min()
    }

    /// What happened since this was last asked.
    pub(crate) fn events(&mut self) -> impl Iterator<Item = Event> + use<'_> {
        self.events.drain(..)
    }

    // Steps of the application.

    /// A map was opened. Without a connection this need not be told.
    pub(crate) fn opened(&mut self, map: &MapName) {
        if self.is_online() {
            self.begin(map);
        }
    }

    /// A map was closed.
    pub(crate) fn closed(&mut self, map: &MapName) {
        self.requests.forget(map);
        self.wake(map, None);
        if self.courses.remove(map).is_some() {
            self.unsubscribe(map);
        }
    }

    /// So many writes of a map, of so many bytes in all, have become durable here.
    pub(crate) fn wrote(&mut self, map: &MapName, ops: usize, bytes: usize, now: Now) {
        if ops > 0 && self.is_online() && self.courses.contains_key(map) {
            self.pushes.window.wrote(ops, bytes, now.at);
            self.dirty(map);
        }
    }

    // Steps of the connection.

    /// There is no connection any more.
    pub(crate) fn disconnected(&mut self, replica: &mut impl Replica) {
        self.link = Link::Offline;
        self.out.clear();
        self.left.clear();
        self.row.clear();
        self.timers.clear();
        self.requests.clear();
        self.requests_after = None;
        self.server_clock = None;
        self.silent_since = None;
        let retries = std::mem::replace(&mut self.pushes, Pushes::new(&self.rules)).retries;
        self.pushes.retries = retries;
        for course in self.courses.values_mut() {
            course.renewed(&self.rules);
        }
        replica.doubt();
    }

    /// What to send now, in this order; `None` when there is nothing more. Also to be called at
    /// [`Machine::wake_at`]. It may change what is kept: writes that are stamped anew are sent once
    /// [`Machine::wrote`] says that they are durable.
    ///
    /// # Errors
    /// [`Ended`] when the connection must end.
    pub(crate) fn poll(
        &mut self,
        replica: &mut impl Replica,
        now: Now,
    ) -> Result<Option<Bytes>, Ended> {
        if self.out.is_empty() {
            self.check_time(replica, now)?;
            if self.is_online() {
                self.push(replica, now)?;
                self.ask(replica, now)?;
            }
        }
        Ok(self.out.pop_front())
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
