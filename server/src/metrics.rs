//! What the server counts, for `/metrics`. Labels are bounded: never a room's or a peer's name.

use std::{fmt, sync::Arc};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Close codes that have a counter of their own.
const CLOSE_CODES: [u16; 15] =
    [1001, 1002, 1007, 1008, 1009, 1011, 1013, 4001, 4400, 4401, 4403, 4408, 4409, 4413, 4429];

/// Buckets of the time from a commit to its release, in seconds.
const COMMIT_SECONDS: [f64; 14] =
    [0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];

/// The registry of one server: several can live in one process.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new();
        let builder = match builder.set_buckets(&COMMIT_SECONDS) {
            Ok(builder) => builder,
            // Only an empty list is refused: without buckets a summary is exported.
            Err(_) => PrometheusBuilder::new(),
        };
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        Self { recorder, handle }
    }

    /// The exposition text.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    /// Counts a token that was not believed. The reasons are constants.
    pub(crate) fn token_refused(&self, reason: &'static str) {
        let labels = vec![Label::from_static_parts("reason", reason)];
        let help = "Requests refused for their token, or for showing none";
        self.counter("syncline_tokens_refused_total", labels, help).increment(1);
        tracing::debug!(reason, "refused a token");
    }

    /// The gauge that is looked at only when somebody asks.
    pub(crate) fn set_connections(&self, open: usize) {
        self.gauge("syncline_connections", "Open TCP connections").set(open as f64);
    }

    pub(crate) fn counter(
        &self,
        name: &'static str,
        labels: Vec<Label>,
        help: &'static str,
    ) -> Counter {
        let key = KeyName::from_const_str(name);
        self.recorder.describe_counter(key, Some(Unit::Count), help.into());
        self.recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
    }

    pub(crate) fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        self.recorder.describe_gauge(KeyName::from_const_str(name), None, help.into());
        self.recorder.register_gauge(&Key::from_static_name(name), &METADATA)
    }

    fn histogram(&self, name: &'static str, help: &'static str) -> Histogram {
        self.recorder.describe_histogram(KeyName::from_const_str(name), None, help.into());
        self.recorder.register_histogram(&Key::from_static_name(name), &METADATA)
    }
}

const METADATA: Metadata<'static> = Metadata::new("syncline", Level::INFO, None);

/// Handles to every metric of one dialect. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Counters {
    pub(crate) accepted: Counter,
    pub(crate) sessions: Gauge,
    pub(crate) rooms: Gauge,
    pub(crate) commands: Counter,
    pub(crate) deliveries: Counter,
    pub(crate) caught_up_bytes: Counter,
    pub(crate) commits: Counter,
    pub(crate) commit_failures: Counter,
    pub(crate) unstored: Counter,
    pub(crate) lagged: Counter,
    pub(crate) stalled: Counter,
    pub(crate) violations: Counter,
    pub(crate) panics: Counter,
    pub(crate) refused: Counter,
    pub(crate) calls: Counter,
    pub(crate) behind: Counter,
    pub(crate) resends: Counter,
    pub(crate) commit_seconds: Histogram,
    dialect: &'static str,
    metrics: Arc<Metrics>,
    closed: Vec<(u16, Counter)>,
    closed_other: Counter,
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counters")
    }
}

impl Counters {
    /// Registers the metrics of a dialect.
    pub(crate) fn new(metrics: &Arc<Metrics>, dialect: &'static str) -> Self {
        let one = |name, help| {
            metrics.counter(name, vec![Label::from_static_parts("dialect", dialect)], help)
        };
        let closed = |code: String| {
            metrics.counter(
                "syncline_connections_closed_total",
                vec![Label::new("code", code)],
                "Connections the server closed, by WebSocket close code",
            )
        };
        Self {
            accepted: one("syncline_connections_accepted_total", "WebSocket connections accepted"),
            sessions: metrics.gauge("syncline_sessions", "Open WebSocket sessions"),
            rooms: metrics.gauge("syncline_rooms", "Rooms in memory"),
            commands: one("syncline_commands_total", "Commands applied"),
            deliveries: one("syncline_deliveries_total", "Released batches queued for a session"),
            caught_up_bytes: one("syncline_catch_up_bytes_total", "Bytes of history sent"),
            commits: one("syncline_commits_total", "Batches committed"),
            commit_failures: one("syncline_commit_failures_total", "Batches the store refused"),
            unstored: one("syncline_unstored_total", "Batches lost by rooms that go on without"),
            lagged: one("syncline_lagged_total", "Sessions switched to reading from the log"),
            stalled: one("syncline_stalled_total", "Connections cut because they took no bytes"),
            violations: one("syncline_violations_total", "Connections that broke the protocol"),
            panics: one("syncline_panics_total", "Connections ended by a defect of the server"),
            refused: one("syncline_refused_total", "Commands refused because a room is full"),
            calls: one("syncline_calls_total", "Commands without a session"),
            behind: one("syncline_behind_total", "Sessions switched to the newest of what changed"),
            resends: one("syncline_resends_total", "Entries sent again to one session"),
            commit_seconds: metrics
                .histogram("syncline_commit_seconds", "From a batch's commit to its release"),
            dialect,
            closed: CLOSE_CODES.map(|code| (code, closed(code.to_string()))).into(),
            closed_other: closed("other".into()),
            metrics: metrics.clone(),
        }
    }

    /// Counts a connection that the server closes.
    pub(crate) fn closed(&self, code: u16) {
        let known = self.closed.iter().find(|(known, _)| *known == code);
        known.map_or(&self.closed_other, |(_, counter)| counter).increment(1);
    }

    /// Counts a message that was passed over. The reasons are the dialect's own constants.
    pub(crate) fn ignored(&self, reason: &'static str) {
        let labels = vec![
            Label::from_static_parts("dialect", self.dialect),
            Label::from_static_parts("reason", reason),
        ];
        let help = "Messages passed over";
        self.metrics.counter("syncline_messages_ignored_total", labels, help).increment(1);
    }
}
