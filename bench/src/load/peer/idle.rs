//! `idle` of peer rooms: participants alone in their rooms.

use super::wire::{Endpoint, Run, connections};
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
    let sockets = || connections(endpoint);
    let run = |sockets: &mut _, rooms: std::ops::Range<usize>| {
        Run::new(endpoint).join(sockets, rooms.map(|room| (room, None))).map(drop)
    };
    idle::run(options, sockets, run, probe)
}
