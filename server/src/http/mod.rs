//! The HTTP side of the one port: probes, metrics, the API of dialects, and the way into them.
//!
//! hyper parses; after an upgrade the bare socket is taken back and given to the dialect's hub.

mod admin;
mod answer;
mod app;
mod body;
mod budget;
mod connection;
mod cors;
mod counters;
mod demo;
mod entry;
mod gzip;
mod intake;
mod maps;
mod oplog;
mod origin;
mod peer;
mod presence;
mod probes;
mod rate;
mod socket;
mod target;
mod upgrade;
mod workspace;

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{Method, Request};
use hyper::body::Incoming;
use syncline_protocol::{dialect::UnixMillis, dialects::relay::Relay};
use tokio::{net::TcpStream, sync::watch, time::Instant};

use crate::{
    admin::Admin,
    auth::Auth,
    config::Config,
    health::{Health, OpenConnection},
    maps::Coordinator,
    metrics::Metrics,
    registry::Hubs,
    store_metrics::StoreMetrics,
    webhooks::Webhooks,
};

pub(crate) use self::{
    answer::FULL, budget::Budget, counters::Requests, demo::Demo, oplog::News, presence::Presence,
    rate::Rates,
};
use self::{
    answer::{Answer, Problem, problem, wrong_method},
    app::App,
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
    pub(crate) auth: Arc<Auth>,
    pub(crate) requests: Requests,
    /// What all request bodies may hold.
    pub(crate) bodies: Arc<Budget>,
    pub(crate) news: Arc<News>,
    /// `None` when the demo is off.
    pub(crate) demo: Option<Demo>,
    /// Who is in which workspace.
    pub(crate) presence: Arc<Presence>,
    /// Who is in which room of the peer dialect.
    pub(crate) participants: Arc<Presence>,
    pub(crate) maps: Coordinator,
    /// How often users may post messages of maps and read packets.
    pub(crate) rates: Rates,
    /// `None` when nobody is told what happens in rooms of the peer dialect.
    pub(crate) webhooks: Option<Arc<Webhooks>>,
}

/// Where a shard's connections come in.
pub(crate) struct Door {
    pub(crate) hubs: Hubs,
    pub(crate) shared: Arc<Shared>,
    serving: Serving,
    oplog: oplog::Api,
    workspace: workspace::Api,
    maps: maps::Api,
    peer: peer::Api,
    app: Option<App>,
}

impl Door {
    /// A door before the hubs of a shard; `stop` says when the server stops.
    pub(crate) fn new(hubs: Hubs, shared: Arc<Shared>, stop: watch::Receiver<bool>) -> Self {
        let app = shared.config.oplog.static_dir.as_deref().map(App::new);
        let oplog = oplog::Api::new(hubs.oplog.clone(), shared.clone(), stop);
        let workspace = workspace::Api::new(hubs.workspace.clone(), shared.clone());
        let maps = maps::Api::new(hubs.maps.clone(), shared.clone());
        let peer = peer::Api::new(hubs.peer.clone(), shared.clone());
        Self { hubs, shared, serving: Serving::new(), oplog, workspace, maps, peer, app }
    }

    /// Begins what is done now and then for all shards.
    pub(crate) fn begin_sweeps(&self) {
        self.peer.begin_sweeps();
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
        Route::Admin => operate(&door, &request).await,
        Route::Oplog => door.oplog.respond(request).await,
        Route::Login => oplog::log_in(&request.into_parts().0, door.shared.config.oplog.tenants),
        Route::Workspace => door.workspace.respond(&ticket, request).await,
        Route::Maps => door.maps.respond(&ticket, request).await,
        Route::Peer => door.peer.respond(&ticket, request).await,
        Route::Probe => page(&door, &request),
        Route::Demo => match &door.shared.demo {
            Some(demo) => demo::respond(demo, &request),
            None => app(&door, &request).await,
        },
        Route::App => app(&door, &request).await,
    };
    door.shared.requests.count(route, answer.status());
    answer
}

async fn operate(door: &Door, request: &Request<Incoming>) -> Answer {
    if let Some(refusal) = admin::refuse(&door.shared.admin, request) {
        return refusal;
    }
    match request.uri().path().starts_with(peer::ADMIN_PREFIX) {
        true => door.peer.moderate(request).await,
        false => admin::respond(&door.shared.admin, request),
    }
}

async fn app(door: &Door, request: &Request<Incoming>) -> Answer {
    match &door.app {
        Some(app) => app.respond(request).await,
        None => page(door, request),
    }
}

impl Route {
    fn of(path: &str) -> Self {
        match path {
            Relay::PATH => Self::Relay,
            "/livez" | "/readyz" | "/healthz" | "/metrics" => Self::Probe,
            _ if path.starts_with(oplog::PREFIX) => Self::Oplog,
            _ if path.starts_with(oplog::LOGIN_PREFIX) => Self::Login,
            demo::PATH => Self::Demo,
            _ if target::below(path, demo::PATH).is_some() => Self::Demo,
            maps::PATH => Self::Maps,
            _ if target::below(path, maps::PATH).is_some() => Self::Maps,
            _ if target::below(path, peer::PATH).is_some() => Self::Peer,
            _ if workspace::has(path) => Self::Workspace,
            _ if path.starts_with(admin::PREFIX) => Self::Admin,
            _ => Self::App,
        }
    }
}

fn upgrade(door: &Door, ticket: &Ticket, mut request: Request<Incoming>) -> Answer {
    upgrade::answer(&door.hubs.relay, &door.shared, ticket, &mut request)
}

fn page(door: &Door, request: &Request<Incoming>) -> Answer {
    let shared = &door.shared;
    let path = request.uri().path();
    if !matches!(path, "/" | "/livez" | "/readyz" | "/healthz" | "/metrics") {
        return nothing();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return wrong_method("this path answers GET and HEAD", "GET, HEAD");
    }
    match path {
        "/livez" => probes::live(),
        "/metrics" => probes::metrics(shared),
        "/" => probes::welcome(),
        "/healthz" => probes::health(&shared.health, request.uri().query()),
        _ => probes::ready(&shared.health, request.uri().query()),
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn nothing() -> Answer {
    problem(Problem::NotFound, "there is nothing at this path")
}
