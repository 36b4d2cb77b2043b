//! The scenarios of the workspace dialect.

mod fanout;
mod open;
mod wire;

use super::{fanout::FanoutOptions, measured::Measured, meter::MeterOptions, probe::Probe};
use crate::error::Error;

use self::open::OpenOptions;
pub(crate) use self::wire::Endpoint;

/// One scenario and its numbers.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// One writer per workspace and its readers
    Fanout(FanoutOptions),
    /// Openings of one workspace with many keys
    Open(OpenOptions),
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Fanout(_) => "fanout",
            Self::Open(_) => "open",
        }
    }

    /// So many workspaces, each with one writer and so many readers, and so much on the way in each.
    pub(crate) fn fanout(rooms: usize, subscribers: usize, window: u64) -> Self {
        Self::Fanout(FanoutOptions { rooms, subscribers, window, ..FanoutOptions::default() })
    }

    /// What is measured when nothing is named: one writer and one reader, 64 of each, one and 100.
    pub(crate) fn usual() -> Vec<Self> {
        vec![
            Self::fanout(1, 1, 256),
            Self::fanout(64, 1, 16),
            Self::fanout(1, 100, 32),
            Self::Open(OpenOptions::default()),
        ]
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
        Scenario::Open(options) => open::run(options, endpoint, probe),
    }
}
