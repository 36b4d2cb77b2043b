//! One HTTP connection: request after request, until it ends, is upgraded or the server stops.
//!
//! Knows no path. Nothing here waits for a peer without a limit: its head, its body and what it
//! takes of an answer each have theirs.

use std::{
    cell::Cell,
    convert::Infallible,
    error::Error,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{Notify, watch},
    time::{Instant, sleep, timeout_at},
};

use super::{answer::Answer, body::Body, socket::Socket};
use crate::config::LimitsConfig;

/// Bytes of a request's head, and of what is read or written at once.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// Header fields of a request.
const HEADERS_MAX: usize = 64;

/// How long a connection may ask before it has to connect again, if it is not upgraded. An answer
/// under way then is sent to its end.
pub(super) const HTTP_TIME: Duration = Duration::from_secs(300);

/// The connections of a shard on which requests are answered.
#[derive(Debug)]
pub(super) struct Serving {
    open: Cell<usize>,
    ended: Notify,
    closing: watch::Sender<bool>,
}

impl Serving {
    pub(super) fn new() -> Self {
        Self { open: Cell::new(0), ended: Notify::new(), closing: watch::Sender::new(false) }
    }

    /// Ends every connection behind the answer under way, and waits for them until `deadline`.
    pub(super) async fn close(&self, deadline: Instant) {
        self.closing.send_replace(true);
        let all = async {
            while self.open.get() > 0 {
                self.ended.notified().await;
            }
        };
        if timeout_at(deadline, all).await.is_err() {
            tracing::warn!(connections = self.open.get(), "answers were cut off by the stop");
        }
    }

    async fn closing(&self) {
        // The sender is `self`: it cannot be gone.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }
}

/// Counts a connection while it is served.
struct Open<'a>(&'a Serving);

impl<'a> Open<'a> {
    fn new(serving: &'a Serving) -> Self {
        serving.open.set(serving.open.get() + 1);
        Self(serving)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.ended.notify_waiters();
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// In order, or by its peer.
    Normally,
    /// It was cut because its peer took nothing of an answer.
    Stalled,
}

/// Answers the requests of one connection, until it ends or is upgraded.
pub(super) async fn serve<F: Future<Output = Answer>>(
    stream: TcpStream,
    limits: &LimitsConfig,
    serving: &Serving,
    respond: impl Fn(Request<Incoming>) -> F,
) -> Ended {
    let _open = Open::new(serving);
    let unread = Arc::new(AtomicBool::new(false));
    let socket = Socket::new(stream, limits.write_timeout, unread.clone());
    let service = service_fn(|request: Request<Incoming>| {
        let has_body = !request.body().is_end_stream();
        let answer = respond(request);
        let unread = &unread;
        async move {
            let answer: Response<Body> = answer.await;
            // Some of the body may not have been read, and is still on its way.
            let refused = !answer.status().is_success();
            unread.store(has_body && refused, Ordering::Relaxed);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_timeout)
        .max_buf_size(BUFFER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = sleep(HTTP_TIME) => None,
        () = serving.closing() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            // Ends behind the answer under way.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    let Err(error) = ended else { return Ended::Normally };
    tracing::debug!(%error, "an HTTP connection ended");
    if has_stalled(&error) { Ended::Stalled } else { Ended::Normally }
}

/// Whether the socket gave its peer up.
fn has_stalled(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}
