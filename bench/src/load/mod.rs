//! The load generator: one thread, plain epoll, many connections, and the scenarios it drives.
//!
//! It verifies what it receives and measures the server from outside; it knows nothing of how one is started.

mod drive;
mod exchanges;
mod fanout;
mod idle;
mod link;
pub(crate) mod maps;
mod measured;
mod meter;
mod net;
pub(crate) mod oplog;
mod payload;
pub(crate) mod peer;
mod probe;
pub(crate) mod relay;
mod sockets;
mod twos;
mod usage;
pub(crate) mod workspace;

pub(crate) use self::{
    measured::{Measured, Row},
    meter::MeterOptions,
    probe::Probe,
};

/// One scenario of any dialect.
#[derive(Clone, Debug)]
pub(crate) enum Scenario {
    /// Over `/sync`
    Relay(relay::Scenario),
    /// Over `/v1/sync/`
    Workspace(workspace::Scenario),
    /// Over HTTP
    Oplog(oplog::Scenario),
    /// Over `/v1/maps`
    Maps(maps::Scenario),
    /// Over `/v1/peer/`
    Peer(peer::Scenario),
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Relay(scenario) => scenario.name(),
            Self::Workspace(scenario) => scenario.name(),
            Self::Oplog(scenario) => scenario.name(),
            Self::Maps(scenario) => scenario.name(),
            Self::Peer(scenario) => scenario.name(),
        }
    }

    /// What a yardstick does that this is measured against, in the dialect that yardsticks speak; `None`
    /// when there is none.
    pub(crate) fn of_yardstick(&self) -> Option<Self> {
        match self {
            Self::Relay(_) => Some(self.clone()),
            Self::Peer(scenario) => scenario.as_relay().map(Self::Relay),
            _ => None,
        }
    }
}

impl From<relay::Scenario> for Scenario {
    fn from(scenario: relay::Scenario) -> Self {
        Self::Relay(scenario)
    }
}

impl From<workspace::Scenario> for Scenario {
    fn from(scenario: workspace::Scenario) -> Self {
        Self::Workspace(scenario)
    }
}

impl From<oplog::Scenario> for Scenario {
    fn from(scenario: oplog::Scenario) -> Self {
        Self::Oplog(scenario)
    }
}

impl From<maps::Scenario> for Scenario {
    fn from(scenario: maps::Scenario) -> Self {
        Self::Maps(scenario)
    }
}

impl From<peer::Scenario> for Scenario {
    fn from(scenario: peer::Scenario) -> Self {
        Self::Peer(scenario)
    }
}
