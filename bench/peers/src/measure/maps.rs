//! Syncline's maps, which not every peer has: their memory for P5, their point reads for P6.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use syncline_engine::{Batch, Map};

use super::{Figure, PAYLOAD_BYTES, Scale};
use crate::{
    ALLOCATED,
    engines::{Failure, Wait, syncline::open_store},
    random::{self, Random},
};

const MAP: &str = "map";

/// Heap bytes per key after a reopen, with keys of 16 and of 64 bytes.
pub fn memory(dir: &Path, scale: &Scale) -> Result<Vec<Figure>, Failure> {
    let keys = scale.memory_records;
    let mut figures = Vec::new();
    for (name, key_bytes) in [("bytes per map key of 16 B", 16), ("bytes per map key of 64 B", 64)]
    {
        let empty = kept(&dir.join(format!("map-{key_bytes}-empty")), 0, key_bytes)?;
        let full = kept(&dir.join(format!("map-{key_bytes}")), keys, key_bytes)?;
        figures.push((name, full.saturating_sub(empty) as f64 / keys as f64));
    }
    Ok(figures)
}

/// Fills a map, and returns the heap bytes that opening its store again takes and keeps.
fn kept(dir: &Path, keys: u64, key_bytes: usize) -> Result<usize, Failure> {
    fill(dir, keys, key_bytes)?;
    let before = ALLOCATED.allocated();
    let store = open_store(dir, Wait::Buffered)?;
    let map = store.map(MAP)?;
    let bytes = ALLOCATED.allocated().saturating_sub(before);
    if map.len() != keys {
        return Err(format!("{} of {keys} keys are there", map.len()).into());
    }
    Ok(bytes)
}

fn fill(dir: &Path, keys: u64, key_bytes: usize) -> Result<(), Failure> {
    let store = open_store(dir, Wait::Buffered)?;
    let map = store.map(MAP)?;
    let payload = random::payload(PAYLOAD_BYTES);
    let mut next = 0;
    while next < keys {
        let mut batch = Batch::new();
        for number in next..keys.min(next + 100) {
            batch.put(&map, &key(number, key_bytes), &payload);
        }
        store.commit(batch)?;
        next += 100;
    }
    store.sync()?;
    Ok(())
}

/// The key of a number: its digits of no order, then filler.
fn key(number: u64, bytes: usize) -> Vec<u8> {
    let mut key = vec![b'k'; bytes];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    key
}

/// Uniform point reads per second, warm, of one thread and of two.
pub fn read(dir: &Path, scale: &Scale) -> Result<Vec<Figure>, Failure> {
    let keys = scale.records;
    fill(dir, keys, 16)?;
    let store = open_store(dir, Wait::Buffered)?;
    let map = store.map(MAP)?;
    for number in 0..keys {
        check(&map, number)?;
    }
    let limit = Duration::from_secs_f64(scale.seconds);
    let one = rate(&map, 1, keys, limit)?;
    let two = rate(&map, 2, keys, limit)?;
    Ok(vec![("map read 1 thread, M/s", one / 1e6), ("map read 2 threads, M/s", two / 1e6)])
}

#[inline]
fn check(map: &Map, number: u64) -> Result<(), Failure> {
    match map.get(&key(number, 16))? {
        Some(value) if std::hint::black_box(&value[..]).len() == PAYLOAD_BYTES => Ok(()),
        _ => Err("a key is not there".into()),
    }
}

fn rate(map: &Map, threads: u64, keys: u64, limit: Duration) -> Result<f64, Failure> {
    let start = Instant::now();
    let reads = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|seed| scope.spawn(move || read_for(map, seed, keys, limit)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Failure::from("a reader panicked"))?)
            .sum::<Result<u64, Failure>>()
    })?;
    Ok(reads as f64 / start.elapsed().as_secs_f64())
}

fn read_for(map: &Map, seed: u64, keys: u64, limit: Duration) -> Result<u64, Failure> {
    let mut random = Random::new(seed + 1);
    let mut reads = 0;
    let start = Instant::now();
    while start.elapsed() < limit {
        for _ in 0..1000 {
            check(map, random.below(keys))?;
        }
        reads += 1000;
    }
    Ok(reads)
}
