//! What waits to be sent: so much and no more. Whoever adds to it waits for nobody.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::event::Event;

/// How often it is said that there is no room.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// What waits to be sent, between those who tell and the one who sends.
#[derive(Debug)]
pub(super) struct Queue {
    max: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    /// Of the last event that was told, taken or not.
    number: u64,
    /// Dropped since it was said last, and when that was.
    unsaid: u64,
    said: Option<Instant>,
    /// Nothing is sent any more from then on.
    ends: Option<Instant>,
    has_ended: bool,
}

/// What became of an event that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits.
    Waits,
    /// There was no room.
    Dropped {
        /// It is time to say so: of so many.
        say: Option<u64>,
    },
}

impl Queue {
    pub(super) fn new(max: usize) -> Self {
        Self { max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Adds an event if there is room; `make` is given its number, from 1. Whoever looks at the numbers sees what
    /// was dropped.
    pub(super) fn push(&self, now: Instant, make: impl FnOnce(u64) -> Event) -> Pushed {
        let mut state = self.state.lock();
        state.number += 1;
        if state.events.len() >= self.max || state.ends.is_some() {
            state.unsaid += 1;
            let is_time = state.said.is_none_or(|said| now - said >= COMPLAINT_INTERVAL);
            let say = is_time.then(|| {
                state.said = Some(now);
                std::mem::take(&mut state.unsaid)
            });
            return Pushed::Dropped { say };
        }
        let event = make(state.number);
        state.events.push_back(event);
        drop(state);
        self.changed.notify_all();
        Pushed::Waits
    }

    /// The next event, as soon as there is one; `None` when nothing is to be sent any more.
    pub(super) fn next(&self) -> Option<Event> {
        let mut state = self.state.lock();
        loop {
            if state.is_over() {
                return None;
            }
            if let Some(event) = state.events.pop_front() {
                return Some(event);
            }
            if state.ends.is_some() {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Waits for so long before the next attempt; when all is about to end, for `short` at most. False when
    /// there is to be none.
    pub(super) fn rest(&self, wait: Duration, short: Duration) -> bool {
        let begun = Instant::now();
        let mut state = self.state.lock();
        let knew = state.ends.is_some();
        let until = begun + if knew { wait.min(short) } else { wait };
        loop {
            if state.is_over() {
                return false;
            }
            let has_news = state.ends.is_some() && !knew;
            if has_news || Instant::now() >= until {
                return true;
            }
            let until = state.ends.map_or(until, |ends| ends.min(until));
            self.changed.wait_until(&mut state, until);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().events.len()
    }

    /// Says that nothing is sent any more.
    pub(super) fn end(&self) {
        self.state.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Gives what waits until `ends`, takes nothing more, and says how many events were not sent by then.
    pub(super) fn stop(&self, ends: Instant) -> usize {
        let mut state = self.state.lock();
        state.ends = Some(ends);
        self.changed.notify_all();
        while !state.has_ended && Instant::now() < ends {
            self.changed.wait_until(&mut state, ends);
        }
        state.events.drain(..).count() + usize::from(!state.has_ended)
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| Instant::now() >= ends)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::event::Happened, *};
    use crate::config::WebhookEvent;

    fn push(queue: &Queue, now: Instant) -> Pushed {
        let event = WebhookEvent::RoomBegan;
        let happened = Happened { event, room: "a", participant: None, reason: None };
        queue.push(now, |number| Event::new(number.to_string(), 0, now, happened))
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_said_once_a_minute() {
        let (queue, now) = (Queue::new(2), Instant::now());
        assert_eq!(push(&queue, now), Pushed::Waits);
        assert_eq!(push(&queue, now), Pushed::Waits);
        assert_eq!(push(&queue, now), Pushed::Dropped { say: Some(1) });
        assert_eq!(push(&queue, now), Pushed::Dropped { say: None });
        let soon = now + COMPLAINT_INTERVAL - Duration::from_millis(1);
        assert_eq!(push(&queue, soon), Pushed::Dropped { say: None });
        let later = now + COMPLAINT_INTERVAL;
        assert_eq!(push(&queue, later), Pushed::Dropped { say: Some(3) });
        assert_eq!(queue.next().unwrap().id, "1", "what came first goes first");
        assert_eq!(queue.len(), 1);
        assert_eq!(push(&queue, now), Pushed::Waits);
        queue.next().unwrap();
        assert_eq!(queue.next().unwrap().id, "7", "a gap in the numbers shows what was dropped");
    }

    #[test]
    fn at_the_end_what_waits_is_still_sent_for_a_while() {
        let (queue, now) = (Queue::new(8), Instant::now());
        push(&queue, now);
        push(&queue, now);
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let mut sent = 0;
                while queue.next().is_some() {
                    sent += 1;
                }
                queue.end();
                sent
            });
            assert_eq!(queue.stop(now + Duration::from_secs(60)), 0);
            assert_eq!(sending.join().unwrap(), 2);
        });
        assert!(matches!(push(&queue, now), Pushed::Dropped { .. }), "nobody would send it");
    }

    #[test]
    fn when_the_time_is_over_the_rest_is_counted() {
        let (queue, now) = (Queue::new(8), Instant::now());
        for _ in 0..3 {
            push(&queue, now);
        }
        queue.next().unwrap();
        assert_eq!(queue.stop(now), 3, "the one under way among them");
        assert!(queue.next().is_none());
        assert!(!queue.rest(Duration::from_secs(60), Duration::from_secs(60)));
    }

    #[test]
    fn a_rest_ends_when_everything_is_about_to() {
        let queue = Queue::new(8);
        let (long, short) = (Duration::from_secs(600), Duration::from_millis(1));
        std::thread::scope(|scope| {
            let resting = scope.spawn(|| {
                assert!(queue.rest(long, short), "once more, at once");
                assert!(queue.rest(long, short), "and again soon");
                queue.end();
            });
            queue.stop(Instant::now() + Duration::from_secs(60));
            resting.join().unwrap();
        });
    }
}
