//! The one who sends: an event at a time, in their order, each again until it is taken, refused or too old.
//!
//! Knows no HTTP: what an attempt came to is told by whoever makes it.

use std::time::{Duration, Instant};

use super::{Counted, Lost, event::Event, queue::Queue};

/// How often it is said that the receiver does not take what it is sent.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// What an attempt came to, with words for the log that name no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Taken,
    /// The receiver does not want it, now or later.
    Refused(String),
    /// Another attempt may do.
    Failed(String),
}

/// How long an event is tried, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// From when it happened until it is dropped.
    pub(super) retry_for: Duration,
    /// After the first failure; each further one doubles it.
    pub(super) first: Duration,
    /// Between two attempts at most.
    pub(super) most: Duration,
}

impl Pace {
    /// How long to rest after so many failures in a row.
    fn rest(self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.most)
    }
}

/// Sends what is queued, until nothing is to be sent any more.
pub(super) fn deliver(
    queue: &Queue,
    pace: Pace,
    counted: &Counted,
    attempt: impl Fn(&Event) -> Attempt,
) {
    let mut receiver = Receiver::default();
    while let Some(event) = queue.next() {
        let lost = loop {
            let age = event.since.elapsed();
            if age >= pace.retry_for {
                break Some(Lost::Expired);
            }
            match attempt(&event) {
                Attempt::Taken => {
                    receiver.failures = 0;
                    counted.sent.increment(1);
                    break None;
                }
                Attempt::Refused(why) => {
                    // It answers, so the next one need not wait.
                    receiver.failures = 0;
                    receiver.complain("a webhook was refused and dropped", &why);
                    break Some(Lost::Refused);
                }
                Attempt::Failed(why) => {
                    receiver.failures = receiver.failures.saturating_add(1);
                    counted.failed.increment(1);
                    receiver.complain("a webhook was not taken; it is tried again", &why);
                    let left = pace.retry_for.saturating_sub(event.since.elapsed());
                    if !queue.rest(pace.rest(receiver.failures).min(left), pace.first) {
                        break Some(Lost::Shutdown);
                    }
                }
            }
        };
        if let Some(why) = lost {
            counted.lost(why, 1);
        }
    }
    queue.end();
}

/// What is known of whoever is sent to.
#[derive(Debug, Default)]
struct Receiver {
    /// In a row, of whichever events.
    failures: u32,
    complained: Option<Instant>,
}

impl Receiver {
    fn complain(&mut self, what: &'static str, why: &str) {
        let now = Instant::now();
        if self.complained.is_none_or(|last| now - last >= COMPLAINT_INTERVAL) {
            self.complained = Some(now);
            tracing::warn!(why, "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        sync::Arc,
    };

    use super::{super::event::Happened, *};
    use crate::{config::WebhookEvent, metrics::Metrics};

    const PACE: Pace = Pace {
        retry_for: Duration::from_secs(600),
        first: Duration::from_millis(1),
        most: Duration::from_millis(4),
    };

    /// A queue with events of these ids.
    fn queue(ids: &[&str]) -> Queue {
        let (queue, now) = (Queue::new(64), Instant::now());
        let event = WebhookEvent::RoomBegan;
        let happened = Happened { event, room: "a", participant: None, reason: None };
        for &id in ids {
            queue.push(now, |_| Event::new(id.into(), 0, now, happened));
        }
        queue
    }

    /// The ids that were tried, in order, until `count` attempts were made.
    fn tried(
        queue: &Queue,
        pace: Pace,
        count: usize,
        answer: impl Fn(usize) -> Attempt,
    ) -> (Vec<String>, String) {
        let metrics = Arc::new(Metrics::new());
        let (ids, attempts) = (RefCell::new(Vec::new()), Cell::new(0));
        deliver(queue, pace, &Counted::new(&metrics), |event| {
            ids.borrow_mut().push(event.id.clone());
            attempts.set(attempts.get() + 1);
            if attempts.get() == count {
                // Nobody is waited for: whoever sends finds the end by itself.
                queue.stop(Instant::now());
            }
            answer(attempts.get())
        });
        (ids.into_inner(), metrics.render())
    }

    fn failed() -> Attempt {
        Attempt::Failed("no".into())
    }

    #[test]
    fn each_is_tried_until_it_is_taken_and_none_overtakes_it() {
        let queue = queue(&["a", "b", "c"]);
        let answer = |attempt| if matches!(attempt, 1 | 2 | 4) { failed() } else { Attempt::Taken };
        let (ids, metrics) = tried(&queue, PACE, 6, answer);
        assert_eq!(ids, ["a", "a", "a", "b", "b", "c"]);
        assert!(metrics.contains("syncline_peer_webhooks_sent_total 3"), "{metrics}");
        assert!(metrics.contains("syncline_peer_webhooks_failed_total 3"), "{metrics}");
    }

    #[test]
    fn what_is_refused_is_not_tried_again() {
        let queue = queue(&["a", "b"]);
        let answer = |attempt| match attempt {
            1 => Attempt::Refused("no".into()),
            _ => Attempt::Taken,
        };
        let (ids, metrics) = tried(&queue, PACE, 2, answer);
        assert_eq!(ids, ["a", "b"]);
        let dropped = r#"syncline_peer_webhooks_dropped_total{reason="refused"} 1"#;
        assert!(metrics.contains(dropped), "{metrics}");
    }

    #[test]
    fn what_is_too_old_is_dropped() {
        let queue = queue(&["a", "b"]);
        let pace = Pace { retry_for: Duration::from_millis(30), ..PACE };
        let metrics = Arc::new(Metrics::new());
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                deliver(&queue, pace, &Counted::new(&metrics), |_| failed());
            });
            let dropped = r#"syncline_peer_webhooks_dropped_total{reason="expired"} 2"#;
            let begun = Instant::now();
            while !metrics.render().contains(dropped) {
                assert!(begun.elapsed() < Duration::from_secs(60), "{}", metrics.render());
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "no event is tried for ever");
            assert_eq!(queue.stop(Instant::now() + Duration::from_secs(60)), 0);
            sending.join().unwrap();
        });
    }

    #[test]
    fn rests_double_up_to_a_bound() {
        let pace =
            Pace { first: Duration::from_millis(500), most: Duration::from_secs(30), ..PACE };
        let rests: Vec<u128> = (1..=8).map(|n| pace.rest(n).as_millis()).collect();
        assert_eq!(rests, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(pace.rest(u32::MAX), pace.most);
    }
}
