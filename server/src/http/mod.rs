//! The HTTP side of the one port: probes, metrics, the API of dialects, and the way into them.
//!
//! hyper parses; after an upgrade the bare socket is taken back and given to the dialect's hub.

mod admin;
mod answer;
mod body;
mod budget;
mod connection;
mod counters;
mod entry;
mod gzip;
mod intake;
mod origin;
mod probes;
mod socket;
mod target;
mod upgrade;

use std::{cell::Cell, rc::Rc, sync::Arc};

use http::{Method, Request};
use hyper::body::Incoming;
use syncline_protocol::dialects::relay::Relay;
use tokio::{net::TcpStream, time::Instant};

use crate::{
    admin::Admin,
    auth::Auth,
    config::Config,
    health::{Health, OpenConnection},
    metrics::Metrics,
    registry::Hubs,
    store_metrics::StoreMetrics,
};

pub(crate) use self::{answer::FULL, budget::Budget, counters::Requests};
use self::{
    answer::{Answer, Problem, problem},
    connection::{Ended, Serving},
    counters::Route,
};

/// What the shards of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store_metrics: StoreMetrics,
    pub(crate) admin: Admin,
    pub(crate) auth: Auth,
    pub(crate) requests: Requests,
    /// What all request bodies may hold.
    pub(crate) bodies: Arc<Budget>,
}

/// Where a shard's connections come in.
pub(crate) struct Door {
    pub(crate) hubs: Hubs,
    pub(crate) shared: Arc<Shared>,
    serving: Serving,
}

impl Door {
    pub(crate) fn new(hubs: Hubs, shared: Arc<Shared>) -> Self {
        Self { hubs, shared, serving: Serving::new() }
    }

    /// Ends every connection behind the answer under way, and waits for them until `deadline`.
    pub(crate) async fn close(&self, deadline: Instant) {
        self.serving.close(deadline).await;
    }
}

/// What counts a connection: taken out when it is upgraded.
type Ticket = Rc<Cell<Option<OpenConnection>>>;

/// Serves the requests of one connection, until it ends or is upgraded.
pub(crate) async fn serve(socket: TcpStream, door: Rc<Door>, open: OpenConnection) {
    let ticket: Ticket = Rc::new(Cell::new(Some(open)));
    let limits = &door.shared.config.limits;
    let ended = connection::serve(socket, limits, &door.serving, |request| {
        respond(door.clone(), ticket.clone(), request)
    });
    if ended.await == Ended::Stalled {
        door.shared.requests.stalled();
    }
}

/// Answers one request.
async fn respond(door: Rc<Door>, ticket: Ticket, request: Request<Incoming>) -> Answer {
    let route = Route::of(request.uri().path());
    let answer = match route {
        Route::Relay => upgrade(&door, &ticket, request),
        Route::Admin => admin::respond(&door.shared.admin, &request),
        Route::Probe | Route::Page => page(&door, &request),
        Route::None => nothing(),
    };
    door.shared.requests.count(route, answer.status());
    answer
}

impl Route {
    fn of(path: &str) -> Self {
        match path {
            Relay::PATH => Self::Relay,
            "/livez" | "/readyz" | "/healthz" | "/metrics" => Self::Probe,
            "/" => Self::Page,
            _ if path.starts_with(admin::PREFIX) => Self::Admin,
            _ => Self::None,
        }
    }
}

fn upgrade(door: &Door, ticket: &Ticket, mut request: Request<Incoming>) -> Answer {
    upgrade::answer(&door.hubs.relay, &door.shared, ticket, &mut request)
}

fn page(door: &Door, request: &Request<Incoming>) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer::with_header(
            problem(Problem::MethodNotAllowed, "this path answers GET and HEAD"),
            http::header::ALLOW,
            "GET, HEAD",
        );
    }
    let shared = &door.shared;
    match request.uri().path() {
        "/livez" => probes::live(),
        "/metrics" => probes::metrics(&shared.metrics, &shared.store_metrics, &shared.health),
        "/" => probes::welcome(),
        _ => probes::ready(&shared.health, request.uri().query()),
    }
}

fn nothing() -> Answer {
    problem(Problem::NotFound, "there is nothing at this path")
}
