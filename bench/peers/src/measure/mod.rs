//! The measurements: what is done to an engine, and the figures that come out.

mod append;
mod durable;
mod logs;
mod maps;
mod memory;
mod mixed;
mod open;
mod overwrite;
mod pipelined;
mod rate;
mod read;
mod upkeep;

use std::path::Path;

pub use self::open::fill;
use crate::{
    engines::{Failure, Kind},
    scale::Scale,
};

/// Bytes of every payload.
pub const PAYLOAD_BYTES: usize = 256;

/// The names and values of the figures of one measurement.
pub type Figures = Vec<(&'static str, f64)>;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// P1: buffered append.
    Append,
    /// P2: durable append, 1 writer.
    Durable1,
    /// P2: durable append, 8 writers.
    Durable8,
    /// P2: durable append, 64 writers.
    Durable64,
    /// P3: durable append, callers not blocked.
    Pipelined,
    /// P4: open.
    Open,
    /// P5: memory.
    Memory,
    /// P6: point reads.
    Read,
    /// P7: steady overwrite.
    Overwrite,
    /// P8: many logs.
    Logs,
    /// P9: stalls.
    Mixed,
}

impl Measurement {
    /// All of them, in the order of the goals.
    pub const ALL: &[Self] = &[
        Self::Append,
        Self::Durable1,
        Self::Durable8,
        Self::Durable64,
        Self::Pipelined,
        Self::Open,
        Self::Memory,
        Self::Read,
        Self::Overwrite,
        Self::Logs,
        Self::Mixed,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Durable1 => "durable1",
            Self::Durable8 => "durable8",
            Self::Durable64 => "durable64",
            Self::Pipelined => "pipelined",
            Self::Open => "open",
            Self::Memory => "memory",
            Self::Read => "read",
            Self::Overwrite => "overwrite",
            Self::Logs => "logs",
            Self::Mixed => "mixed",
        }
    }

    /// Whom it can measure.
    pub fn measures(self, kind: Kind) -> bool {
        match self {
            Self::Append => kind.has_map() || kind == Kind::Commitlog,
            Self::Durable1 => kind != Kind::Commitlog,
            Self::Durable8 | Self::Durable64 | Self::Open | Self::Read => kind.has_reads(),
            Self::Pipelined | Self::Mixed => kind.has_map() || kind == Kind::Disk,
            Self::Overwrite | Self::Logs => kind.has_map(),
            Self::Memory => kind.has_visible_heap(),
        }
    }

    /// Measures one engine once, in an empty directory.
    pub fn run(self, kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
        match self {
            Self::Append => append::run(kind, dir, scale),
            Self::Durable1 => durable::run(kind, dir, scale, 1),
            Self::Durable8 => durable::run(kind, dir, scale, 8),
            Self::Durable64 => durable::run(kind, dir, scale, 64),
            Self::Pipelined => pipelined::run(kind, dir, scale),
            Self::Open => open::run(kind, dir, scale),
            Self::Memory => memory::run(kind, dir, scale),
            Self::Read => read::run(kind, dir, scale),
            Self::Overwrite => overwrite::run(kind, dir, scale),
            Self::Logs => logs::run(kind, dir, scale),
            Self::Mixed => mixed::run(kind, dir, scale),
        }
    }
}
