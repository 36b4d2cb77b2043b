//! Warm-up, the measured window, and the processes watched meanwhile.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::{measured::Measured, net::Net, probe::Probe};
use crate::{error::Error, latency};

/// Nothing done for this long means that something was lost.
const STALL: Duration = Duration::from_secs(20);

/// How long to measure.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct MeterOptions {
    /// Seconds before the measured window
    #[arg(long, default_value_t = 1.0, global = true)]
    pub(crate) warmup: f64,
    /// Seconds of the measured window
    #[arg(long, default_value_t = 3.0, global = true)]
    pub(crate) seconds: f64,
}

/// Counts what is done in the measured window.
#[derive(Debug)]
pub(super) struct Meter {
    start: u64,
    end: u64,
    server: Option<Probe>,
    opening: Option<Reading>,
    done: u64,
    latency: Histogram<u64>,
    /// The last time something was done, and how much had been by then.
    progress: (u64, u64),
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: u64,
    server_cpu: Option<f64>,
    client_cpu: f64,
    done: u64,
    reads: u64,
    messages: u64,
}

impl Meter {
    /// The warm-up begins now.
    pub(super) fn new(options: &MeterOptions, net: &Net, server: Option<&Probe>) -> Self {
        let nanos = |seconds: f64| (seconds * 1e9) as u64;
        let start = net.now() + nanos(options.warmup);
        Self {
            start,
            end: start + nanos(options.seconds),
            server: server.copied(),
            opening: None,
            done: 0,
            latency: latency::histogram(),
            progress: (net.now(), 0),
        }
    }

    /// Counts `times` things done, each of which took `nanos`.
    #[inline]
    pub(super) fn record(&mut self, nanos: u64, times: u64) {
        self.done += times;
        if self.opening.is_some() {
            latency::record_nanos(&mut self.latency, nanos, times);
        }
    }

    /// To be asked once per turn: what was measured, when the window is over.
    pub(super) fn over(
        &mut self,
        net: &Net,
        unit: &'static str,
    ) -> Result<Option<Measured>, Error> {
        let now = net.now();
        self.watch(now)?;
        match self.opening {
            None if now >= self.start => self.opening = Some(self.reading(net)?),
            Some(opening) if now >= self.end => {
                return Ok(Some(self.close(&opening, net, unit)?));
            }
            _ => {}
        }
        Ok(None)
    }

    fn watch(&mut self, now: u64) -> Result<(), Error> {
        if self.done != self.progress.1 {
            self.progress = (now, self.done);
        } else if now - self.progress.0 > STALL.as_nanos() as u64 {
            return Err(Error::Violation(format!(
                "nothing arrived for {} s: a message was lost, or the server stands still",
                STALL.as_secs()
            )));
        }
        Ok(())
    }

    fn reading(&self, net: &Net) -> Result<Reading, Error> {
        Ok(Reading {
            at: net.now(),
            server_cpu: self.server.map(|probe| probe.cpu_seconds()).transpose()?,
            client_cpu: Probe::own().cpu_seconds()?,
            done: self.done,
            reads: net.reads,
            messages: net.messages,
        })
    }

    fn close(&self, opening: &Reading, net: &Net, unit: &'static str) -> Result<Measured, Error> {
        let end = self.reading(net)?;
        Ok(Measured {
            unit,
            seconds: (end.at - opening.at) as f64 / 1e9,
            done: end.done - opening.done,
            latency: self.latency.clone(),
            server_cpu_seconds: end.server_cpu.zip(opening.server_cpu).map(|(b, a)| b - a),
            client_cpu_seconds: end.client_cpu - opening.client_cpu,
            server_rss_bytes: self.server.map(|probe| probe.rss_bytes()).transpose()?,
            messages_per_read: (end.messages - opening.messages) as f64
                / (end.reads - opening.reads).max(1) as f64,
            extra: Vec::new(),
        })
    }
}
