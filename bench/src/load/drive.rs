//! Runs a load: warm-up, the measured window, then until everything sent has arrived.

use std::time::Duration;

use super::{
    measured::Measured,
    meter::{Meter, MeterOptions},
    net::{Handler, Net},
    probe::Probe,
};
use crate::error::Error;

const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest wait of a turn, so that the clock is looked at.
pub(super) const WAIT_MAX: Duration = Duration::from_millis(50);

/// A load: what arrives is handled by its [`Handler`] part, what is to be sent is said in `refill`.
pub(super) trait Load: Handler {
    /// Says what may be said now; returns how long until there is more to say unasked.
    fn refill(&mut self, net: &mut Net) -> Duration;

    /// Where it counts.
    fn meter(&mut self) -> &mut Meter;

    /// How many messages it still waits for.
    fn pending(&self) -> u64;
}

/// Runs `load` on joined connections. What is counted is called `unit`.
pub(super) fn drive<L: Load>(
    net: &mut Net,
    options: &MeterOptions,
    probe: Option<&Probe>,
    unit: &'static str,
    make: impl FnOnce(Meter) -> L,
) -> Result<Measured, Error> {
    let mut load = make(Meter::new(options, net, probe));
    let measured = loop {
        let wait = load.refill(net).min(WAIT_MAX);
        net.turn(wait, &mut load)?;
        if let Some(measured) = load.meter().over(net, unit)? {
            break measured;
        }
    };
    let deadline = net.now() + DRAIN_TIMEOUT.as_nanos() as u64;
    while load.pending() > 0 {
        if net.now() > deadline {
            let missing = load.pending();
            return Err(Error::Violation(format!("{missing} of the {unit} never arrived")));
        }
        net.turn(WAIT_MAX, &mut load)?;
    }
    Ok(measured)
}
