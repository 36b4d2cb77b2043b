//! The HTTP side of the one port: probes, metrics, and the way into a dialect.
//!
//! hyper parses; after an upgrade the bare socket is taken back and given to the dialect's hub.

mod admin;
mod answer;
mod probes;
mod upgrade;

use std::{convert::Infallible, pin::pin, rc::Rc, sync::Arc, time::Duration};

use http::{Method, Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use syncline_protocol::dialects::relay::Relay;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    admin::Admin,
    config::Config,
    health::{Health, OpenConnection},
    metrics::Metrics,
    registry::Hubs,
    store_metrics::StoreMetrics,
};

pub(crate) use self::answer::FULL;
use self::answer::{Answer, Problem, problem};

/// Bytes of a request's head, and of what may be buffered of it.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Header fields of a request.
const HEADERS_MAX: usize = 64;

/// How long a connection may ask before it has to connect again, if it is not upgraded.
const HTTP_TIME: Duration = Duration::from_secs(300);

/// What the shards of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store_metrics: StoreMetrics,
    pub(crate) admin: Admin,
}

/// Where a shard's connections come in.
pub(crate) struct Door {
    pub(crate) hubs: Hubs,
    pub(crate) shared: Arc<Shared>,
}

/// Serves the requests of one connection, until it ends or is upgraded.
pub(crate) async fn serve(socket: TcpStream, door: Rc<Door>, open: OpenConnection) {
    let limits = &door.shared.config.limits;
    // Moved on with the socket when it is upgraded.
    let open = Rc::new(std::cell::Cell::new(Some(open)));
    let service = service_fn(|request| {
        let answer = route(&door, &open, request);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = match timeout(HTTP_TIME, connection.as_mut()).await {
        Ok(ended) => Ok(ended),
        Err(_) => {
            // Ends behind the answer under way, or without it when nobody takes it.
            connection.as_mut().graceful_shutdown();
            timeout(limits.write_timeout, connection).await
        }
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an HTTP connection ended"),
        Err(_) => tracing::debug!("an HTTP connection did not take its answer"),
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
    if path.starts_with(admin::PREFIX) {
        return admin::respond(&door.shared.admin, &request);
    }
    let known = matches!(path, "/" | "/livez" | "/readyz" | "/healthz" | "/metrics");
    if !known {
        return nothing();
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
        "/metrics" => probes::metrics(&door.shared.metrics, &door.shared.store_metrics, health),
        "/" => probes::welcome(),
        _ => probes::ready(health, request.uri().query()),
    }
}

fn nothing() -> Answer {
    problem(Problem::NotFound, "there is nothing at this path")
}
