//! P7: a map whose values are overwritten in random order for a while: speed, space and bytes written.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{Figures, PAYLOAD_BYTES, maps, upkeep::Upkeep};
use crate::{
    engines::{Engine, Failure, Kind, Wait},
    random::{Payloads, Random},
    scale::Scale,
};

const KEY_BYTES: usize = 16;
/// Puts of a batch, and batches from one sync to the next.
const BATCH: usize = 100;
const BATCHES_PER_SYNC: u64 = 100;
const SAMPLE_EVERY: Duration = Duration::from_millis(200);
/// Bytes that `st_blocks` counts in.
const BLOCK_BYTES: u64 = 512;

/// Puts per second, space over live bytes all along, and bytes written over bytes put.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let engine = kind.open_to_overwrite(dir, Wait::Buffered, 1)?;
    maps::fill(&*engine, scale.overwrite_keys, KEY_BYTES)?;
    let live = (scale.overwrite_keys * (KEY_BYTES + PAYLOAD_BYTES) as u64) as f64;
    let limit = Duration::from_secs_f64(scale.overwrite_seconds);
    let upkeep = Upkeep::default();
    let before = written_bytes()?;
    let start = Instant::now();
    let (puts, mut spaces) = thread::scope(|scope| {
        scope.spawn(|| upkeep.run(&*engine, None));
        let sampler = scope.spawn(|| upkeep.until_done(SAMPLE_EVERY, || allocated_bytes(dir)));
        let puts = overwrite(&*engine, scale.overwrite_keys, limit);
        upkeep.finish();
        let spaces = sampler.join().map_err(|_| "the sampler panicked")??;
        Ok::<_, Failure>((puts?, spaces))
    })?;
    upkeep.check()?;
    let rate = puts as f64 / start.elapsed().as_secs_f64();
    let put_bytes = (puts * (KEY_BYTES + PAYLOAD_BYTES) as u64) as f64;
    let written = (written_bytes()? - before) as f64;
    spaces.sort_unstable();
    let space = |place: usize| spaces.get(place).map_or(0.0, |bytes| *bytes as f64 / live);
    Ok(vec![
        ("overwrite, k/s", rate / 1e3),
        ("overwrite: space, median ×", space(spaces.len() / 2)),
        ("overwrite: space, max ×", space(spaces.len() - 1)),
        ("overwrite: written ×", written / put_bytes),
        ("overwrite: put, × live", put_bytes / live),
    ])
}

fn overwrite(engine: &dyn Engine, keys: u64, limit: Duration) -> Result<u64, Failure> {
    let mut payloads = Payloads::new(31);
    let mut random = Random::new(11);
    let mut writer = engine.writer();
    let mut batches = 0;
    let start = Instant::now();
    while start.elapsed() < limit {
        let chosen: [[u8; KEY_BYTES]; BATCH] =
            std::array::from_fn(|_| maps::key(random.below(keys)));
        writer.put(&maps::pairs(&chosen, KEY_BYTES, &mut payloads))?;
        batches += 1;
        if batches % BATCHES_PER_SYNC == 0 {
            engine.sync()?;
        }
    }
    engine.sync()?;
    Ok(batches * BATCH as u64)
}

/// Bytes of all blocks of a directory's files. A file that goes meanwhile does not count.
fn allocated_bytes(dir: &Path) -> Result<u64, Failure> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += allocated_bytes(&entry.path())?,
            Ok(metadata) => bytes += metadata.blocks() * BLOCK_BYTES,
            Err(error) if gone(&error) => (),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

/// Bytes that this process has made the system write to the device, or marked to be written.
fn written_bytes() -> Result<u64, Failure> {
    let counters = fs::read_to_string("/proc/self/io")?;
    let line = counters.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("/proc/self/io has no write_bytes")?.parse()?)
}
