//! Liveness, readiness, metrics, and a line for whoever opens the address in a browser.

use std::fmt::Write;

use http::StatusCode;

use crate::health::Health;

use super::{
    Shared,
    answer::{Answer, answer, text},
};

/// The process answers.
pub(super) fn live() -> Answer {
    text(StatusCode::OK, "ok\n")
}

/// Whether new work may be sent here; with `?verbose` check by check.
pub(super) fn ready(health: &Health, query: Option<&str>) -> Answer {
    let ready = health.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let verbose = query.is_some_and(|query| query.split('&').any(|part| part == "verbose"));
    if ready && !verbose {
        return text(status, "ok\n");
    }
    let mut body = String::new();
    for (check, wrong) in health.checks() {
        // Writing to a string cannot fail.
        let _ = match wrong {
            None if verbose => writeln!(body, "[+] {check} ok"),
            None => Ok(()),
            Some(wrong) => writeln!(body, "[-] {check} failed: {wrong}"),
        };
    }
    text(status, body)
}

/// The Prometheus exposition.
pub(super) fn metrics(shared: &Shared) -> Answer {
    let Shared { metrics, store_metrics, health, bodies, news, .. } = shared;
    store_metrics.refresh();
    metrics.set_connections(health.connections());
    let gauge = |name, help, value: usize| metrics.gauge(name, help).set(value as f64);
    gauge("syncline_http_body_bytes", "Bytes of request bodies in memory", bodies.held());
    gauge("syncline_oplog_waiting", "Clients that wait for news of a dataset", news.waiting());
    if let Some(age) = shared.auth.key_set_age() {
        let help = "Since the keys of auth.jwks_url were fetched, in seconds";
        metrics.gauge("syncline_key_set_age_seconds", help).set(age.as_secs_f64());
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    answer(StatusCode::OK, kind, metrics.render())
}

/// What lives at this address.
pub(super) fn welcome() -> Answer {
    let version = env!("CARGO_PKG_VERSION");
    let body = format!(
        "Syncline {version}\n\nrelay     WebSocket at /sync\nprobes    /livez /readyz /healthz\n\
         metrics   /metrics\n"
    );
    text(StatusCode::OK, body)
}
