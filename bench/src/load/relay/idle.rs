//! `idle` of the relay.

use super::{
    joining::{self, Names},
    wire::{Endpoint, net},
};
use crate::{
    error::Error,
    load::{
        idle::{self, IdleOptions},
        measured::Measured,
        probe::Probe,
    },
};

/// Runs the scenario.
pub(super) fn run(
    options: &IdleOptions,
    endpoint: &Endpoint,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let join = |net: &mut _, rooms| joining::join(net, Names::new(), rooms, false).map(drop);
    idle::run(options, || net(endpoint), join, probe)
}
