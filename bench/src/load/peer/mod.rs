//! The scenarios of the peer dialect's relay.

mod fanout;
mod idle;
mod packet;
mod twos;
mod wire;

use super::{
    fanout::FanoutOptions, idle::IdleOptions, measured::Measured, meter::MeterOptions,
    probe::Probe, relay, twos::RoomsOptions,
};
use crate::error::Error;

use self::twos::UnicastOptions;
pub(crate) use self::wire::Endpoint;

/// One scenario and its numbers.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// One publisher per room, many other participants
    Fanout(FanoutOptions),
    /// Many rooms of two, each with a packet going back and forth
    Rooms(RoomsOptions),
    /// One room, in which each two participants send packets to each other alone
    Unicast(UnicastOptions),
    /// Many connections, each alone in a room, that say nothing
    Idle(IdleOptions),
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Fanout(_) => "fanout",
            Self::Rooms(_) => "rooms",
            Self::Unicast(_) => "unicast",
            Self::Idle(_) => "idle",
        }
    }

    /// `fanout` in one room; a rate of 0 is as fast as it goes.
    pub(crate) fn fanout(subscribers: usize, bytes: usize, rate: f64) -> Self {
        Self::Fanout(FanoutOptions { subscribers, bytes, rate, ..FanoutOptions::default() })
    }

    /// `rooms` with one packet back and forth in each.
    pub(crate) fn rooms(rooms: usize) -> Self {
        Self::Rooms(RoomsOptions { rooms, ..RoomsOptions::default() })
    }

    /// What is measured when nothing is named: fan-out as fast as it goes and at a rate, rooms of two, and
    /// packets for one.
    pub(crate) fn usual() -> Vec<Self> {
        vec![
            Self::fanout(100, 128, 0.0),
            Self::fanout(100, 1024, 100_000.0),
            Self::rooms(1000),
            Self::Unicast(UnicastOptions::default()),
        ]
    }

    /// The same over the relay dialect, with frames as long as the packets here; `None` where that dialect
    /// has nothing like it.
    pub(crate) fn as_relay(&self) -> Option<relay::Scenario> {
        match self {
            Self::Fanout(options) => {
                let bytes = packet::relay_bytes(options.bytes);
                Some(relay::Scenario::Fanout(FanoutOptions { bytes, ..options.clone() }))
            }
            Self::Rooms(options) => {
                let bytes = packet::relay_bytes(options.bytes);
                Some(relay::Scenario::Rooms(RoomsOptions { bytes, ..options.clone() }))
            }
            Self::Unicast(_) => None,
            Self::Idle(options) => Some(relay::Scenario::Idle(options.clone())),
        }
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
        Scenario::Rooms(options) => twos::rooms(options, endpoint, meter, probe),
        Scenario::Unicast(options) => twos::unicast(options, endpoint, meter, probe),
        Scenario::Idle(options) => idle::run(options, endpoint, probe),
    }
}
