//! What happens under a client's lock: each step of the machine, together with what follows from
//! it for kept state, watches and status. Wakes nobody and waits for nothing.

use std::{sync::Arc, time::Duration};

use super::{
    clock::Clock,
    json::Json,
    machine::{Key, Machine, Own, Phase, TooMuch},
    state::{State, Update},
    status::{Link, Status},
    watches::{Look, Watches},
    wire::Opened,
};
use crate::{
    kept::{Durable, StateError},
    transport::ConnectionError,
};

/// Why a value is not in the queue.
#[derive(Debug)]
pub(super) enum NotQueued {
    Stopped,
    State(StateError),
}

/// A value in the queue.
pub(super) struct Queued {
    pub(super) stamp: i64,
    pub(super) durable: Option<Durable>,
}

/// The state of one client.
pub(super) struct Core {
    machine: Machine,
    state: Box<dyn State>,
    clock: Clock,
    link: Link,
    watches: Watches,
    /// The last stamp that the state was told.
    kept_stamp: i64,
}

impl Core {
    pub(super) fn new(machine: Machine, state: Box<dyn State>, clock: Clock) -> Self {
        let (link, watches, kept_stamp) =
            (Link::Connecting, Watches::default(), machine.last_stamp());
        Self { machine, state, clock, link, watches, kept_stamp }
    }

    // Questions.

    pub(super) fn stopped(&self) -> bool {
        matches!(self.link, Link::Stopped)
    }

    pub(super) fn pending(&self) -> usize {
        self.machine.pending()
    }

    pub(super) fn status(&self) -> Status {
        let synced = self.machine.phase() == Phase::Synced;
        let link = match &self.link {
            Link::Connecting if synced => Link::Synced,
            link => link.clone(),
        };
        Status { link, pending: self.pending() }
    }

    pub(super) fn shown(&self, key: &str) -> Option<(Json, bool)> {
        self.machine.shown(key).map(|(value, pending)| (value.clone(), pending))
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.machine.keys().into_iter().collect()
    }

    // Steps of the application.

    /// `None` when there is no room.
    pub(super) fn try_set(&mut self, key: &Key, value: &Json) -> Result<Option<Queued>, NotQueued> {
        if self.stopped() {
            return Err(NotQueued::Stopped);
        }
        if !self.machine.has_room(key, value) {
            return Ok(None);
        }
        let own = self.machine.stamped(key, value.clone(), self.clock.now());
        let stamp = own.stamp;
        let mut update = Update::default();
        update.own.push((key.clone(), Some(own.clone())));
        self.keep(update).map_err(NotQueued::State)?;
        let durable = self.state.durable();
        self.machine.set(key.clone(), own);
        self.follow_up();
        Ok(Some(Queued { stamp, durable }))
    }

    pub(super) fn discard(&mut self, key: &Key) -> bool {
        let found = self.machine.discard(key);
        self.follow_up();
        found
    }

    pub(super) fn watch(&mut self, only: Option<Key>) -> u64 {
        let keys = match &only {
            Some(key) => self.machine.shown(key).map(|_| key.clone()).into_iter().collect(),
            None => self.machine.keys(),
        };
        self.watches.add(only, keys)
    }

    pub(super) fn unwatch(&mut self, id: u64) {
        self.watches.remove(id);
    }

    pub(super) fn look(&mut self, id: u64) -> Option<Look> {
        self.watches.next(id)
    }

    // Steps of the connection's task.

    pub(super) fn connecting(&mut self) {
        self.link = Link::Connecting;
    }

    pub(super) fn connected(&mut self) {
        self.link = Link::Connecting;
        self.machine.connected();
    }

    pub(super) fn disconnected(&mut self, retry_in: Option<Duration>, error: ConnectionError) {
        self.machine.disconnected();
        self.link = match retry_in {
            Some(retry_in) => Link::Offline { retry_in, error },
            None => Link::Denied { error },
        };
    }

    pub(super) fn finish(&mut self) {
        self.machine.disconnected();
        self.link = Link::Stopped;
    }

    /// The next values to send, and what to await before.
    pub(super) fn send_next(&mut self) -> (Vec<(Key, Own)>, Option<Durable>) {
        const VALUES: usize = 256;
        let values: Vec<_> = std::iter::from_fn(|| self.machine.send_next()).take(VALUES).collect();
        let durable = if values.is_empty() { None } else { self.state.durable() };
        (values, durable)
    }

    pub(super) fn wants_to_ask(&self) -> bool {
        self.machine.wants_to_ask()
    }

    pub(super) fn ask(&mut self) -> Vec<(Key, Own)> {
        self.machine.ask()
    }

    pub(super) fn init(&mut self, workspace: Vec<Opened>) -> Result<(), TooMuch> {
        let taken = self.machine.init(workspace, self.clock.now());
        self.follow_up();
        taken
    }

    pub(super) fn op(&mut self, key: &Key, value: Json, stamp: i64) -> Result<(), TooMuch> {
        let taken = self.machine.op(key, value, stamp, self.clock.now());
        self.follow_up();
        taken
    }

    pub(super) fn refused(&mut self, reason: &Arc<str>) {
        self.machine.refused();
        self.watches.refused(reason);
    }

    pub(super) fn state_failed(&mut self, error: &StateError) {
        self.watches.state_failed(error);
    }

    /// Keeps what a step has changed, and marks what it shows.
    fn follow_up(&mut self) {
        let changed = self.machine.changed();
        let own = changed.own.into_iter().map(|key| (key.clone(), self.machine.own(&key).cloned()));
        let known =
            changed.known.into_iter().map(|key| (key.clone(), self.machine.known(&key).cloned()));
        let update = Update { stamp: None, own: own.collect(), known: known.collect() };
        if let Err(error) = self.keep(update) {
            self.watches.state_failed(&error);
        }
        for key in &changed.shown {
            self.watches.changed(key);
        }
    }

    fn keep(&mut self, mut update: Update) -> Result<(), StateError> {
        let stamp = self.machine.last_stamp();
        update.stamp = (stamp != self.kept_stamp).then_some(stamp);
        if update.is_empty() {
            return Ok(());
        }
        self.state.keep(&update)?;
        self.kept_stamp = stamp;
        Ok(())
    }
}
