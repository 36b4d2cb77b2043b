//! Liveness, readiness, metrics, and a line for whoever opens the address in a browser.

use std::fmt::Write;

use http::StatusCode;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::health::Health;

use super::{
    Shared,
    answer::{Answer, answer, json, text},
};

/// The process answers.
pub(super) fn live() -> Answer {
    text(StatusCode::OK, "ok\n")
}

/// Whether new work may be sent here; with `?verbose` check by check.
pub(super) fn ready(health: &Health, query: Option<&str>) -> Answer {
    let ready = health.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let verbose = is_verbose(query);
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

/// The same as [`ready`], in JSON: clients of the oplog dialect look for it before they sync.
pub(super) fn health(health: &Health, query: Option<&str>) -> Answer {
    if is_verbose(query) {
        return ready(health, query);
    }
    let failing: Vec<String> = health
        .checks()
        .into_iter()
        .filter_map(|(check, wrong)| wrong.map(|wrong| format!("{check}: {wrong}")))
        .collect();
    let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    if failing.is_empty() {
        return json(StatusCode::OK, json!({ "status": "ok", "time": time }).to_string());
    }
    let body = json!({ "status": "unavailable", "time": time, "failing": failing });
    json(StatusCode::SERVICE_UNAVAILABLE, body.to_string())
}

fn is_verbose(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|part| part == "verbose"))
}

/// The Prometheus exposition.
pub(super) fn metrics(shared: &Shared) -> Answer {
    let Shared { metrics, store_metrics, health, bodies, news, presence, participants, .. } =
        shared;
    store_metrics.refresh();
    metrics.set_connections(health.connections());
    let gauge = |name, help, value: usize| metrics.gauge(name, help).set(value as f64);
    gauge("syncline_http_body_bytes", "Bytes of request bodies in memory", bodies.held());
    gauge("syncline_oplog_waiting", "Clients that wait for news of a dataset", news.waiting());
    if let Some(age) = shared.auth.key_set_age() {
        let help = "Since the keys of auth.jwks_url were fetched, in seconds";
        metrics.gauge("syncline_key_set_age_seconds", help).set(age.as_secs_f64());
    }
    let help = "How far the clock of maps stands behind the machine's, in seconds";
    let behind = metrics.gauge("syncline_maps_clock_behind_seconds", help);
    behind.set(shared.maps.clock_behind().as_secs_f64());
    let help = "Workspaces in which somebody is";
    gauge("syncline_workspaces_attended", help, presence.places());
    let help = "Rooms of the peer dialect in which somebody is";
    gauge("syncline_peer_rooms_attended", help, participants.places());
    if let Some(webhooks) = &shared.webhooks {
        gauge("syncline_peer_webhooks_waiting", "Webhooks that wait", webhooks.waiting());
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    answer(StatusCode::OK, kind, metrics.render())
}

/// What lives at this address.
pub(super) fn welcome() -> Answer {
    let version = env!("CARGO_PKG_VERSION");
    let body = format!(
        "Syncline {version}\n\nrelay     WebSocket at /sync\n\
         oplog     HTTP below /sync/\n\
         workspace WebSocket at /v1/sync/NAME\n\
         maps      WebSocket at /v1/maps\npeer      WebSocket at /v1/peer/ROOM\nprobes    /livez /readyz /healthz\n\
         metrics   /metrics\n"
    );
    text(StatusCode::OK, body)
}
