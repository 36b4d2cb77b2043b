//! What goes on beside a measurement until it is done: an engine's upkeep, and samples.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::engines::{Engine, Failure};

/// How long an engine with nothing to do is left alone.
const IDLE: Duration = Duration::from_millis(50);

/// Whether a measurement is done, and what went wrong beside it.
#[derive(Debug, Default)]
pub struct Upkeep {
    done: AtomicBool,
    failure: Mutex<Option<Failure>>,
}

impl Upkeep {
    /// Ends everything beside.
    pub fn finish(&self) {
        self.done.store(true, Ordering::Relaxed);
    }

    /// What went wrong beside, if anything did.
    pub fn check(&self) -> Result<(), Failure> {
        let failure = self.failure.lock().map_err(|_| "upkeep panicked")?.take();
        failure.map_or(Ok(()), Err)
    }

    /// Does the engine's upkeep until the end, and takes a snapshot every so often.
    pub fn run(&self, engine: &dyn Engine, snapshot_every: Option<Duration>) {
        if let Err(failure) = self.try_run(engine, snapshot_every)
            && let Ok(mut place) = self.failure.lock()
        {
            *place = Some(failure);
        }
    }

    fn try_run(
        &self,
        engine: &dyn Engine,
        snapshot_every: Option<Duration>,
    ) -> Result<(), Failure> {
        let mut last = Instant::now();
        while !self.done.load(Ordering::Relaxed) {
            if snapshot_every.is_some_and(|every| last.elapsed() >= every) {
                engine.snapshot()?;
                last = Instant::now();
            }
            if !engine.maintain()? {
                thread::sleep(IDLE);
            }
        }
        Ok(())
    }

    /// Takes a sample every so often until the end, at least one.
    pub fn until_done<T>(
        &self,
        every: Duration,
        mut sample: impl FnMut() -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let mut samples = vec![sample()?];
        while !self.done.load(Ordering::Relaxed) {
            thread::sleep(every);
            samples.push(sample()?);
        }
        Ok(samples)
    }
}
