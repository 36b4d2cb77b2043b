//! P6: uniform point reads of one log and of a map, warm.

use std::{path::Path, time::Duration};

use super::{Figures, PAYLOAD_BYTES, maps, rate};
use crate::{
    engines::{Failure, Kind, Wait},
    random,
    scale::Scale,
};

/// Reads per second of one thread and of two, of a log and of a map where there is one.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let mut figures = of_a_log(kind, &dir.join("log"), scale)?;
    if kind.has_map() {
        figures.extend(of_a_map(kind, &dir.join("map"), scale)?);
    }
    Ok(figures)
}

fn of_a_log(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let engine = kind.open(dir, Wait::Buffered, 1)?;
    let payload = random::payload(PAYLOAD_BYTES);
    let mut writer = engine.writer();
    let records = vec![(0, &payload[..]); 100];
    for _ in 0..scale.records / 100 {
        writer.append(&records)?;
    }
    engine.flush()?;
    // Once over everything: from here on it is warm.
    let mut reader = engine.reader()?;
    for seq in 1..=scale.records {
        check(reader.read(0, seq)?)?;
    }
    drop(reader);
    let limit = Duration::from_secs_f64(scale.seconds);
    let rate = |threads| {
        rate::reads(&*engine, threads, limit, |reader, random| {
            check(reader.read(0, random.below(scale.records) + 1)?)
        })
    };
    Ok(vec![("read 1 thread, M/s", rate(1)? / 1e6), ("read 2 threads, M/s", rate(2)? / 1e6)])
}

fn of_a_map(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let keys = scale.records;
    // Opened anew, so that what is read is as a service finds it after a start.
    maps::fill(&*kind.open(dir, Wait::Buffered, 1)?, keys, 16)?;
    let engine = kind.open(dir, Wait::Buffered, 1)?;
    let mut reader = engine.reader()?;
    for number in 0..keys {
        check(reader.get(&maps::key::<16>(number))?)?;
    }
    drop(reader);
    let limit = Duration::from_secs_f64(scale.seconds);
    let rate = |threads| {
        rate::reads(&*engine, threads, limit, |reader, random| {
            check(reader.get(&maps::key::<16>(random.below(keys)))?)
        })
    };
    Ok(vec![
        ("map read 1 thread, M/s", rate(1)? / 1e6),
        ("map read 2 threads, M/s", rate(2)? / 1e6),
    ])
}

fn check(read: Option<usize>) -> Result<(), Failure> {
    if read == Some(PAYLOAD_BYTES) { Ok(()) } else { Err("a record is not there".into()) }
}
