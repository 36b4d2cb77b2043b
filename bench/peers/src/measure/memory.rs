//! P5: what an engine keeps on the heap for what it stores, seen by the allocator after a reopen.
//!
//! Memory maps and the page cache are not the heap and not counted.

use std::path::Path;

use super::{Figures, PAYLOAD_BYTES, logs::RECORDS_PER_LOG, maps};
use crate::{
    ALLOCATED,
    engines::{Failure, Kind, Wait},
    random::{self, Random},
    scale::Scale,
};

/// Bytes per record one by one over two logs, per record in runs of 100, per log of 20 records, and per key of
/// a map.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
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
    for (name, key_bytes) in [("bytes per map key of 16 B", 16), ("bytes per map key of 64 B", 64)]
    {
        let dir = dir.join(format!("map-{key_bytes}"));
        maps::fill(&*kind.open(&dir, Wait::Buffered, 0)?, scale.memory_records, key_bytes)?;
        let bytes = reopened(kind, &dir)?.saturating_sub(empty);
        figures.push((name, bytes as f64 / scale.memory_records as f64));
    }
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
