//! `limit-sync`: how often the disk syncs a small write. No server can acknowledge one writer faster.

use std::{
    fs::{self, OpenOptions},
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rustix::{
    fs::{FallocateFlags, fallocate, fdatasync},
    io::pwrite,
};

use super::journal::preallocated;
use crate::{error::Error, latency};

const FILE_BYTES: u64 = 64 << 20;

/// How the file of `limit-sync` gets its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Blocks {
    /// Written with zeros before: a sync has only data to write.
    Zeroed,
    /// Reserved with `fallocate`: the first write to a block also changes metadata.
    Reserved,
    /// Not there: each write makes the file grow.
    Growing,
}

/// What `limit-sync` does.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SyncOptions {
    /// Where the file is made; it is removed at the end
    #[arg(long, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Bytes of each write
    #[arg(long, default_value_t = 256)]
    pub(crate) bytes: usize,
    /// How long to measure, in seconds
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// How the file gets its blocks
    #[arg(long, value_enum, default_value = "zeroed")]
    pub(crate) blocks: Blocks,
}

/// Writes and syncs until the time is over: the rate per second and each sync's time in nanoseconds.
pub(crate) fn measure_sync(options: &SyncOptions) -> Result<(f64, Histogram<u64>), Error> {
    if options.bytes == 0 || options.bytes as u64 > FILE_BYTES {
        return Err(Error::Usage(format!("--bytes must be 1 to {FILE_BYTES}")));
    }
    let path = options.dir.join(format!("limit-sync.{}", std::process::id()));
    let measured = measure(options, &path);
    fs::remove_file(&path)?;
    measured
}

fn measure(options: &SyncOptions, path: &PathBuf) -> Result<(f64, Histogram<u64>), Error> {
    let file = match options.blocks {
        Blocks::Zeroed => preallocated(path, FILE_BYTES)?,
        Blocks::Reserved | Blocks::Growing => {
            OpenOptions::new().create(true).truncate(true).write(true).open(path)?
        }
    };
    if options.blocks == Blocks::Reserved {
        fallocate(&file, FallocateFlags::empty(), 0, FILE_BYTES)?;
        file.sync_all()?;
    }
    let bytes = vec![0x5A; options.bytes];
    let mut took = latency::histogram();
    let mut offset = 0;
    let start = Instant::now();
    let limit = Duration::from_secs_f64(options.seconds);
    while start.elapsed() < limit {
        let before = Instant::now();
        if pwrite(&file, &bytes, offset)? != bytes.len() {
            return Err(io::Error::from(io::ErrorKind::WriteZero).into());
        }
        fdatasync(&file)?;
        latency::record(&mut took, before.elapsed());
        offset += bytes.len() as u64;
        if options.blocks != Blocks::Growing && offset + bytes.len() as u64 > FILE_BYTES {
            offset = 0;
        }
    }
    Ok((took.len() as f64 / start.elapsed().as_secs_f64(), took))
}
