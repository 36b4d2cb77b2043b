//! The state of one client as a pure machine: what the server has, what waits for it, what shows.
//!
//! It takes what happened and says what follows. No I/O and no clock is here: the time comes in.
//! Why it does what it does is told in the documentation of the module above.

mod queue;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use queue::Queue;

use super::json::Json;

/// A key of a workspace.
pub type Key = Arc<str>;

/// What the server has under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The value.
    pub value: Json,
    /// Its timestamp in microseconds, or one that is not above it: the server's first message says
    /// none. `i64::MIN` when none was ever heard of.
    pub stamp: i64,
}

/// A value of this client's own that the server is not known to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// The value.
    pub value: Json,
    /// Its timestamp, in microseconds.
    pub stamp: i64,
    /// It was set over a value whose timestamp was not known, and may be above this one.
    pub blind: bool,
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is none.
    Offline,
    /// The server has not sent the workspace yet.
    Opening,
    /// The client has what the server has.
    Synced,
}

/// What bounds a client's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) pending_keys_max: usize,
    pub(crate) pending_bytes_max: usize,
    pub(crate) cache_bytes_max: usize,
}

/// The workspace takes more bytes than the client may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

/// Keys of which something has changed.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// What the application sees.
    pub(crate) shown: BTreeSet<Key>,
    /// What waits for the server.
    pub(crate) own: BTreeSet<Key>,
    /// What the server has.
    pub(crate) known: BTreeSet<Key>,
}

#[derive(Debug)]
struct Entry {
    known: Known,
    /// The timestamp is the value's own, and was heard on this connection.
    exact: bool,
}

/// The state of one client.
#[derive(Debug)]
pub(crate) struct Machine {
    limits: Limits,
    phase: Phase,
    /// The last timestamp given, but for those above a stamp from the future.
    last: i64,
    entries: BTreeMap<Key, Entry>,
    bytes: usize,
    queue: Queue,
    changed: Changed,
}

/// What a key and its value count against a bound in bytes.
pub(crate) fn cost(key: &str, value: &Json) -> usize {
    const BESIDE: usize = 64;
    key.len() + value.text().len() + BESIDE
}

impl Machine {
    /// A client that goes on where an earlier run stopped.
    pub(crate) fn new(
        limits: Limits,
        last: i64,
        known: Vec<(Key, Known)>,
        mut own: Vec<(Key, Own)>,
    ) -> Self {
        let bytes = known.iter().map(|(key, known)| cost(key, &known.value)).sum();
        let entries = known.into_iter().map(|(key, known)| (key, Entry { known, exact: false }));
        own.sort_by_key(|(_, own)| own.stamp);
        let mut queue = Queue::default();
        own.into_iter().for_each(|(key, own)| queue.push(key, own));
        // In which order the earlier run sent them is not known.
        queue.distrust();
        Self {
            limits,
            phase: Phase::Offline,
            last,
            entries: entries.collect(),
            bytes,
            queue,
            changed: Changed::default(),
        }
    }

    // Questions.

    /// Where the connection stands.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// How many keys wait for the server.
    pub(crate) fn pending(&self) -> usize {
        self.queue.len()
    }

    /// The last timestamp given.
    pub(crate) fn last_stamp(&self) -> i64 {
        self.last
    }

    /// The value of a key as the application sees it, and whether it waits for the server.
    pub(crate) fn shown(&self, key: &str) -> Option<(&Json, bool)> {
        let own = self.queue.get(key).map(|own| (&own.value, true));
        own.or_else(|| self.entries.get(key).map(|entry| (&entry.known.value, false)))
    }

    /// Every key that has a value, in order.
    pub(crate) fn keys(&self) -> BTreeSet<Key> {
        self.entries.keys().chain(self.queue.keys()).cloned().collect()
    }

    /// What the server has under a key.
    pub(crate) fn known(&self, key: &str) -> Option<&Known> {
        self.entries.get(key).map(|entry| &entry.known)
    }

    /// What waits for the server under a key.
    pub(crate) fn own(&self, key: &str) -> Option<&Own> {
        self.queue.get(key)
    }

