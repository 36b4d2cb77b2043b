//! The task behind a client: asks what is planned, rests, waits after failures.
//! Knows time and tasks; nothing of what is asked.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::backoff::Backoff;

use super::{
    core::Core, error::SyncError, exchange::Exchange, machine::Plan, settings::Settings,
    shared::Shared, transport::Transport,
};

/// How much longer than [`Settings::retry_max`] a server can make a client wait.
const RETRY_AFTER_FACTOR: u32 = 10;

/// Twice the time after which an answer without news counts as held back, at most.
const HELD_BACK_MAX: Duration = Duration::from_secs(2);

/// The task behind a client.
#[derive(Debug)]
pub(super) struct Driver<T> {
    exchange: Exchange<T>,
    backoff: Backoff,
    /// When it is time to ask for news again.
    poll_at: Instant,
    failed: bool,
}

/// Tells everyone who waits that the task has ended, even when it panicked.
struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl<T: Transport> Driver<T> {
    pub(super) fn new(exchange: Exchange<T>) -> Self {
        let Settings { retry_min, retry_max, .. } = *exchange.settings;
        // A failure after a success is the first in a row.
        let backoff = Backoff::new(retry_min, retry_max, Duration::from_nanos(1));
        Self { exchange, backoff, poll_at: Instant::now(), failed: true }
    }

    /// Runs until the application ends the client.
    pub(super) async fn run(mut self) {
        let shared = std::sync::Arc::clone(&self.exchange.shared);
        let _finish = Finish(&shared);
        let stop = shared.task.stop_asked();
        tokio::select! {
            () = stop => {}
            () = self.go_on() => {}
        }
    }

    async fn go_on(&mut self) {
        loop {
            if Instant::now() >= self.poll_at {
                self.exchange.shared.give(Core::pull_due);
            }
            match self.exchange.shared.look(Core::plan) {
                Plan::Rest => self.rest().await,
                plan => self.ask(plan).await,
            }
        }
    }

    async fn ask(&mut self, plan: Plan) {
        let (began, cursor) = (Instant::now(), self.exchange.shared.look(Core::cursor));
        match self.exchange.run(plan).await {
            Ok(()) => {
                self.failed = false;
                if matches!(plan, Plan::Pull | Plan::Bootstrap) {
                    let news = self.exchange.shared.look(Core::cursor) != cursor;
                    self.pulled(plan, began, news);
                }
            }
            Err(SyncError::Unauthorized { status }) => {
                tracing::debug!(status, "the oplog server does not let this client in");
                let shared = &self.exchange.shared;
                // Asked for from here on, so that whoever sees the status may do it at once.
                let retry = shared.task.retry_asked();
                shared.step(|core| core.unauthorized(status));
                retry.await;
            }
            Err(error) => self.wait_after(error).await,
        }
    }

    /// News are asked for at a steady pace. A client that lets the server hold back its answers
    /// asks again at once when there were news, or when the server took its time.
    fn pulled(&mut self, plan: Plan, began: Instant, news: bool) {
        let Settings { poll, wait, .. } = *self.exchange.settings;
        let now = Instant::now();
        let held_back = now - began >= wait.min(poll).min(HELD_BACK_MAX) / 2;
        let at_once = plan == Plan::Bootstrap || news || held_back;
        self.poll_at = if !wait.is_zero() && at_once { now } else { now + poll };
    }

    async fn wait_after(&mut self, error: SyncError) {
        let lasted = if self.failed { Duration::ZERO } else { Duration::from_secs(1) };
        self.failed = true;
        let settings = &self.exchange.settings;
        let wait = self.backoff.after(lasted, getrandom::u32().unwrap_or(u32::MAX));
        let asked_for = match &error {
            SyncError::Refused { retry_after: Some(asked_for), .. } => *asked_for,
            _ => Duration::ZERO,
        };
        let retry_in = wait.max(asked_for.min(settings.retry_max * RETRY_AFTER_FACTOR));
        tracing::debug!(%error, ?retry_in, "the oplog server was not asked with success");
        let shared = &self.exchange.shared;
        let retry = shared.task.retry_asked();
        shared.step(|core| {
            core.offline(retry_in, error);
            core.pull_due();
        });
        tokio::select! {
            () = sleep(retry_in) => {}
            () = retry => {}
        }
    }

    /// Waits until there is something to ask.
    async fn rest(&mut self) {
        let shared = &self.exchange.shared;
        // A client whose inbox is full has nothing to ask for, however late it is.
        let may_poll = shared.look(Core::has_room);
        tokio::select! {
            () = shared.work() => {}
            () = shared.task.retry_asked() => shared.step(Core::pull_due),
            () = sleep_until(self.poll_at), if may_poll => shared.step(Core::pull_due),
        }
    }
}
