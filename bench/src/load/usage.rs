//! What a run used between its beginning and its end: time, CPU, reads. Every scenario opens and closes with it.

use hdrhistogram::Histogram;

use super::{measured::Measured, net::Net, probe::Probe};
use crate::error::Error;

/// The beginning of what is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    server: Option<Probe>,
    at: u64,
    server_cpu: Option<f64>,
    client_cpu: f64,
    reads: u64,
    messages: u64,
}

impl Usage {
    /// It begins now.
    pub(super) fn open(net: &Net, server: Option<&Probe>) -> Result<Self, Error> {
        Ok(Self {
            server: server.copied(),
            at: net.now(),
            server_cpu: server.map(Probe::cpu_seconds).transpose()?,
            client_cpu: Probe::own().cpu_seconds()?,
            reads: net.reads,
            messages: net.messages,
        })
    }

    /// It ends now: `done` of `unit` were done meanwhile.
    pub(super) fn close(
        &self,
        net: &Net,
        unit: &'static str,
        done: u64,
        latency: Histogram<u64>,
    ) -> Result<Measured, Error> {
        let end = Self::open(net, self.server.as_ref())?;
        Ok(Measured {
            unit,
            seconds: (end.at - self.at) as f64 / 1e9,
            done,
            latency,
            server_cpu_seconds: end.server_cpu.zip(self.server_cpu).map(|(b, a)| b - a),
            client_cpu_seconds: end.client_cpu - self.client_cpu,
            server_rss_bytes: self.server.map(|probe| probe.rss_bytes()).transpose()?,
            messages_per_read: (end.messages - self.messages) as f64
                / (end.reads - self.reads).max(1) as f64,
            extra: Vec::new(),
            rows: Vec::new(),
        })
    }
}
