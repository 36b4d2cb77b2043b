//! Latency histograms in nanoseconds. Knows nothing of what was timed.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Times above this are counted as this.
const NANOS_MAX: u64 = 60_000_000_000;

/// An empty histogram: 1 ns to 60 s at two significant digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, NANOS_MAX, 2).expect("the bounds are constants in range")
}

/// Counts one duration.
pub(crate) fn record(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(took.as_nanos() as u64);
}

/// Counts one duration in nanoseconds `times` times.
pub(crate) fn record_nanos(histogram: &mut Histogram<u64>, nanos: u64, times: u64) {
    histogram.saturating_record_n(nanos, times);
}

/// The value at a quantile, in milliseconds.
pub(crate) fn millis(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e6
}
