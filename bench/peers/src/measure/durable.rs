//! P2: writers that wait for the disk, each appending one record at a time to its own log.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::{Figures, PAYLOAD_BYTES};
use crate::{
    engines::{Engine, Failure, Kind, Wait},
    random,
    scale::Scale,
};

/// The names of the figures with so many writers.
fn names(writers: u32) -> [&'static str; 4] {
    match writers {
        1 => ["durable 1, k/s", "durable 1, p50 ms", "durable 1, p99 ms", "durable 1, max ms"],
        8 => ["durable 8, k/s", "durable 8, p50 ms", "durable 8, p99 ms", "durable 8, max ms"],
        _ => ["durable 64, k/s", "durable 64, p50 ms", "durable 64, p99 ms", "durable 64, max ms"],
    }
}

/// Rate and latency with so many writers, or of the disk itself.
pub fn run(kind: Kind, dir: &Path, scale: &Scale, writers: u32) -> Result<Figures, Failure> {
    let limit = Duration::from_secs_f64(scale.seconds);
    let (rate, took) = if kind == Kind::Disk {
        disk(dir, PAYLOAD_BYTES, limit)?
    } else {
        let engine = kind.open(dir, Wait::Durable, writers)?;
        // The first syncs of a new file are not the rate.
        all(&*engine, 1, Duration::from_millis(100))?;
        all(&*engine, writers, limit)?
    };
    let millis = |quantile| took.value_at_quantile(quantile) as f64 / 1e6;
    let values = [rate / 1e3, millis(0.5), millis(0.99), millis(1.0)];
    Ok(names(writers).into_iter().zip(values).collect())
}

/// An empty histogram of nanoseconds, up to a minute.
pub fn histogram() -> Result<Histogram<u64>, Failure> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 2)?)
}

fn all(
    engine: &dyn Engine,
    writers: u32,
    limit: Duration,
) -> Result<(f64, Histogram<u64>), Failure> {
    let start = Instant::now();
    let each = thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|log| scope.spawn(move || write_for_log(engine, log, limit)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Failure::from("a writer panicked"))?)
            .collect::<Result<Vec<_>, Failure>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let mut took = histogram()?;
    for one in &each {
        took.add(one)?;
    }
    Ok((took.len() as f64 / seconds, took))
}

fn write_for_log(
    engine: &dyn Engine,
    log: u32,
    limit: Duration,
) -> Result<Histogram<u64>, Failure> {
    let payload = random::payload(PAYLOAD_BYTES);
    let mut writer = engine.writer();
    let mut took = histogram()?;
    let start = Instant::now();
    while start.elapsed() < limit {
        let before = Instant::now();
        writer.append(&[(log, &payload)])?;
        took.saturating_record(before.elapsed().as_nanos() as u64);
    }
    Ok(took)
}

/// Writes per second, and how long they took, of the disk itself: so many bytes and a sync, over and over.
pub fn disk(dir: &Path, bytes: usize, limit: Duration) -> Result<(f64, Histogram<u64>), Failure> {
    const FILE_BYTES: u64 = 64 << 20;
    fs::create_dir_all(dir)?;
    let mut file = OpenOptions::new().create_new(true).write(true).open(dir.join("disk"))?;
    file.write_all(&vec![0; FILE_BYTES as usize])?;
    file.sync_all()?;
    let payload = random::payload(bytes);
    let mut took = histogram()?;
    let mut offset = 0;
    let start = Instant::now();
    while start.elapsed() < limit {
        let before = Instant::now();
        file.write_all_at(&payload, offset)?;
        rustix::fs::fdatasync(&file)?;
        took.saturating_record(before.elapsed().as_nanos() as u64);
        offset = (offset + bytes as u64) % FILE_BYTES;
    }
    Ok((took.len() as f64 / start.elapsed().as_secs_f64(), took))
}
