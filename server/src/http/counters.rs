//! What HTTP counts: answers by kind of path and status, peers that were cut.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use http::StatusCode;
use metrics::{Counter, Label};

use crate::metrics::Metrics;

/// The kinds of path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Probe,
    Admin,
    Relay,
    Oplog,
    Login,
    Demo,
    Workspace,
    Maps,
    Peer,
    App,
}

/// Their names as a label.
const ROUTES: [(Route, &str); 10] = [
    (Route::Probe, "probe"),
    (Route::Admin, "admin"),
    (Route::Relay, "relay"),
    (Route::Oplog, "oplog"),
    (Route::Login, "login"),
    (Route::Demo, "demo"),
    (Route::Workspace, "workspace"),
    (Route::Maps, "maps"),
    (Route::Peer, "peer"),
    (Route::App, "app"),
];

/// Status codes that have a counter of their own.
const CODES: [u16; 21] = [
    101, 200, 202, 204, 302, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 426, 429, 500, 503,
    507, 206,
];

/// The counters of one server. One appears when it counts something for the first time.
pub(crate) struct Requests {
    metrics: Arc<Metrics>,
    /// For each route one per code, and one for the others.
    answered: [[OnceLock<Counter>; CODES.len() + 1]; ROUTES.len()],
    stalled: Counter,
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

impl Requests {
    /// Registers them.
    pub(crate) fn new(metrics: &Arc<Metrics>) -> Self {
        let help = "HTTP connections cut because they took nothing of an answer";
        let stalled = metrics.counter("syncline_http_stalled_total", Vec::new(), help);
        Self { metrics: metrics.clone(), answered: Default::default(), stalled }
    }

    /// Counts an answer.
    pub(super) fn count(&self, route: Route, status: StatusCode) {
        let Some(place) = ROUTES.iter().position(|(known, _)| *known == route) else { return };
        let code = CODES.iter().position(|code| *code == status.as_u16()).unwrap_or(CODES.len());
        let counter = self.answered[place][code].get_or_init(|| {
            let status = CODES.get(code).map_or("other".into(), u16::to_string);
            let labels = vec![Label::new("route", ROUTES[place].1), Label::new("status", status)];
            let help = "HTTP requests answered, by kind of path and status";
            self.metrics.counter("syncline_http_requests_total", labels, help)
        });
        counter.increment(1);
    }

    /// Counts a connection that was cut.
    pub(super) fn stalled(&self) {
        self.stalled.increment(1);
    }
}
