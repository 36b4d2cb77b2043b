//! Runs a load: warm-up, the measured window, then until everything sent has arrived.

use std::time::Duration;

use super::{
    measured::Measured,
    meter::{Meter, MeterOptions},
    net::Net,
    probe::Probe,
};
use crate::error::Error;

const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest wait of a turn, so that the clock is looked at.
pub(super) const WAIT_MAX: Duration = Duration::from_millis(50);

/// A load on connections of one kind.
pub(super) trait Load {
    /// The connections.
    type Links: AsRef<Net>;

    /// Says what may be said now; returns how long until there is more to say unasked.
    fn refill(&mut self, links: &mut Self::Links) -> Duration;

    /// Waits up to `wait` for something to arrive and handles it.
    fn turn(&mut self, links: &mut Self::Links, wait: Duration) -> Result<(), Error>;

    /// Where it counts.
    fn meter(&mut self) -> &mut Meter;

    /// How many messages it still waits for.
    fn pending(&self) -> u64;
}

/// Runs a load on open connections and gives it back. What is counted is called `unit`.
pub(super) fn drive<L: Load>(
    links: &mut L::Links,
    options: &MeterOptions,
    probe: Option<&Probe>,
    unit: &'static str,
    make: impl FnOnce(Meter) -> L,
) -> Result<(Measured, L), Error> {
    let mut load = make(Meter::new(options, links.as_ref(), probe));
    let measured = loop {
        let wait = load.refill(links).min(WAIT_MAX);
        load.turn(links, wait)?;
        if let Some(measured) = load.meter().over(links.as_ref(), unit)? {
            break measured;
        }
    };
    let deadline = links.as_ref().now() + DRAIN_TIMEOUT.as_nanos() as u64;
    while load.pending() > 0 {
        if links.as_ref().now() > deadline {
            let missing = load.pending();
            return Err(Error::Violation(format!("{missing} of the {unit} never arrived")));
        }
        load.turn(links, WAIT_MAX)?;
    }
    Ok((measured, load))
}
