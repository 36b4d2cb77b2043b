//! How often something can be done in a time, by one thread or several at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    engines::{Engine, Failure, Reader},
    random::Random,
};

/// Reads per second of so many threads, each with a reader and a sequence of its own.
pub fn reads(
    engine: &dyn Engine,
    threads: u64,
    limit: Duration,
    read: impl Fn(&mut dyn Reader, &mut Random) -> Result<(), Failure> + Sync,
) -> Result<f64, Failure> {
    let read = &read;
    let start = Instant::now();
    let reads = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|seed| {
                scope.spawn(move || {
                    let (mut reader, mut random) = (engine.reader()?, Random::new(seed + 1));
                    for_a_while(limit, || read(&mut *reader, &mut random))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Failure::from("a reader panicked"))?)
            .sum::<Result<u64, Failure>>()
    })?;
    Ok(reads as f64 / start.elapsed().as_secs_f64())
}

fn for_a_while(
    limit: Duration,
    mut read: impl FnMut() -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut reads = 0;
    let start = Instant::now();
    while start.elapsed() < limit {
        for _ in 0..1000 {
            read()?;
        }
        reads += 1000;
    }
    Ok(reads)
}
