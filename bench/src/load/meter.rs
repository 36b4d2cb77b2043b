//! Warm-up, the measured window, and the processes watched meanwhile.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::{measured::Measured, net::Net, probe::Probe, usage::Usage};
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
    /// From the end of the warm-up, and how much had been done by then.
    opening: Option<(Usage, u64)>,
    done: u64,
    latency: Histogram<u64>,
    /// The last time something was done, and how much had been by then.
    progress: (u64, u64),
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
            None if now >= self.start => {
                self.opening = Some((Usage::open(net, self.server.as_ref())?, self.done));
            }
            Some((usage, before)) if now >= self.end => {
                let done = self.done - before;
                return Ok(Some(usage.close(net, unit, done, self.latency.clone())?));
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
}
