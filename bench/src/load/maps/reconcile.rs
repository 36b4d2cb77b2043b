//! `reconcile`: a client that missed some changes of a large map finds out which, by cursor, ranges and buckets.

use std::{collections::BTreeMap, thread, time::Duration};

use hdrhistogram::Histogram;
use syncline_protocol::dialects::maps::{
    Entry, Index, Limits, Path, Record, fingerprint, hash_of, proto::sync_response::Status,
};

use super::{
    asker::{Asker, root_question},
    fill::fill,
    records::Records,
    ways::{Client, Found, Way},
    wire::{self, Connections, Endpoint},
};
use crate::{
    error::Error,
    latency,
    load::{
        measured::{Measured, Row},
        probe::Probe,
        usage::Usage,
    },
};

/// So long the server is left alone before and after what is measured, so that it has nothing else to do.
const REST: Duration = Duration::from_millis(5);

/// The numbers of `reconcile`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReconcileOptions {
    /// Records of the map
    #[arg(long, default_value_t = Self::default().keys)]
    pub(crate) keys: u64,
    /// How many of them changed meanwhile; several, one after the other
    #[arg(long, value_delimiter = ',', default_values_t = Self::default().differing)]
    pub(crate) differing: Vec<u64>,
    /// Bytes of each value
    #[arg(long, default_value_t = Self::default().bytes)]
    pub(crate) bytes: usize,
    /// Reconciliations of each kind
    #[arg(long, default_value_t = Self::default().times)]
    pub(crate) times: u64,
}

impl Default for ReconcileOptions {
    fn default() -> Self {
        Self { keys: 100_000, differing: vec![0, 10, 100, 1000], bytes: 200, times: 10 }
    }
}

/// The name of a row of its figures.
pub(crate) fn row(way: &str, differing: u64) -> String {
    format!("{way}, {differing} differ")
}

/// What a client that was away has, and what it must find.
struct Absence {
    index: Index,
    cursor: Vec<u8>,
    missed: BTreeMap<Path, Entry>,
    root: [u8; 16],
}

/// Runs the scenario.
pub(super) fn run(
    options: &ReconcileOptions,
    endpoint: &Endpoint,
    probe: Option<&Probe>,
) -> Result<Measured, Error> {
    let most = options.differing.iter().max();
    if options.times == 0 || options.keys == 0 || most.is_none_or(|most| *most > options.keys) {
        return Err(Error::Usage(
            "--times and --keys must not be 0, --differing at most --keys".into(),
        ));
    }
    let mut sockets = wire::connections(endpoint)?;
    let mut records = Records::new(options.bytes)?;
    fill(&mut sockets, &mut records, (0..options.keys).map(|number| (number, 0)))?;
    let entries = (0..options.keys).map(|number| records.entry(number, 0)).collect();
    let mut index = Index::from_entries(entries);
    let (mut took, mut rows) = (latency::histogram(), Vec::new());
    let usage = Usage::open(sockets.as_ref(), probe)?;
    for (version, &differing) in (1..).zip(&options.differing) {
        let absence = leave(&mut sockets, &mut records, index, (version, differing, options.keys))?;
        for way in Way::ALL {
            let name = row(way.name(), differing);
            let costs = Costs { name, times: options.times, probe };
            rows.push(costs.of(&mut sockets, &records.map, &absence, way, &mut took)?);
        }
        index = absence.index;
        for entry in absence.missed.into_values() {
            index.insert(entry);
        }
    }
    let done = rows.len() as u64 * options.times;
    let measured = usage.close(sockets.as_ref(), "reconciliations", done, took)?;
    Ok(Measured { rows, ..measured })
}

/// A client that has everything leaves, and so many records change.
fn leave(
    sockets: &mut Connections,
    records: &mut Records,
    mut index: Index,
    (version, differing, keys): (u64, u64, u64),
) -> Result<Absence, Error> {
    let mut asker = Asker::open(sockets)?;
    let question = root_question(&records.map, Some(fingerprint(&index.root())));
    let answer = asker.ask(sockets, question)?.remove(0);
    asker.close(sockets);
    if answer.status() != Status::InSync {
        return Err(Error::Violation("the map is not what was written to it".into()));
    }
    // Spread over the whole map, and the same every time.
    let numbers: Vec<u64> = (0..differing).map(|i| i * (keys / differing.max(1))).collect();
    fill(sockets, records, numbers.iter().map(|&number| (number, version)))?;
    let missed = numbers.into_iter().map(|number| records.entry(number, version));
    let missed: BTreeMap<Path, Entry> = missed.map(|entry| (entry.path, entry)).collect();
    let before: Vec<_> = missed.values().filter_map(|entry| index.insert(*entry)).collect();
    let root = fingerprint(&index.root());
    for entry in before {
        index.insert(entry);
    }
    Ok(Absence { index, cursor: answer.cursor.to_vec(), missed, root })
}

