//! P8: many logs of few records, appended to in random order and read at their tails.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{Figures, PAYLOAD_BYTES};
use crate::{
    engines::{Failure, Kind, Wait},
    random::{self, Random},
    scale::Scale,
};

/// Records of each log.
pub const RECORDS_PER_LOG: u64 = 20;
/// Records of a tail read.
const TAIL: u64 = 10;
/// Records of each batch, each for another log.
const BATCH: usize = 100;

/// Records appended per second, and tail reads per second.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let engine = kind.open(dir, Wait::Buffered, scale.logs)?;
    let payload = random::payload(PAYLOAD_BYTES);
    let mut order: Vec<u32> = (0..scale.logs).collect();
    let mut random = Random::new(1);
    let mut writer = engine.writer();
    let mut appending = Duration::ZERO;
    for _ in 0..RECORDS_PER_LOG {
        shuffle(&mut order, &mut random);
        let start = Instant::now();
        for chunk in order.chunks(BATCH) {
            let records: Vec<(u32, &[u8])> = chunk.iter().map(|log| (*log, &payload[..])).collect();
            writer.append(&records)?;
        }
        appending += start.elapsed();
    }
    let start = Instant::now();
    engine.flush()?;
    appending += start.elapsed();
    let appended = u64::from(scale.logs) * RECORDS_PER_LOG;

    let mut reader = engine.reader()?;
    let mut reads = 0_u32;
    let limit = Duration::from_secs_f64(scale.seconds);
    let start = Instant::now();
    while start.elapsed() < limit {
        for _ in 0..100 {
            let log = random.below(u64::from(scale.logs)) as u32;
            if reader.tail(log, RECORDS_PER_LOG, TAIL)? != TAIL as usize * PAYLOAD_BYTES {
                return Err("a tail is not whole".into());
            }
        }
        reads += 100;
    }
    Ok(vec![
        ("many logs: append, M/s", appended as f64 / appending.as_secs_f64() / 1e6),
        ("many logs: tail reads, k/s", f64::from(reads) / start.elapsed().as_secs_f64() / 1e3),
    ])
}

fn shuffle(order: &mut [u32], random: &mut Random) {
    for i in (1..order.len()).rev() {
        order.swap(i, random.below(i as u64 + 1) as usize);
    }
}
