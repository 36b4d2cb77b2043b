//! P1: one thread appends to one log, without waiting for the disk.

use std::{path::Path, time::Instant};

use super::{Figures, PAYLOAD_BYTES};
use crate::{
    engines::{Failure, Kind, Wait},
    random,
    scale::Scale,
};

/// Records per second, one by one and in batches of 100. The time ends when all is with the operating system.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let mut figures = Vec::new();
    for (name, batch) in [("append b1, M/s", 1), ("append b100, M/s", 100)] {
        let engine = kind.open(&dir.join(batch.to_string()), Wait::Buffered, 1)?;
        let payload = random::payload(PAYLOAD_BYTES);
        let records = vec![(0, &payload[..]); batch];
        let mut writer = engine.writer();
        // What a store does once, at its first records, is not the rate.
        for _ in 0..1000 {
            writer.append(&records[..1])?;
        }
        engine.flush()?;
        let batches = scale.records / batch as u64;
        let start = Instant::now();
        for _ in 0..batches {
            writer.append(&records)?;
        }
        engine.flush()?;
        let rate = (batches * batch as u64) as f64 / start.elapsed().as_secs_f64();
        figures.push((name, rate / 1e6));
    }
    Ok(figures)
}
