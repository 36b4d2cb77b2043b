//! P6: uniform point reads of one log, warm.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{Figure, PAYLOAD_BYTES, Scale};
use crate::{
    engines::{Engine, Failure, Kind, Wait},
    random::{self, Random},
};

/// Reads per second of one thread and of two.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Vec<Figure>, Failure> {
    let engine = kind.open(dir, Wait::Buffered, 1)?;
    let payload = random::payload(PAYLOAD_BYTES);
    let mut writer = engine.writer();
    let records = vec![(0, &payload[..]); 100];
    for _ in 0..scale.records / 100 {
        writer.append(&records)?;
    }
    engine.flush()?;
    let limit = Duration::from_secs_f64(scale.seconds);
    // Once over everything: from here on it is warm.
    let mut reader = engine.reader()?;
    for seq in 1..=scale.records {
        check(reader.read(0, seq)?)?;
    }
    drop(reader);
    let one = rate(&*engine, 1, scale.records, limit)?;
    let two = rate(&*engine, 2, scale.records, limit)?;
    Ok(vec![("read 1 thread, M/s", one / 1e6), ("read 2 threads, M/s", two / 1e6)])
}

fn check(read: Option<usize>) -> Result<(), Failure> {
    if read == Some(PAYLOAD_BYTES) { Ok(()) } else { Err("a record is not there".into()) }
}

fn rate(engine: &dyn Engine, threads: u64, records: u64, limit: Duration) -> Result<f64, Failure> {
    let start = Instant::now();
    let reads = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|seed| scope.spawn(move || read_for(engine, seed, records, limit)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Failure::from("a reader panicked"))?)
            .sum::<Result<u64, Failure>>()
    })?;
    Ok(reads as f64 / start.elapsed().as_secs_f64())
}

fn read_for(engine: &dyn Engine, seed: u64, records: u64, limit: Duration) -> Result<u64, Failure> {
    let mut reader = engine.reader()?;
    let mut random = Random::new(seed + 1);
    let mut reads = 0;
    let start = Instant::now();
    while start.elapsed() < limit {
        for _ in 0..1000 {
            check(reader.read(0, random.below(records) + 1)?)?;
        }
        reads += 1000;
    }
    Ok(reads)
}
