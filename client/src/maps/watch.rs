//! What a client tells the application: each change of a value, in order, through bounded queues.
//! Knows what is told and how much may wait; nothing of stores or messages.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use syncline_protocol::dialects::maps::proto::ErrorCode;
use tokio::sync::Notify;

use crate::kept::StateError;

/// The name of a map, or a key in one.
pub type Name = Arc<str>;

/// Why a value changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// This client wrote it.
    Local,
    /// Another one did, and the server brought it.
    Remote,
    /// Its time to live is over.
    Expired,
    /// The server refused what this client had written, and what the server has is back.
    Reverted,
}

/// A value that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The map.
    pub map: Name,
    /// The key.
    pub key: Name,
    /// The value before; `None` where there was none.
    pub old: Option<Bytes>,
    /// The value now; `None` where there is none any more.
    pub new: Option<Bytes>,
    /// Why it changed.
    pub cause: Cause,
    /// Whether `old` was written by this client and is gone because another client's write is newer.
    pub overwritten: bool,
}

/// A write that the server refused for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// The map.
    pub map: Name,
    /// The key.
    pub key: Name,
    /// What was written; `None` when it was a removal.
    pub value: Option<Bytes>,
    /// Why the server refused it.
    pub code: ErrorCode,
}

/// Something the application should know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A value has changed, by this client or another one.
    Changed(Change),
    /// The server refused a write. It is not sent again; the value is put back to what the server
    /// has, which comes as a [`Change`] of its own.
    Rejected(Rejected),
    /// The watch was not read for long, and so many events were let go. What they said can be read
    /// from the map; what follows is told again. Refused writes are let go last, since nothing else
    /// tells of them.
    Lagged {
        /// How many events are missing here.
        missed: u64,
    },
    /// The token may not read a map, so that nothing comes of it. Its writes are sent all the same.
    Unreadable {
        /// The map.
        map: Name,
    },
    /// The token ends soon, or has ended, and its source says no other one:
    /// [`Client::set_token`](super::Client::set_token) is wanted. Without it the server ends the
    /// connection.
    TokenWanted,
    /// The server's clock is so far ahead of this device's that one of them must be wrong. Its
    /// timestamps are followed.
    ClockBehind {
        /// Milliseconds.
        ms: u64,
    },
    /// The store failed. What the client shows is still right; new writes may be refused.
    StateFailed(StateError),
}

impl Event {
    /// A value was there and its life is over.
    pub(super) fn expired(map: &Name, key: &str, old: Bytes) -> Self {
        let (map, key, old, cause) = (map.clone(), key.into(), Some(old), Cause::Expired);
        Self::Changed(Change { map, key, old, new: None, cause, overwritten: false })
    }

    fn bytes(&self) -> usize {
        const EACH: usize = 128;
        let len = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
        let own = match self {
            Self::Changed(change) => change.key.len() + len(&change.old) + len(&change.new),
            Self::Rejected(rejected) => rejected.key.len() + len(&rejected.value),
            _ => 0,
        };
        own + EACH
    }

    /// The map that it is about, and the key.
    fn place(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Changed(change) => (Some(&change.map), Some(&change.key)),
            Self::Rejected(rejected) => (Some(&rejected.map), Some(&rejected.key)),
            Self::Unreadable { map } => (Some(map), None),
            _ => (None, None),
        }
    }
}

/// What may wait in a watch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) events_max: usize,
    pub(super) bytes_max: usize,
}

/// Which keys a watch is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The map; all without it.
    pub(super) map: Option<Name>,
    /// What a key begins with.
    pub(super) prefix: String,
}

impl Scope {
    fn holds(&self, event: &Event) -> bool {
        let (map, key) = event.place();
        let is_map = |own: &Name| map.is_none_or(|map| **own == *map);
        self.map.as_ref().is_none_or(is_map) && key.is_none_or(|key| key.starts_with(&self.prefix))
    }
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    bytes: usize,
    missed: u64,
    failure: Option<StateError>,
    ended: bool,
}

impl Waiting {
    /// Who fell behind reads the map anyway; then only what follows is of use, and what the map does
    /// not tell: which writes were refused. Of those too there may be too many.
    fn let_go(&mut self, bounds: Bounds) {
        let before = self.events.len();
        self.events.retain(|event| matches!(event, Event::Rejected(_)));
        self.bytes = self.events.iter().map(Event::bytes).sum();
        if self.events.len() > bounds.events_max / 2 || self.bytes > bounds.bytes_max / 2 {
            self.events.clear();
            self.bytes = 0;
        }
        self.missed += (before - self.events.len()) as u64;
    }
}

#[derive(Debug)]
struct Queue {
    scope: Scope,
    bounds: Bounds,
    waiting: Mutex<Waiting>,
    wake: Notify,
}