    /// Whether a value may wait for the server.
    pub(crate) fn has_room(&self, key: &str, value: &Json) -> bool {
        let fits = self.queue.get(key).is_some() || self.queue.len() < self.limits.pending_keys_max;
        fits && self.queue.bytes_with(key, cost(key, value)) <= self.limits.pending_bytes_max
    }

    // Steps of the application.

    /// What it would mean to set a key now. The stamp is not given again.
    pub(crate) fn stamped(&mut self, key: &str, value: Json, now: i64) -> Own {
        let unknown = self.entries.get(key).is_some_and(|entry| !entry.exact);
        // Over an own value that was stamped in sight of what it replaced, nothing is hidden.
        let blind = unknown && self.queue.get(key).is_none_or(|own| own.blind);
        Own { value, stamp: self.next_stamp(key, now), blind }
    }

    /// A stamp above everything that was seen of a key, and above all given before unless what was
    /// seen is from the future: one wrong clock must not carry away all other keys.
    fn next_stamp(&mut self, key: &str, now: i64) -> i64 {
        let next = now.max(1).max(self.last.saturating_add(1));
        let entry = self.entries.get(key).map_or(i64::MIN, |entry| entry.known.stamp);
        let seen = self.queue.get(key).map_or(entry, |own| own.stamp.max(entry));
        if seen >= next {
            return seen.saturating_add(1);
        }
        self.last = next;
        next
    }

    /// Sets a key. The caller has asked for room and keeps the value.
    pub(crate) fn set(&mut self, key: Key, own: Own) {
        self.changed.shown.insert(key.clone());
        self.queue.push(key, own);
    }

    /// Gives up an own value. False when there is none.
    pub(crate) fn discard(&mut self, key: &Key) -> bool {
        let found = self.queue.take(key).is_some();
        if found {
            self.changed.own.insert(key.clone());
            self.changed.shown.insert(key.clone());
        }
        found
    }

    // Steps of the connection.

    /// A connection stands.
    pub(crate) fn connected(&mut self) {
        self.phase = Phase::Opening;
        self.queue.restart();
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self) {
        self.phase = Phase::Offline;
    }

    /// The next own value to send.
    pub(crate) fn send_next(&mut self) -> Option<(Key, Own)> {
        (self.phase == Phase::Synced).then(|| self.queue.send_next()).flatten()
    }

    /// Whether there is something to ask for.
    pub(crate) fn wants_to_ask(&self) -> bool {
        self.phase == Phase::Synced && self.queue.wants_to_ask()
    }

    /// Operations that are sent to lose: the answer says whether the server has what was
    /// sent before.
    pub(crate) fn ask(&mut self) -> Vec<(Key, Own)> {
        let mut asked = if self.phase == Phase::Synced { self.queue.ask() } else { Vec::new() };
        for (_, own) in &mut asked {
            own.stamp = own.stamp.saturating_sub(1);
        }
        asked
    }

    /// The server sent the whole workspace.
    ///
    /// # Errors
    /// [`TooMuch`]; the connection must end.
    pub(crate) fn init(
        &mut self,
        workspace: Vec<(Key, Json, Option<i64>)>,
        now: i64,
    ) -> Result<(), TooMuch> {
        let bytes: usize = workspace.iter().map(|(key, value, _)| cost(key, value)).sum();
        if bytes > self.limits.cache_bytes_max {
            return Err(TooMuch);
        }
        self.phase = Phase::Synced;
        let mut former = std::mem::take(&mut self.entries);
        self.bytes = 0;
        for (key, value, stamp) in workspace {
            let before = former.remove(&key).map(|entry| entry.known);
            let lowest = before.as_ref().map_or(i64::MIN, |before| before.stamp);
            let known = Known { value, stamp: stamp.unwrap_or(lowest) };
            self.learn(&key, before, known, stamp.is_some(), now);
        }
        for key in former.into_keys() {
            self.changed.known.insert(key.clone());
            if self.queue.get(&key).is_none() {
                self.changed.shown.insert(key.clone());
            }
            self.sighted(&key);
        }
        Ok(())
    }

