//! `restart`: how long after the server was killed a map of many records answers its first question.

use std::time::{Duration, Instant};

use syncline_protocol::dialects::maps::{Index, fingerprint, proto::sync_response::Status};

use super::{
    asker::{Asker, root_question},
    fill::fill,
    records::Records,
    wire::{self, Endpoint},
};
use crate::{
    error::Error,
    latency,
    load::{measured::Measured, usage::Usage},
    stats::median,
};

/// The numbers of `restart`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RestartOptions {
    /// Records of the map
    #[arg(long, default_value_t = Self::default().keys)]
    keys: u64,
    /// Bytes of each value
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
    /// Restarts
    #[arg(long, default_value_t = Self::default().times)]
    times: usize,
}

impl Default for RestartOptions {
    fn default() -> Self {
        Self { keys: 100_000, bytes: 200, times: 3 }
    }
}

/// Runs the scenario. Timed is from the moment at which the server accepts connections to the answer; what it
/// needs until then is told beside it.
pub(super) fn run(
    options: &RestartOptions,
    endpoint: &Endpoint,
    mut restart: impl FnMut() -> Result<(), Error>,
) -> Result<Measured, Error> {
    if options.keys == 0 || options.times == 0 {
        return Err(Error::Usage("--keys and --times must not be 0".into()));
    }
    let mut sockets = wire::connections(endpoint)?;
    let mut records = Records::new(options.bytes)?;
    fill(&mut sockets, &mut records, (0..options.keys).map(|number| (number, 0)))?;
    let entries = (0..options.keys).map(|number| records.entry(number, 0)).collect();
    let root = fingerprint(&Index::from_entries(entries).root());
    let usage = Usage::open(sockets.as_ref(), None)?;
    let (mut took, mut listens) = (latency::histogram(), Vec::new());
    for _ in 0..options.times {
        let start = Instant::now();
        restart()?;
        listens.push(start.elapsed());
        let accepts = Instant::now();
        let mut sockets = wire::connections(endpoint)?;
        let mut asker = Asker::open(&mut sockets)?;
        let answer = asker.ask(&mut sockets, root_question(&records.map, Some(root)))?;
        latency::record(&mut took, accepts.elapsed());
        if answer[0].status() != Status::InSync {
            return Err(Error::Violation("the map is not what it was before".into()));
        }
    }
    let done = options.times as u64;
    let mut measured = usage.close(sockets.as_ref(), "restarts", done, took)?;
    let millis = listens.iter().map(Duration::as_secs_f64).map(|seconds| seconds * 1e3);
    measured.extra.extend(median(millis).map(|millis| ("listens_ms", millis)));
    Ok(measured)
}