impl Queue {
    /// A panic under the lock leaves at worst an event that is not told.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: &Event) {
        if !self.scope.holds(event) {
            return;
        }
        let mut waiting = self.waiting();
        if let Event::StateFailed(error) = event {
            waiting.failure.get_or_insert_with(|| error.clone());
        } else {
            waiting.bytes += event.bytes();
            waiting.events.push_back(event.clone());
            let over = waiting.events.len() > self.bounds.events_max
                || waiting.bytes > self.bounds.bytes_max;
            if over {
                waiting.let_go(self.bounds);
            }
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// `Some(None)` at the end.
    fn next(&self) -> Option<Option<Event>> {
        let mut waiting = self.waiting();
        if let Some(error) = waiting.failure.take() {
            return Some(Some(Event::StateFailed(error)));
        }
        if waiting.missed > 0 {
            let missed = std::mem::take(&mut waiting.missed);
            return Some(Some(Event::Lagged { missed }));
        }
        match waiting.events.pop_front() {
            Some(event) => {
                waiting.bytes -= event.bytes();
                Some(Some(event))
            }
            None => waiting.ended.then_some(None),
        }
    }
}

/// The changes of a map, of the keys with some prefix, or of all maps of a client, from the moment
/// it was made.
///
/// To see all of a map, watch it first and read it then: nothing falls between. A watch that is not
/// read holds up nobody; it lets go of what it holds when that is too much, and says so
/// ([`Event::Lagged`]).
#[derive(Debug)]
pub struct Watch(Arc<Queue>);

impl Watch {
    /// The next event; `None` once the client has ended and everything was seen.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(next) = self.0.next() {
                return next;
            }
            self.0.wake.notified().await;
        }
    }

    /// The events as a stream, which ends with the client.
    pub fn into_stream(self) -> impl Stream<Item = Event> + Send {
        stream::unfold(self, |mut watch| async move { Some((watch.next().await?, watch)) })
    }
}

/// The watches of one client. The last of them may be gone without being told.
#[derive(Debug, Default)]
pub(super) struct Watches(Vec<Weak<Queue>>);

impl Watches {
    pub(super) fn add(&mut self, scope: Scope, bounds: Bounds) -> Watch {
        self.0.retain(|queue| queue.strong_count() > 0);
        let (waiting, wake) = (Mutex::default(), Notify::new());
        let queue = Arc::new(Queue { scope, bounds, waiting, wake });
        self.0.push(Arc::downgrade(&queue));
        Watch(queue)
    }

    /// Whether anybody listens.
    pub(super) fn any(&self) -> bool {
        self.0.iter().any(|queue| queue.strong_count() > 0)
    }

    pub(super) fn tell(&self, event: &Event) {
        self.0.iter().filter_map(Weak::upgrade).for_each(|queue| queue.tell(event));
    }

    pub(super) fn end(&mut self) {
        for queue in self.0.drain(..).filter_map(|queue| queue.upgrade()) {
            queue.waiting().ended = true;
            queue.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { events_max: 3, bytes_max: 10_000 };

    fn change(map: &str, key: &str, len: usize) -> Event {
        Event::Changed(Change {
            map: map.into(),
            key: key.into(),
            old: None,
            new: Some(vec![0; len].into()),
            cause: Cause::Remote,
            overwritten: false,
        })
    }

    fn drain(watch: &Watch) -> Vec<String> {
        std::iter::from_fn(|| watch.0.next()?)
            .map(|event| match event {
                Event::Changed(change) => change.key.to_string(),
                Event::Lagged { missed } => format!("-{missed}"),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_watch_hears_of_its_own_keys_alone_and_in_order() {
        let mut watches = Watches::default();
        assert!(!watches.any());
        let all = watches.add(Scope::default(), BOUNDS);
        let scope = Scope { map: Some("m".into()), prefix: "a".into() };
        let some = watches.add(scope, BOUNDS);
        for (map, key) in [("m", "a1"), ("n", "a2"), ("m", "b")] {
            watches.tell(&change(map, key, 1));
        }
        assert_eq!(drain(&all), ["a1", "a2", "b"]);
        assert_eq!(drain(&some), ["a1"]);
        drop((all, some));
        assert!(!watches.any());
    }

    #[test]
    fn what_is_too_much_is_let_go_and_counted_and_what_follows_comes() {
        let mut watches = Watches::default();
        let watch = watches.add(Scope::default(), BOUNDS);
        for key in ["a", "b", "c", "d", "e"] {
            watches.tell(&change("m", key, 1));
        }
        assert_eq!(drain(&watch), ["-4", "e"]);
        watches.tell(&change("m", "small", 1));
        watches.tell(&change("m", "large", 9_900));
        watches.tell(&change("m", "last", 1));
        assert_eq!(drain(&watch), ["-2", "last"], "bytes are bounded as well");
        assert_eq!(watch.0.waiting().bytes, 0);
    }

    #[test]
    fn refused_writes_are_let_go_last() {
        let mut watches = Watches::default();
        let watch = watches.add(Scope::default(), Bounds { events_max: 4, ..BOUNDS });
        let refused = |key: &str| {
            let (map, key) = ("m".into(), key.into());
            Event::Rejected(Rejected { map, key, value: None, code: ErrorCode::TooLarge })
        };
        watches.tell(&refused("a"));
        for key in ["b", "c", "d", "e"] {
            watches.tell(&change("m", key, 1));
        }
        let told: Vec<Event> = std::iter::from_fn(|| watch.0.next()?).collect();
        assert!(matches!(&told[..], [Event::Lagged { missed: 4 }, Event::Rejected(_)]), "{told:?}");
        (0..5).for_each(|_| watches.tell(&refused("f")));
        assert_eq!(drain(&watch), ["-5"], "of them too there may be too many");
        assert_eq!(watch.0.waiting().bytes, 0);
    }

    #[test]
    fn a_failure_is_told_once_and_the_end_last() {
        let mut watches = Watches::default();
        let watch = watches.add(Scope::default(), BOUNDS);
        let failure = Event::StateFailed(StateError::new("disk"));
        watches.tell(&failure);
        watches.tell(&failure);
        watches.tell(&change("m", "a", 1));
        watches.end();
        assert_eq!(drain(&watch).len(), 2);
        assert!(matches!(watch.0.next(), Some(None)));
    }
}
