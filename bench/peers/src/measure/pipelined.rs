//! P3: durable appends whose caller does not block: so many on their way at any moment.

use std::{
    collections::VecDeque,
    path::Path,
    time::{Duration, Instant},
};

use syncline_engine::{Batch, Position};

use super::{Figures, PAYLOAD_BYTES, durable};
use crate::{
    engines::{Failure, Kind, Wait, syncline},
    random,
    scale::Scale,
};

const WARM_UP: Duration = Duration::from_millis(100);

/// Records acknowledged per second, with 64 and with 256 on their way.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let limit = Duration::from_secs_f64(scale.seconds);
    let mut figures = Vec::new();
    for (name, window) in [("pipelined 64, k/s", 64), ("pipelined 256, k/s", 256)] {
        let dir = dir.join(window.to_string());
        let rate: f64 = match kind {
            Kind::Disk => durable::disk(&dir, PAYLOAD_BYTES, limit)?.0 * f64::from(window),
            Kind::Syncline => unblocked(&dir, window as usize, limit)?,
            _ => in_groups(kind, &dir, window, limit)?,
        };
        figures.push((name, rate / 1e3));
    }
    Ok(figures)
}

/// One thread commits until the window is full, then waits for the oldest.
fn unblocked(dir: &Path, window: usize, limit: Duration) -> Result<f64, Failure> {
    let store = syncline::open_unblocked(dir)?;
    let log = store.log("log")?;
    let payload = random::payload(PAYLOAD_BYTES);
    let mut on_their_way: VecDeque<Position> = VecDeque::with_capacity(window);
    let mut acknowledge = |limit: Duration| {
        let (start, mut acknowledged) = (Instant::now(), 0_u64);
        while acknowledged == 0 || start.elapsed() < limit {
            while on_their_way.len() < window {
                let mut batch = Batch::new();
                batch.append(&log, &payload);
                on_their_way.push_back(store.commit(batch)?.position());
            }
            store.wait(on_their_way[0])?;
            let durable = store.durable();
            while on_their_way.front().is_some_and(|position| *position <= durable) {
                on_their_way.pop_front();
                acknowledged += 1;
            }
        }
        Ok(acknowledged as f64 / start.elapsed().as_secs_f64())
    };
    // The first syncs of a new file are not the rate.
    acknowledge(WARM_UP)?;
    acknowledge(limit)
}

/// A peer without such a call: so many unsynced appends, then one sync.
fn in_groups(kind: Kind, dir: &Path, group: u32, limit: Duration) -> Result<f64, Failure> {
    let engine = kind.open(dir, Wait::Buffered, 1)?;
    let payload = random::payload(PAYLOAD_BYTES);
    let mut writer = engine.writer();
    let mut append = |limit: Duration| {
        let (start, mut appended) = (Instant::now(), 0_u64);
        while start.elapsed() < limit {
            for _ in 0..group {
                writer.append(&[(0, &payload)])?;
            }
            engine.sync()?;
            appended += u64::from(group);
        }
        Ok::<_, Failure>(appended as f64 / start.elapsed().as_secs_f64())
    };
    append(WARM_UP)?;
    append(limit)
}
