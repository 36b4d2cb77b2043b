//! `/sync/events`: a hint when there is something to pull, as server-sent events.
//!
//! An event says nothing but "ask now": who asks gets everything, whatever hints it missed.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::StatusCode;
use tokio::{sync::watch, time::timeout};

use super::{Api, news::Waiting, tenant::Tenant};
use crate::http::{
    answer::{Answer, streamed},
    body::{Aborted, Body, Pieces},
};

/// The first one comes at once: what happened before the connection was there is in the next pull.
const HINT: &str = "event: poke\ndata: {}\n\n";
/// Says when to come again after a loss, and the first hint.
const GREETING: &str = "retry: 2000\n\nevent: poke\ndata: {}\n\n";
/// A comment now and then keeps proxies from closing, and shows who has gone.
const SIGN_OF_LIFE: &str = ":\n\n";
const QUIET_MAX: Duration = Duration::from_secs(15);

impl Api {
    /// A stream of hints that ends when the server stops or the token ends.
    pub(super) fn events(&self, tenant: Tenant) -> Answer {
        let events = Events {
            waiting: Arc::clone(&self.shared.news).wait_for(&tenant.room),
            stop: self.stop.clone(),
            expires_ms: tenant.expires_ms,
            greeted: false,
        };
        let body = Body::pieces(Hints { next: Box::pin(events.next()) });
        streamed(StatusCode::OK, "text/event-stream; charset=utf-8", body)
    }
}

/// What a stream of hints waits for.
struct Events {
    waiting: Waiting,
    stop: watch::Receiver<bool>,
    expires_ms: Option<u64>,
    greeted: bool,
}

impl Events {
    /// The next line, and what comes after it; `None` at the end.
    async fn next(mut self) -> Option<(&'static str, Self)> {
        if !self.greeted {
            self.greeted = true;
            return Some((GREETING, self));
        }
        let told = tokio::select! {
            told = timeout(QUIET_MAX, self.waiting.told()) => told,
            _ = self.stop.wait_for(|stop| *stop) => return None,
        };
        if self.expires_ms.is_some_and(|expires| expires <= now_ms()) {
            return None;
        }
        Some((if told.is_ok() { HINT } else { SIGN_OF_LIFE }, self))
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

type Next = Pin<Box<dyn Future<Output = Option<(&'static str, Events)>>>>;

/// A stream of hints as a body.
struct Hints {
    next: Next,
}

impl Pieces for Hints {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        self.next.as_mut().poll(cx).map(|line| {
            let (line, events) = line?;
            self.next = Box::pin(events.next());
            Some(Ok(Bytes::from_static(line.as_bytes())))
        })
    }
}
