//! The scenarios of the relay dialect.

mod fanout;
mod idle;
mod ingest;
mod join;
mod joining;
mod rooms;
mod wire;

use super::{
    fanout::FanoutOptions, idle::IdleOptions, measured::Measured, meter::MeterOptions,
    probe::Probe, twos::RoomsOptions,
};
use crate::error::Error;

pub(crate) use self::wire::{Endpoint, Framing};
use self::{ingest::IngestOptions, join::JoinOptions};

/// One scenario and its numbers.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// One publisher per room, many subscribers
    Fanout(FanoutOptions),
    /// Many rooms of two, each with a message going back and forth
    Rooms(RoomsOptions),
    /// Many writers that wait for their acknowledgements
    Ingest(IngestOptions),
    /// Late joins of one long room
    Join(JoinOptions),
    /// Many connections that joined and say nothing
    Idle(IdleOptions),
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Fanout(_) => "fanout",
            Self::Rooms(_) => "rooms",
            Self::Ingest(_) => "ingest",
            Self::Join(_) => "join",
            Self::Idle(_) => "idle",
        }
    }

    /// `fanout` in one room; a rate of 0 is as fast as it goes.
    pub(crate) fn fanout(subscribers: usize, bytes: usize, rate: f64) -> Self {
        Self::Fanout(FanoutOptions { subscribers, bytes, rate, ..FanoutOptions::default() })
    }

    /// `rooms` with one message back and forth in each.
    pub(crate) fn rooms(rooms: usize) -> Self {
        Self::Rooms(RoomsOptions { rooms, ..RoomsOptions::default() })
    }

    /// `ingest` with the usual payload.
    pub(crate) fn ingest(connections: usize, window: u64) -> Self {
        Self::Ingest(IngestOptions { connections, window, ..IngestOptions::default() })
    }

    /// `join` of the usual room.
    pub(crate) fn join() -> Self {
        Self::Join(JoinOptions::default())
    }

    /// What is measured when nothing is named.
    pub(crate) fn usual() -> Vec<Self> {
        vec![Self::fanout(100, 128, 0.0), Self::rooms(1000), Self::ingest(64, 64)]
    }

    /// `idle` with the usual number of connections.
    pub(crate) fn idle() -> Self {
        Self::Idle(IdleOptions::default())
    }
}

/// Runs one scenario against a server and says what was measured.
pub(crate) fn run(
    scenario: &Scenario,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    match scenario {
        Scenario::Fanout(options) => fanout::run(options, endpoint, meter, probe),
        Scenario::Rooms(options) => rooms::run(options, endpoint, meter, probe),
        Scenario::Ingest(options) => ingest::run(options, endpoint, meter, probe),
        Scenario::Join(options) => join::run(options, endpoint, probe),
        Scenario::Idle(options) => idle::run(options, endpoint, probe),
    }
}
