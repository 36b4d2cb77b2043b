//! The ways to explore: by chance, or every schedule with few preemptions.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use shuttle::{
    Config, MaxSteps, Runner,
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
};

use crate::bounded::Bounded;

/// Scheduling points after which a schedule counts as one that never ends.
const STEPS_MAX: usize = 100_000;
/// Stack of a thread, in bytes.
const STACK_BYTES: usize = 512 << 10;
/// Points at which the priorities of a schedule change.
const PRIORITY_CHANGES: usize = 3;

/// Runs `scenario` under so many schedules, chosen by the seed: half of them uniformly at every point,
/// half by priorities that change at a few points, which finds what needs one thread to stay behind for
/// long. Returns how many were run.
///
/// # Panics
/// When the scenario does, or when its threads wait for each other.
pub fn random(seed: u64, schedules: usize, scenario: impl Fn() + Send + Sync + 'static) -> usize {
    let scenario = Arc::new(scenario);
    let half = schedules / 2;
    let mut run_schedules = 0;
    if half > 0 {
        run_schedules += run(RandomScheduler::new_from_seed(seed, half), &scenario);
    }
    if schedules > half {
        let rest = schedules - half;
        run_schedules += run(PctScheduler::new_from_seed(seed, PRIORITY_CHANGES, rest), &scenario);
    }
    run_schedules
}

/// Runs `scenario` under the schedules with at most `preemptions_max` preemptions, one after the other,
/// and no more than `schedules_max` of them. Returns how many that were, and whether all.
///
/// # Panics
/// As [`random`].
pub fn few_preemptions(
    preemptions_max: usize,
    schedules_max: usize,
    scenario: impl Fn() + Send + Sync + 'static,
) -> (usize, bool) {
    let done = Arc::new(AtomicBool::new(false));
    let bounded = Bounded::new(preemptions_max, schedules_max, &done);
    (run(bounded, &Arc::new(scenario)), done.load(Ordering::Relaxed))
}

fn run<F: Fn() + Send + Sync + 'static>(
    scheduler: impl Scheduler + 'static,
    scenario: &Arc<F>,
) -> usize {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.silence_warnings = true;
    let scenario = Arc::clone(scenario);
    Runner::new(scheduler, config).run(move || scenario())
}
