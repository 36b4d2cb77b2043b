//! The scenarios of the oplog dialect, over plain HTTP.

mod dataset;
mod pull;
mod push;

use super::{measured::Measured, meter::MeterOptions, probe::Probe};
use crate::error::Error;

pub(crate) use self::dataset::Endpoint;
use self::{
    pull::{BootstrapOptions, PullOptions},
    push::PushOptions,
};

/// One scenario and its numbers.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// Clients that push and wait for the answer
    Push(PushOptions),
    /// Clients that pull
    Pull(PullOptions),
    /// A newcomer that asks for everything
    Bootstrap(BootstrapOptions),
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Push(_) => "push",
            Self::Pull(_) => "pull",
            Self::Bootstrap(_) => "bootstrap",
        }
    }

    /// `push` of so many operations at a time.
    pub(crate) fn push(clients: usize, ops: u64) -> Self {
        Self::Push(PushOptions { clients, ops, ..PushOptions::default() })
    }

    /// `bootstrap` of the usual dataset.
    pub(crate) fn bootstrap() -> Self {
        Self::Bootstrap(BootstrapOptions::default())
    }

    /// What is measured when nothing is named: single pushes, batches of 1,000, pulls that bring nothing and ten
    /// operations, and bootstraps.
    pub(crate) fn usual() -> Vec<Self> {
        vec![
            Self::push(64, 1),
            Self::push(4, 1_000),
            Self::Pull(PullOptions::default()),
            Self::Pull(PullOptions { behind: 10, ..PullOptions::default() }),
            Self::bootstrap(),
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
        Scenario::Push(options) => push::run(options, endpoint, meter, probe),
        Scenario::Pull(options) => pull::run(options, endpoint, meter, probe),
        Scenario::Bootstrap(options) => pull::bootstrap(options, endpoint, probe),
    }
}