/// What is measured of one way.
struct Costs<'a> {
    name: String,
    times: u64,
    probe: Option<&'a Probe>,
}

impl Costs<'_> {
    fn cpu_seconds(&self) -> Result<Option<f64>, Error> {
        thread::sleep(REST);
        self.probe.map(Probe::cpu_seconds).transpose()
    }

    /// Reconciles so many times, each on a connection of its own, whose opening does not count.
    fn of(
        self,
        sockets: &mut Connections,
        map: &str,
        absence: &Absence,
        way: Way,
        all: &mut Histogram<u64>,
    ) -> Result<Row, Error> {
        let (mut questions, mut up, mut down, mut cpu) = (0, 0, 0, Some(0.0));
        let mut took = latency::histogram();
        for _ in 0..self.times {
            let mut asker = Asker::open(sockets)?;
            let before = self.cpu_seconds()?;
            let start = sockets.now();
            let (index, cursor) = (&absence.index, &absence.cursor[..]);
            let found = Client { map, index, cursor, asker: &mut asker, sockets }.find(way)?;
            latency::record_nanos(&mut took, sockets.now() - start, 1);
            let after = self.cpu_seconds()?;
            cpu = cpu.zip(after).zip(before).map(|((sum, after), before)| sum + after - before);
            check(&found, absence, &self.name)?;
            (questions, up, down) = (questions + asker.questions, up + asker.up, down + asker.down);
            asker.close(sockets);
        }
        // A histogram of the same bounds takes them all.
        let _ = all.add(&took);
        let mean = |sum: u64| sum as f64 / self.times as f64;
        let mut figures = vec![
            ("round_trips", mean(questions)),
            ("bytes_up", mean(up)),
            ("bytes_down", mean(down)),
            ("p50_ms", latency::millis(&took, 0.5)),
        ];
        figures.extend(cpu.map(|cpu| ("server_cpu_ms", cpu * 1e3 / self.times as f64)));
        Ok(Row { name: self.name, figures })
    }
}

/// Everything that was missed must be found, as it is now; nothing else may be.
fn check(found: &Found, absence: &Absence, name: &str) -> Result<(), Error> {
    let limits = Limits::default();
    let leaf_of = |op: &_| Record::from_op(Clone::clone(op), &limits).map(|r| hash_of(&r));
    let right = found.ops.iter().all(|op| {
        let missed = absence.missed.get(&Path::of(&op.key));
        missed.is_some_and(|entry| leaf_of(op) == Ok(entry.leaf))
    });
    let (came, missed) = (found.ops.len(), absence.missed.len());
    if !right || came != missed || found.root != absence.root {
        let what = format!("{name}: {came} operations came, {missed} records were to be found");
        return Err(Error::Violation(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_what_was_missed() {
        let mut records = Records::new(16).unwrap();
        let missed = [1, 2].map(|number| records.entry(number, 3));
        let absence = Absence {
            index: Index::default(),
            cursor: Vec::new(),
            missed: missed.into_iter().map(|entry| (entry.path, entry)).collect(),
            root: [7; 16],
        };
        let mut right = |numbers: &[(u64, u64)], root: u8| {
            let ops = numbers.iter().map(|&(number, version)| records.op(number, version));
            let found = Found { ops: ops.collect(), root: vec![root; 16] };
            check(&found, &absence, "").is_ok()
        };
        assert!(right(&[(2, 3), (1, 3)], 7));
        assert!(!right(&[(2, 3), (1, 3)], 8), "another root");
        assert!(!right(&[(2, 3)], 7), "one is missing");
        assert!(!right(&[(2, 3), (1, 2)], 7), "an old one");
        assert!(!right(&[(2, 3), (3, 3)], 7), "another");
    }
}
