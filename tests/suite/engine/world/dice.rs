//! Chance that a seed repeats, and how many cases a run tries.

use std::env;

pub(crate) use syncline_tests::dice::Dice;

/// Runs `case` for many seeds on all cores. A failing one is named so that it can be run alone:
/// `SYNCLINE_TEST_SEED` picks one seed, `SYNCLINE_TEST_SEEDS` the number of them for a longer run.
pub(crate) fn for_seeds(cases: u64, case: impl Fn(u64) + Sync) {
    if let Some(seed) = number("SYNCLINE_TEST_SEED") {
        return case(seed);
    }
    in_parallel(number("SYNCLINE_TEST_SEEDS").unwrap_or(cases), |seed| {
        let named = Named(seed);
        case(seed);
        std::mem::forget(named);
    });
}

/// How many bytes the stores have that are damaged bit by bit: `SYNCLINE_TEST_BYTES`, for a longer
/// run, or this.
pub(crate) fn store_bytes(bytes: usize) -> usize {
    number("SYNCLINE_TEST_BYTES").map_or(bytes, |bytes| bytes as usize)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect(name))
}

/// Runs `job` for every number below `end`, spread over the cores.
pub(crate) fn in_parallel(end: u64, job: impl Fn(u64) + Sync) {
    let threads = std::thread::available_parallelism().map_or(2, |cores| cores.get() as u64);
    std::thread::scope(|scope| {
        for first in 0..threads {
            let job = &job;
            scope.spawn(move || (first..end).step_by(threads as usize).for_each(job));
        }
    });
}

/// Names the seed of a case that panicked.
struct Named(u64);

impl Drop for Named {
    #[allow(clippy::print_stderr, reason = "whoever runs the test needs the seed")]
    fn drop(&mut self) {
        eprintln!("failed with seed {0}: run the test alone with SYNCLINE_TEST_SEED={0}", self.0);
    }
}
