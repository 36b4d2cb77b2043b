//! The measurements: what is done to an engine, and the figures that come out.

mod append;
mod durable;
mod logs;
mod maps;
mod memory;
mod read;

use std::path::Path;

use crate::engines::{Failure, Kind};

/// Bytes of every payload.
pub const PAYLOAD_BYTES: usize = 256;

/// A figure: its name and value.
pub type Figure = (&'static str, f64);

/// How much work is done.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Records of the buffered append and of the point reads.
    pub records: u64,
    /// Logs of the many-logs measurement.
    pub logs: u32,
    /// Seconds of everything that runs for a time.
    pub seconds: f64,
    /// Keys and records of the memory measurement.
    pub memory_records: u64,
}

impl Scale {
    /// What goals are checked with.
    pub const FULL: Self =
        Self { records: 2_000_000, logs: 100_000, seconds: 2.0, memory_records: 1_000_000 };
    /// Shows that it works.
    pub const QUICK: Self =
        Self { records: 600_000, logs: 10_000, seconds: 0.3, memory_records: 200_000 };
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Measurement {
    /// P1: buffered append
    Append,
    /// P2: durable append, 1 writer
    #[value(name = "durable1")]
    Durable1,
    /// P2: durable append, 8 writers
    #[value(name = "durable8")]
    Durable8,
    /// P2: durable append, 64 writers
    #[value(name = "durable64")]
    Durable64,
    /// P5: memory
    Memory,
    /// P6: point reads
    Read,
    /// P8: many logs
    Logs,
}

impl Measurement {
    /// All of them, in the order of the goals.
    pub const ALL: &[Self] = &[
        Self::Append,
        Self::Durable1,
        Self::Durable8,
        Self::Durable64,
        Self::Memory,
        Self::Read,
        Self::Logs,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Durable1 => "durable1",
            Self::Durable8 => "durable8",
            Self::Durable64 => "durable64",
            Self::Memory => "memory",
            Self::Read => "read",
            Self::Logs => "logs",
        }
    }

    /// Whom it measures.
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Append => &[Kind::Syncline, Kind::Raft, Kind::Commitlog],
            Self::Durable1 => &[Kind::Disk, Kind::Syncline, Kind::Raft, Kind::Lmdb],
            Self::Durable8 | Self::Durable64 => &[Kind::Syncline, Kind::Raft, Kind::Lmdb],
            Self::Memory => &[Kind::Syncline, Kind::Raft],
            Self::Read | Self::Logs => &[Kind::Syncline, Kind::Raft, Kind::Lmdb],
        }
    }

    /// Measures one engine once, in an empty directory.
    pub fn run(self, kind: Kind, dir: &Path, scale: &Scale) -> Result<Vec<Figure>, Failure> {
        match self {
            Self::Append => append::run(kind, dir, scale),
            Self::Durable1 => durable::run(kind, dir, scale, 1),
            Self::Durable8 => durable::run(kind, dir, scale, 8),
            Self::Durable64 => durable::run(kind, dir, scale, 64),
            Self::Memory => {
                let mut figures = memory::run(kind, dir, scale)?;
                if kind == Kind::Syncline {
                    figures.extend(maps::memory(dir, scale)?);
                }
                Ok(figures)
            }
            Self::Read => {
                let mut figures = read::run(kind, dir, scale)?;
                if kind == Kind::Syncline {
                    figures.extend(maps::read(&dir.join("map"), scale)?);
                }
                Ok(figures)
            }
            Self::Logs => logs::run(kind, dir, scale),
        }
    }
}
