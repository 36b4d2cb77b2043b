//! What one run measured. Knows nothing of how it is shown.

use hdrhistogram::Histogram;

use crate::latency;

/// What one run measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// What is counted, in the plural.
    pub(crate) unit: &'static str,
    /// How long it was measured, in seconds.
    pub(crate) seconds: f64,
    /// How many were counted.
    pub(crate) done: u64,
    /// What each took, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
    /// CPU time the server used, in seconds; `None` when it is not on this machine.
    pub(crate) server_cpu_seconds: Option<f64>,
    /// CPU time the generator used, in seconds.
    pub(crate) client_cpu_seconds: f64,
    /// Resident memory of the server at the end, in bytes.
    pub(crate) server_rss_bytes: Option<u64>,
    /// Messages per read of the generator: how much the server coalesced.
    pub(crate) messages_per_read: f64,
    /// Figures of this scenario alone: name and value.
    pub(crate) extra: Vec<(&'static str, f64)>,
    /// What a scenario measured one after the other, each with the same figures.
    pub(crate) rows: Vec<Row>,
}

/// One of the things that a scenario measures one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) name: String,
    /// Its figures: name and value.
    pub(crate) figures: Vec<(&'static str, f64)>,
}

impl Measured {
    /// How many were done per second.
    pub(crate) fn per_second(&self) -> f64 {
        self.done as f64 / self.seconds
    }

    /// CPU-seconds of the server per million.
    pub(crate) fn cpu_per_million(&self) -> Option<f64> {
        self.server_cpu_seconds.map(|cpu| cpu * 1e6 / self.done.max(1) as f64)
    }

    /// The share of one core that the server used.
    pub(crate) fn server_load(&self) -> Option<f64> {
        self.server_cpu_seconds.map(|cpu| cpu / self.seconds)
    }

    /// The share of one core that the generator used.
    pub(crate) fn client_load(&self) -> f64 {
        self.client_cpu_seconds / self.seconds
    }

    /// Whether the generator was the one that could not go faster.
    pub(crate) fn client_bound(&self) -> bool {
        self.client_load() > 0.95 && self.server_load().is_some_and(|load| load < 0.9)
    }

    /// The latency at a quantile, in milliseconds.
    pub(crate) fn millis(&self, quantile: f64) -> f64 {
        latency::millis(&self.latency, quantile)
    }

    /// A figure of a row.
    pub(crate) fn of_row(&self, row: &str, name: &str) -> Option<f64> {
        let row = self.rows.iter().find(|known| known.name == row)?;
        row.figures.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A figure of this scenario alone.
    pub(crate) fn extra(&self, name: &str) -> Option<f64> {
        self.extra.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}
