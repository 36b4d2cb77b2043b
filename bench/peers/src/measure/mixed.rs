//! P9: what a durable commit waits while everything else goes on: overwrites, appends, reads, snapshots, compaction.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::{Figures, PAYLOAD_BYTES, durable, maps, upkeep::Upkeep};
use crate::{
    engines::{Engine, Failure, Kind, Wait},
    random::{Payloads, Random},
    scale::Scale,
};

const WRITERS: u32 = 8;
const KEY_BYTES: usize = 16;
/// Puts or records of a commit.
const BATCH: usize = 8;
/// One commit of so many appends; the others put.
const APPEND_ONE_OF: u64 = 8;
const SNAPSHOT_EVERY: Duration = Duration::from_secs(2);
/// The reader reads so many keys, then rests.
const READS: u64 = 100;
const REST: Duration = Duration::from_millis(5);

/// Commits per second, and how long they waited.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let limit = Duration::from_secs_f64(scale.mixed_seconds);
    if kind == Kind::Disk {
        let (rate, took) = durable::disk(dir, BATCH * PAYLOAD_BYTES, limit)?;
        return Ok(figures(rate, &took));
    }
    let engine = kind.open_to_overwrite(dir, Wait::Durable, WRITERS)?;
    maps::fill(&*engine, scale.mixed_keys, KEY_BYTES)?;
    let upkeep = Upkeep::default();
    let (took, seconds, reads) = thread::scope(|scope| {
        scope.spawn(|| upkeep.run(&*engine, Some(SNAPSHOT_EVERY)));
        let reader =
            scope.spawn(|| upkeep.until_done(REST, || read_some(&*engine, scale.mixed_keys)));
        let took = all_writers(&*engine, scale.mixed_keys, limit);
        upkeep.finish();
        let reads = reader.join().map_err(|_| "the reader panicked")??.len();
        let (took, seconds) = took?;
        Ok::<_, Failure>((took, seconds, reads as u64 * READS))
    })?;
    upkeep.check()?;
    let mut figures = figures(took.len() as f64 / seconds, &took);
    figures.push(("mixed: reads, k/s", reads as f64 / seconds / 1e3));
    Ok(figures)
}

fn figures(rate: f64, took: &Histogram<u64>) -> Figures {
    let millis = |quantile| took.value_at_quantile(quantile) as f64 / 1e6;
    vec![
        ("mixed, k/s", rate / 1e3),
        ("mixed, p50 ms", millis(0.5)),
        ("mixed, p99 ms", millis(0.99)),
        ("mixed, p99.99 ms", millis(0.9999)),
        ("mixed, max ms", millis(1.0)),
    ]
}

fn read_some(engine: &dyn Engine, keys: u64) -> Result<(), Failure> {
    let mut reader = engine.reader()?;
    let mut random = Random::new(17);
    for _ in 0..READS {
        if reader.get(&maps::key::<KEY_BYTES>(random.below(keys)))? != Some(PAYLOAD_BYTES) {
            return Err("a key is not there".into());
        }
    }
    Ok(())
}

fn all_writers(
    engine: &dyn Engine,
    keys: u64,
    limit: Duration,
) -> Result<(Histogram<u64>, f64), Failure> {
    let start = Instant::now();
    let each = thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|log| scope.spawn(move || one_writer(engine, log, keys, limit)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Failure::from("a writer panicked"))?)
            .collect::<Result<Vec<_>, Failure>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let mut took = durable::histogram()?;
    for one in &each {
        took.add(one)?;
    }
    Ok((took, seconds))
}

fn one_writer(
    engine: &dyn Engine,
    log: u32,
    keys: u64,
    limit: Duration,
) -> Result<Histogram<u64>, Failure> {
    let mut payloads = Payloads::new(u64::from(log));
    let mut random = Random::new(u64::from(log) + 23);
    let mut writer = engine.writer();
    let mut took = durable::histogram()?;
    let start = Instant::now();
    while start.elapsed() < limit {
        let chosen: [[u8; KEY_BYTES]; BATCH] =
            std::array::from_fn(|_| maps::key(random.below(keys)));
        let pairs = maps::pairs(&chosen, KEY_BYTES, &mut payloads);
        let append = random.below(APPEND_ONE_OF) == 0;
        let before = Instant::now();
        if append {
            let records: Vec<(u32, &[u8])> = pairs.iter().map(|pair| (log, pair.1)).collect();
            writer.append(&records)?;
        } else {
            writer.put(&pairs)?;
        }
        took.saturating_record(before.elapsed().as_nanos() as u64);
    }
    Ok(took)
}
