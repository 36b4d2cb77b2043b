//! What happens under a client's lock: each step of the reconciler or the store, and what follows
//! from it for watches and status. Wakes nobody and waits for nothing.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use syncline_engine::Position;
use syncline_protocol::dialects::maps::NodeId;

use super::{
    error::WriteError,
    local::{Local, Mapped, NotWritten, Write, Written},
    machine::{self, Ended, Machine, Now},
    replica::{MapName, Replica as _},
    status::Status,
    watch::{Bounds, Event, Scope, Watch, Watches},
};
use crate::{kept::StateError, task::Stopped, transport::ConnectionError};

/// What the connection's task says about itself.
#[derive(Clone, Debug)]
enum Link {
    /// A connection is being made, or is there.
    Trying(Option<ConnectionError>),
    Waiting(Duration, ConnectionError),
    Denied(Arc<str>),
    Stopped,
}

/// The state of one client.
#[derive(Debug)]
pub(super) struct Core {
    machine: Machine,
    local: Local,
    watches: Watches,
    link: Link,
    unreadable: BTreeSet<MapName>,
    token_wanted: bool,
}

impl Core {
    pub(super) fn new(machine: Machine, local: Local) -> Self {
        Self {
            machine,
            local,
            watches: Watches::default(),
            link: Link::Trying(None),
            unreadable: BTreeSet::new(),
            token_wanted: false,
        }
    }

    // Questions.

    pub(super) fn node(&self) -> NodeId {
        self.local.node().clone()
    }

    pub(super) fn stopped(&self) -> bool {
        matches!(self.link, Link::Stopped)
    }

    pub(super) fn unanswered(&self) -> usize {
        self.local.unanswered()
    }

    /// Whether every map that may be read is proved equal to the server's since a
    /// [`Core::ask_proof`], and nothing waits.
    pub(super) fn is_synced(&self, behind: u64) -> bool {
        let is_proved =
            |map: &MapName| self.unreadable.contains(map) || self.machine.is_proved(map, behind);
        self.machine.is_online()
            && self.unanswered() == 0
            && self.local.maps().iter().all(is_proved)
    }

    pub(super) fn status(&self) -> Status {
        let pending = self.unanswered();
        match &self.link {
            Link::Stopped => Status::Stopped { pending },
            Link::Denied(reason) => Status::Denied { pending, reason: reason.clone() },
            _ if self.machine.is_online() && pending == 0 => Status::Saved,
            _ if self.machine.is_online() => Status::Saving { pending },
            Link::Trying(error) => {
                Status::Offline { pending, retry_in: None, error: error.clone() }
            }
            Link::Waiting(retry_in, error) => {
                let (retry_in, error) = (Some(*retry_in), Some(error.clone()));
                Status::Offline { pending, retry_in, error }
            }
        }
    }

