//! The scenarios of the maps dialect.

mod asker;
mod fanout;
mod fill;
mod ingest;
mod reconcile;
mod records;
mod restart;
mod snapshot;
mod ways;
mod wire;

use super::{measured::Measured, meter::MeterOptions, probe::Probe};
use crate::error::Error;

use self::{
    fanout::FollowersOptions, ingest::IngestOptions, reconcile::ReconcileOptions,
    restart::RestartOptions, snapshot::SnapshotOptions,
};
pub(crate) use self::{reconcile::row, wire::Endpoint};

/// One scenario and its numbers.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// Writers that wait for their acknowledgements
    Ingest(IngestOptions),
    /// One writer of each map and its followers
    Fanout(FollowersOptions),
    /// A client that missed some changes finds out which, in three ways
    Reconcile(ReconcileOptions),
    /// Newcomers that pull everything
    Snapshot(SnapshotOptions),
    /// The first question after the server was killed and started again
    Restart(RestartOptions),
}

impl Scenario {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "ingest",
            Self::Fanout(_) => "fanout",
            Self::Reconcile(_) => "reconcile",
            Self::Snapshot(_) => "snapshot",
            Self::Restart(_) => "restart",
        }
    }

    /// `ingest` of so many operations at a time.
    pub(crate) fn ingest(connections: usize, ops: u64) -> Self {
        Self::Ingest(IngestOptions { connections, ops, ..IngestOptions::default() })
    }

    /// `fanout` of the usual kind.
    pub(crate) fn fanout() -> Self {
        Self::Fanout(FollowersOptions::default())
    }

    /// `reconcile` of so many records, of which so many differ.
    pub(crate) fn reconcile(keys: u64, differing: Vec<u64>) -> Self {
        Self::Reconcile(ReconcileOptions { keys, differing, ..ReconcileOptions::default() })
    }

    /// What is measured when nothing is named: pushes of ten operations, single operations, and each of
    /// the others. `restart` is not among them: it needs a server that it may kill.
    pub(crate) fn usual() -> Vec<Self> {
        vec![
            Self::ingest(64, 10),
            Self::ingest(64, 1),
            Self::fanout(),
            Self::Reconcile(ReconcileOptions::default()),
            Self::Snapshot(SnapshotOptions::default()),
        ]
    }
}

/// Runs one scenario against a server and says what was measured. `restart` kills that server and starts it
/// again with what it has stored; it returns as soon as it accepts connections.
pub(crate) fn run(
    scenario: &Scenario,
    endpoint: &Endpoint,
    meter: &MeterOptions,
    probe: Option<&Probe>,
    restart: impl FnMut() -> Result<(), Error>,
) -> Result<Measured, Error> {
    match scenario {
        Scenario::Ingest(options) => ingest::run(options, endpoint, meter, probe),
        Scenario::Fanout(options) => fanout::run(options, endpoint, meter, probe),
        Scenario::Reconcile(options) => reconcile::run(options, endpoint, probe),
        Scenario::Snapshot(options) => snapshot::run(options, endpoint, meter, probe),
        Scenario::Restart(options) => restart::run(options, endpoint, restart),
    }
}