    /// The server sent a value of a key. It passes on what it has taken, in the order in which it
    /// took it, so this is what the server has now, whatever was there before.
    ///
    /// # Errors
    /// [`TooMuch`]; the connection must end.
    pub(crate) fn op(
        &mut self,
        key: &Key,
        value: Json,
        stamp: i64,
        now: i64,
    ) -> Result<(), TooMuch> {
        if self.phase != Phase::Synced {
            return Ok(());
        }
        if self.entries.get(key).is_some_and(|entry| entry.exact && stamp < entry.known.stamp) {
            // Passed on by a server that does not follow the rule; it has not taken it.
            return Ok(());
        }
        let before = self.forget(key);
        self.learn(key, before, Known { value, stamp }, true, now);
        if self.bytes > self.limits.cache_bytes_max { Err(TooMuch) } else { Ok(()) }
    }

    /// The server did not take something, and does not say what.
    pub(crate) fn refused(&mut self) {
        self.queue.distrust();
    }

    /// What has changed since this was last asked.
    pub(crate) fn changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Takes in what the server has under a key, where `before` was.
    fn learn(&mut self, key: &Key, before: Option<Known>, known: Known, exact: bool, now: i64) {
        let same_value = before.as_ref().is_some_and(|before| before.value == known.value);
        if before.as_ref() != Some(&known) {
            self.changed.known.insert(key.clone());
        }
        let (value, stamp) = (known.value.clone(), known.stamp);
        self.remember(key.clone(), Entry { known, exact });
        let Some(own) = self.queue.get(key) else {
            if !same_value {
                self.changed.shown.insert(key.clone());
            }
            return;
        };
        let (blind, own_stamp) = (own.blind, own.stamp);
        if !exact {
            if !same_value {
                self.sighted(key);
            }
        } else if stamp < own_stamp {
            self.sighted(key);
        } else if stamp == own_stamp && own.value == value {
            self.confirmed(key);
        } else if stamp == own_stamp || (blind && same_value) {
            self.raise(key, now);
        } else {
            self.lost(key);
        }
    }

    /// The server has an own value, and with it whatever that value speaks for.
    fn confirmed(&mut self, key: &Key) {
        for earlier in self.queue.spoken_for(key) {
            let Some(own) = self.queue.take(&earlier) else { continue };
            let known = Known { value: own.value, stamp: own.stamp };
            self.forget(&earlier);
            self.remember(earlier.clone(), Entry { known, exact: true });
            self.changed.own.insert(earlier.clone());
            self.changed.known.insert(earlier);
        }
        self.queue.take(key);
        self.changed.own.insert(key.clone());
    }

    /// Stamps an own value again, above what it must not lose against, or gives it up when there
    /// is no higher stamp.
    fn raise(&mut self, key: &Key, now: i64) {
        let Some(own) = self.queue.get(key) else { return };
        let (value, former) = (own.value.clone(), own.stamp);
        let stamp = self.next_stamp(key, now);
        if stamp == former {
            return self.lost(key);
        }
        self.queue.push(key.clone(), Own { value, stamp, blind: false });
        self.changed.own.insert(key.clone());
    }

    /// An own value lost against the server's.
    fn lost(&mut self, key: &Key) {
        if let Some(own) = self.queue.take(key) {
            self.changed.own.insert(key.clone());
            if self.entries.get(key).is_none_or(|entry| entry.known.value != own.value) {
                self.changed.shown.insert(key.clone());
            }
        }
    }

    fn sighted(&mut self, key: &Key) {
        if self.queue.sighted(key) {
            self.changed.own.insert(key.clone());
        }
    }

    fn remember(&mut self, key: Key, entry: Entry) {
        self.bytes += cost(&key, &entry.known.value);
        self.entries.insert(key, entry);
    }

    fn forget(&mut self, key: &str) -> Option<Known> {
        let entry = self.entries.remove(key)?;
        self.bytes -= cost(key, &entry.known.value);
        Some(entry.known)
    }
}