    /// When to call [`Core::next_out`] though nothing has happened.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        self.machine.wake_at()
    }

    // Steps of the application.

    pub(super) fn write(
        &mut self,
        map: &str,
        key: &str,
        write: Write,
        keys_max: usize,
    ) -> Result<Written, WriteError> {
        if self.stopped() {
            return Err(Stopped.into());
        }
        self.local.listen(self.watches.any());
        let written = self.local.write(map, key, write, keys_max);
        self.tell();
        written.map_err(|error| match error {
            NotWritten::Closed => WriteError::Closed,
            NotWritten::Full => WriteError::Full { keys_max },
            NotWritten::State(error) => WriteError::State(error),
        })
    }

    pub(super) fn open(&mut self, map: Mapped) {
        let name = map.name().clone();
        self.local.open(map);
        self.machine.opened(&name);
    }

    pub(super) fn close(&mut self, map: &str) {
        self.machine.closed(&map.into());
        self.local.close(map);
        self.unreadable.remove(map);
    }

    pub(super) fn watch(&mut self, scope: Scope, bounds: Bounds) -> Watch {
        self.watches.add(scope, bounds)
    }

    /// Asks the server whether the maps are equal now.
    pub(super) fn ask_proof(&mut self) -> u64 {
        self.machine.ask_proof(&self.local)
    }

    // Steps of the store.

    /// Whether own writes are to be made durable.
    pub(super) fn has_fresh(&self) -> bool {
        self.local.has_fresh()
    }

    /// Where the store must be durable up to, if it is not.
    pub(super) fn unsynced(&self) -> Option<Position> {
        self.local.unsynced()
    }

    /// More has become durable.
    pub(super) fn synced(&mut self, now: Now) {
        for (map, (ops, bytes)) in self.local.became_durable() {
            self.machine.wrote(&map, ops, bytes, now);
        }
    }

    /// Ends the lives that are over, and says when the next one is, by the wall clock.
    pub(super) fn expire(&mut self) -> Option<u64> {
        self.local.listen(self.watches.any());
        self.local.expire();
        self.tell();
        self.local.next_end()
    }

    pub(super) fn state_failed(&mut self, error: &StateError) {
        self.watches.tell(&Event::StateFailed(error.clone()));
    }

    // Steps of the connection's task.

    pub(super) fn connecting(&mut self) {
        self.link = match std::mem::replace(&mut self.link, Link::Stopped) {
            Link::Waiting(_, error) => Link::Trying(Some(error)),
            Link::Trying(error) => Link::Trying(error),
            Link::Denied(_) | Link::Stopped => Link::Trying(None),
        };
    }

    pub(super) fn connected(&mut self, token: &str, now: Now) {
        self.machine.connected(&mut self.local, token, now);
    }

    pub(super) fn authenticate(&mut self, token: &str, now: Now) {
        self.machine.authenticate(&self.local, token, now);
    }

    /// What to send next.
    pub(super) fn next_out(&mut self, now: Now) -> Result<Option<Bytes>, Ended> {
        self.step(|machine, local| machine.poll(local, now))
    }

    pub(super) fn receive(&mut self, message: Bytes, now: Now) -> Result<(), Ended> {
        self.step(|machine, local| machine.receive(local, message, now))
    }

    fn step<R>(&mut self, step: impl FnOnce(&mut Machine, &mut Local) -> R) -> R {
        self.local.listen(self.watches.any());
        let result = step(&mut self.machine, &mut self.local);
        self.follow_up();
        result
    }

    /// Whether a token is wanted; asked for once.
    pub(super) fn takes_token_wanted(&mut self) -> bool {
        std::mem::take(&mut self.token_wanted)
    }

    /// Nobody has another token.
    pub(super) fn token_missing(&self) {
        self.watches.tell(&Event::TokenWanted);
    }

    pub(super) fn disconnected(&mut self, retry_in: Duration, error: ConnectionError) {
        self.machine.disconnected(&mut self.local);
        self.link = Link::Waiting(retry_in, error);
    }

    pub(super) fn denied(&mut self, reason: Arc<str>) {
        self.machine.disconnected(&mut self.local);
        self.link = Link::Denied(reason);
    }

    pub(super) fn finish(&mut self) {
        self.machine.disconnected(&mut self.local);
        self.link = Link::Stopped;
        self.watches.end();
    }

    /// Tells what the reconciler and the store have to tell.
    fn follow_up(&mut self) {
        for event in self.machine.events() {
            match event {
                machine::Event::Online => self.unreadable.clear(),
                machine::Event::Equal(map) => drop(self.unreadable.remove(&map)),
                machine::Event::Unequal(map) => {
                    tracing::warn!(map = &*map, "a map is not the server's after repairs");
                }
                machine::Event::Unreadable(map) => {
                    self.watches.tell(&Event::Unreadable { map: map.clone() });
                    self.unreadable.insert(map);
                }
                machine::Event::TokenWanted => self.token_wanted = true,
                machine::Event::ServerAhead { ms } => {
                    self.watches.tell(&Event::ClockBehind { ms });
                }
                machine::Event::Skipped { map, ops } => {
                    tracing::warn!(map = &*map, ops, "operations of the server cannot be read");
                }
            }
        }
        self.tell();
    }

    fn tell(&mut self) {
        for event in self.local.told() {
            self.watches.tell(&event);
        }
    }
}
