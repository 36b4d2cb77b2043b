//! The HTTP side of the one port: probes, metrics, and the way into a dialect.
//!
//! hyper parses; after an upgrade the bare socket is taken back and given to the dialect's hub.

mod answer;
mod probes;
mod upgrade;

use std::{convert::Infallible, rc::Rc, sync::Arc};

use http::{Method, Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use syncline_protocol::{dialect::Dialect, dialects::relay::Relay};
use tokio::net::TcpStream;

use crate::{
    config::Config,
    health::{Health, OpenConnection},
    metrics::Metrics,
    registry::Hubs,
};

pub(crate) use self::answer::FULL;
use self::answer::{Answer, Problem, problem};

/// Bytes of a request's head, and of what may be buffered of it.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Header fields of a request.
const HEADERS_MAX: usize = 64;

/// What the shards of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Where a shard's connections come in.
pub(crate) struct Door {
    pub(crate) hubs: Hubs,
    pub(crate) shared: Arc<Shared>,
}

/// Serves the requests of one connection, until it ends or is upgraded.
pub(crate) async fn serve(socket: TcpStream, door: Rc<Door>, open: OpenConnection) {
    let timeout = door.shared.config.limits.handshake_timeout;
    // Moved on with the socket when it is upgraded.
    let open = Rc::new(std::cell::Cell::new(Some(open)));
    let service = service_fn(|request| {
        let answer = route(&door, &open, request);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}

fn route(
    door: &Rc<Door>,
    open: &Rc<std::cell::Cell<Option<OpenConnection>>>,
    mut request: Request<Incoming>,
) -> Answer {
    let path = request.uri().path();
    if path == Relay::PATH {
        let token = door.shared.config.relay.token.as_deref();
        return upgrade::answer(&door.hubs.relay, token, &door.shared.health, open, &mut request);
    }
    let known = matches!(path, "/" | "/livez" | "/readyz" | "/healthz" | "/metrics");
    if !known {
        return problem(Problem::NotFound, "there is nothing at this path");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer::with_header(
            problem(Problem::MethodNotAllowed, "this path answers GET and HEAD"),
            http::header::ALLOW,
            "GET, HEAD",
        );
    }
    let health = &door.shared.health;
    match path {
        "/livez" => probes::live(),
        "/metrics" => probes::metrics(&door.shared.metrics, health),
        "/" => probes::welcome(),
        _ => probes::ready(health, request.uri().query()),
    }
}
