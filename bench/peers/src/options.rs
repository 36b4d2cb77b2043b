//! The command line: what is measured, of whom, how much, and where the results go.

use std::path::PathBuf;

use clap::Parser;

use crate::{engines::Kind, goals, measure::Measurement, scale::Scale};

const ROUNDS: usize = 5;
const ROUNDS_OF_OTHERS: usize = 3;

/// The engine beside other storage engines, in one run.
#[derive(Debug, Parser)]
pub struct Options {
    /// A small part of the work and one round: shows that it works, proves nothing
    #[arg(long)]
    quick: bool,
    /// So little that a test can do it
    #[arg(long, hide = true)]
    tiny: bool,
    /// Interleaved rounds [default: 5, or 1 with --quick]
    #[arg(long)]
    rounds: Option<usize>,
    /// Rounds of engines that no goal compares with [default: 3]
    #[arg(long)]
    rounds_of_others: Option<usize>,
    /// Only these measurements and engines: append durable1 durable8 durable64 pipelined open memory read
    /// overwrite logs mixed; syncline raft-engine rocksdb fjall LMDB redb SQLite sled okaywal commitlog raw-disk
    #[arg(long, value_delimiter = ',', value_parser = pick)]
    only: Vec<Pick>,
    /// Where the stores are made: the disk to measure, not tmpfs
    #[arg(long, default_value = ".")]
    pub dir: PathBuf,
    /// Write the results here: .json, .html, else Markdown; may be repeated
    /// [default: peers.json, peers.md, peers.html]
    #[arg(long)]
    out: Vec<PathBuf>,
    /// Take the rounds of this file of results first; may be repeated. With --rounds 0 nothing is measured
    #[arg(long)]
    pub add: Vec<PathBuf>,
    /// Seconds of each rate that has no option of its own
    #[arg(long)]
    seconds: Option<f64>,
    /// Records of the buffered append and of the point reads
    #[arg(long)]
    records: Option<u64>,
    /// Logs of the many-logs measurement
    #[arg(long)]
    logs: Option<u32>,
    /// Records of the store that is opened
    #[arg(long)]
    open_records: Option<u64>,
    /// Seconds of overwriting
    #[arg(long)]
    overwrite_seconds: Option<f64>,
    /// Seconds of the mixed run (goal P9 asks for 600)
    #[arg(long)]
    mixed_seconds: Option<f64>,
    /// Write a store for another process to open, and wait to be killed
    #[arg(long, hide = true, value_parser = engine)]
    pub fill: Option<Kind>,
    /// With a snapshot
    #[arg(long, hide = true)]
    pub fill_snapshot: bool,
}

/// What can be asked for alone.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pick {
    Measurement(Measurement),
    Engine(Kind),
}

fn pick(name: &str) -> Result<Pick, String> {
    let measurement = Measurement::ALL.iter().find(|measurement| measurement.name() == name);
    match measurement {
        Some(measurement) => Ok(Pick::Measurement(*measurement)),
        None => engine(name).map(Pick::Engine),
    }
}

fn engine(name: &str) -> Result<Kind, String> {
    Kind::named(name).ok_or_else(|| "neither a measurement nor an engine".into())
}

impl Options {
    /// How much work is done.
    pub fn scale(&self) -> Scale {
        let scale = match (self.tiny, self.quick) {
            (true, _) => Scale::TINY,
            (_, true) => Scale::QUICK,
            _ => Scale::FULL,
        };
        Scale {
            seconds: self.seconds.unwrap_or(scale.seconds),
            records: self.records.unwrap_or(scale.records),
            logs: self.logs.unwrap_or(scale.logs),
            open_records: self.open_records.unwrap_or(scale.open_records),
            overwrite_seconds: self.overwrite_seconds.unwrap_or(scale.overwrite_seconds),
            mixed_seconds: self.mixed_seconds.unwrap_or(scale.mixed_seconds),
            ..scale
        }
    }

    /// How often.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick || self.tiny { 1 } else { ROUNDS })
    }

    /// What is measured.
    pub fn measurements(&self) -> impl Iterator<Item = Measurement> {
        let any = self.only.iter().any(|pick| matches!(pick, Pick::Measurement(_)));
        let asked = move |measurement| !any || self.only.contains(&Pick::Measurement(measurement));
        Measurement::ALL.iter().copied().filter(move |measurement| asked(*measurement))
    }

    /// Whom a round measures.
    pub fn kinds(&self, measurement: Measurement, round: usize) -> Vec<Kind> {
        let any = self.only.iter().any(|pick| matches!(pick, Pick::Engine(_)));
        let others = self.rounds_of_others.unwrap_or(ROUNDS_OF_OTHERS);
        Kind::available()
            .filter(|kind| !any || self.only.contains(&Pick::Engine(*kind)))
            .filter(|kind| round < others || goals::compares_with(*kind))
            .filter(|kind| measurement.measures(*kind))
            .collect()
    }

    /// Where the results go.
    pub fn out(&self) -> Vec<PathBuf> {
        if !self.out.is_empty() {
            return self.out.clone();
        }
        ["peers.json", "peers.md", "peers.html"].map(PathBuf::from).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Options {
        Options::parse_from([&["peers"], arguments].concat())
    }

    #[test]
    fn measurements_and_engines_can_be_picked_apart() {
        let both = parsed(&["--only", "open,LMDB"]);
        assert_eq!(both.measurements().collect::<Vec<_>>(), [Measurement::Open]);
        assert_eq!(both.kinds(Measurement::Open, 0), [Kind::Lmdb]);
        let engines = parsed(&["--only", "syncline"]);
        assert_eq!(engines.measurements().count(), Measurement::ALL.len());
        assert!(Options::try_parse_from(["peers", "--only", "nobody"]).is_err());
    }

    #[test]
    fn whom_no_goal_compares_with_sits_out_later_rounds() {
        let options = parsed(&[]);
        let kinds = |round| options.kinds(Measurement::Append, round);
        assert!(kinds(0).contains(&Kind::Fjall));
        assert!(!kinds(ROUNDS_OF_OTHERS).contains(&Kind::Fjall));
        assert!(kinds(ROUNDS_OF_OTHERS).contains(&Kind::Commitlog));
    }
}
