//! Webhooks: an address is told who comes and goes. Whoever tells waits for nobody: a bounded queue takes it,
//! and one thread sends it.
//!
//! Knows no dialect and no hub; what has happened is said to it in words of its own.

mod deliver;
mod event;
mod post;
mod queue;
mod sign;

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use metrics::{Counter, Label};

use self::{
    deliver::Pace,
    event::Event,
    post::Post,
    queue::{Pushed, Queue},
    sign::Key,
};
use crate::{
    config::{WebhookConfig, WebhookEvent, WebhookUnready},
    metrics::Metrics,
    uuid::uuid,
};

pub(crate) use self::event::Happened;

/// How long what waits may still be sent when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// After the first failure in a row, and at most.
const REST_FIRST: Duration = Duration::from_millis(500);
const REST_MAX: Duration = Duration::from_secs(30);

/// Tells an address what has happened.
#[derive(Debug)]
pub(crate) struct Webhooks {
    queue: Queue,
    /// What it is told; empty for everything.
    events: Vec<WebhookEvent>,
    /// What the names of events begin with, in this run of the server alone.
    run: String,
    post: Post,
    pace: Pace,
    counted: Counted,
}

/// Why an event was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Full,
    Expired,
    Refused,
    Shutdown,
}

impl Webhooks {
    /// As it is configured; `None` when it is off. Nothing is sent before [`Webhooks::begin`].
    ///
    /// # Errors
    /// [`WebhookUnready`] says what to mend.
    pub(crate) fn new(
        config: &WebhookConfig,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<Arc<Self>>, WebhookUnready> {
        let Some((url, key)) = config.target()? else { return Ok(None) };
        let key = Key::new(&key).ok_or(WebhookUnready::BadSecret)?;
        Ok(Some(Arc::new(Self {
            queue: Queue::new(config.queue_max),
            events: config.events.clone(),
            run: uuid().map_err(|_| WebhookUnready::NoNames)?,
            post: Post::new(url, key),
            pace: Pace { retry_for: config.retry_for, first: REST_FIRST, most: REST_MAX },
            counted: Counted::new(metrics),
        })))
    }

    /// Starts the thread that sends, until [`Webhooks::stop`].
    pub(crate) fn begin(self: &Arc<Self>) -> io::Result<()> {
        let own = self.clone();
        thread::Builder::new().name("syncline-hooks".into()).spawn(move || {
            deliver::deliver(&own.queue, own.pace, &own.counted, |event| own.post.attempt(event));
        })?;
        Ok(())
    }

    /// Takes what has happened, if somebody wants it and there is room. Waits for nobody.
    pub(crate) fn tell(&self, happened: Happened<'_>) {
        if !self.events.is_empty() && !self.events.contains(&happened.event) {
            return;
        }
        let now = Instant::now();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let pushed = self
            .queue
            .push(now, |number| Event::new(format!("{}-{number}", self.run), at_ms, now, happened));
        if let Pushed::Dropped { say } = pushed {
            self.counted.lost(Lost::Full, 1);
            if let Some(dropped) = say {
                tracing::warn!(dropped, "webhooks were dropped: as many wait as may");
            }
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Sends what waits, for a short while, and counts the rest. A request under way is not waited for longer.
    pub(crate) fn stop(&self) {
        let dropped = self.queue.stop(Instant::now() + GRACE);
        if dropped > 0 {
            self.counted.lost(Lost::Shutdown, dropped as u64);
            tracing::warn!(dropped, "webhooks were not sent before the end");
        }
    }
}

/// What is counted of them.
struct Counted {
    sent: Counter,
    failed: Counter,
    dropped: [Counter; 4],
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counted")
    }
}

impl Counted {
    fn new(metrics: &Metrics) -> Self {
        let one = |name, help| metrics.counter(name, Vec::new(), help);
        let dropped = |reason| {
            let labels = vec![Label::from_static_parts("reason", reason)];
            let help = "Webhooks that were not sent, or not taken";
            metrics.counter("syncline_peer_webhooks_dropped_total", labels, help)
        };
        Self {
            sent: one("syncline_peer_webhooks_sent_total", "Webhooks that were taken"),
            failed: one("syncline_peer_webhooks_failed_total", "Attempts that failed"),
            dropped: ["full", "expired", "refused", "shutdown"].map(dropped),
        }
    }

    fn lost(&self, why: Lost, count: u64) {
        self.dropped[why as usize].increment(count);
    }
}
