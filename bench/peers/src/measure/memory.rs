//! P5: what an engine keeps on the heap for what it stores, seen by the allocator after a reopen.
//!
//! Memory maps and the page cache are not the heap and not counted.

use std::path::Path;

use super::{Figure, PAYLOAD_BYTES, Scale, logs::RECORDS_PER_LOG};
use crate::{
    ALLOCATED,
    engines::{Failure, Kind, Wait},
    random::{self, Random},
};

/// Bytes per record one by one over two logs, per record in runs of 100, and per log of 20 records.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Vec<Figure>, Failure> {
    let empty = reopened(kind, &dir.join("empty"))?;
    let mut figures = Vec::new();
    for (name, run) in [("bytes per record", 1), ("bytes per record in runs of 100", 100)] {
        let dir = dir.join(run.to_string());
        fill_runs(kind, &dir, run, scale.memory_records)?;
        let bytes = reopened(kind, &dir)?.saturating_sub(empty);
        figures.push((name, bytes as f64 / scale.memory_records as f64));
    }
    let many = dir.join("logs");
    fill_logs(kind, &many, scale.logs)?;
    let bytes = reopened(kind, &many)?.saturating_sub(empty);
    figures.push(("bytes per log of 20 records", bytes as f64 / f64::from(scale.logs)));
    Ok(figures)
}

/// Heap bytes that opening takes and keeps. Asks for no log, whose handle would be the caller's memory.
fn reopened(kind: Kind, dir: &Path) -> Result<usize, Failure> {
    let before = ALLOCATED.allocated();
    let engine = kind.open(dir, Wait::Buffered, 0)?;
    let bytes = ALLOCATED.allocated().saturating_sub(before);
    drop(engine);
    Ok(bytes)
}

/// Alternates between two logs after every `run` records.
fn fill_runs(kind: Kind, dir: &Path, run: usize, records: u64) -> Result<(), Failure> {
    let engine = kind.open(dir, Wait::Buffered, 2)?;
    let payload = random::payload(PAYLOAD_BYTES);
    let mut writer = engine.writer();
    let mut batch = Vec::new();
    let mut log = 0;
    for _ in 0..records / run as u64 {
        batch.extend(std::iter::repeat_n((log, &payload[..]), run));
        log = 1 - log;
        if batch.len() >= 100 {
            writer.append(&batch)?;
            batch.clear();
        }
    }
    writer.append(&batch)?;
    engine.flush()
}

fn fill_logs(kind: Kind, dir: &Path, logs: u32) -> Result<(), Failure> {
    let engine = kind.open(dir, Wait::Buffered, logs)?;
    let payload = random::payload(PAYLOAD_BYTES);
    let mut writer = engine.writer();
    let mut random = Random::new(3);
    let mut left: Vec<u32> =
        (0..logs).flat_map(|log| std::iter::repeat_n(log, RECORDS_PER_LOG as usize)).collect();
    for i in (1..left.len()).rev() {
        left.swap(i, random.below(i as u64 + 1) as usize);
    }
    for chunk in left.chunks(100) {
        let records: Vec<(u32, &[u8])> = chunk.iter().map(|log| (*log, &payload[..])).collect();
        writer.append(&records)?;
    }
    engine.flush()
}
