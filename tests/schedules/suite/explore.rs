//! How far to explore: a little on every change, as far as asked for on request.

use std::{env, str::FromStr};

use syncline_schedules::{few_preemptions, random};

/// Schedules of each scenario chosen by chance, unless `SYNCLINE_SCHEDULES` says how many.
const SCHEDULES: usize = 500;
/// Schedules of each scenario tried in order, fewest preemptions first; all of them when
/// `SYNCLINE_PREEMPTIONS` says up to how many.
const SCHEDULES_IN_ORDER: usize = 100;

fn asked<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Runs a scenario under many schedules. Says how many when output is shown (`--nocapture`).
pub(crate) fn explore(name: &str, scenario: impl Fn() + Clone + Send + Sync + 'static) {
    let seed = asked("SYNCLINE_SEED").unwrap_or(1);
    let count = asked("SYNCLINE_SCHEDULES").unwrap_or(SCHEDULES);
    let by_chance = random(seed, count, scenario.clone());
    let asked_preemptions = asked("SYNCLINE_PREEMPTIONS");
    let preemptions = asked_preemptions.unwrap_or(1);
    let most = asked_preemptions.map_or(SCHEDULES_IN_ORDER, |_| usize::MAX);
    let (in_order, is_all) = few_preemptions(preemptions, most, scenario);
    let all = if is_all { "all " } else { "" };
    #[expect(clippy::print_stdout, reason = "how much was explored is what a long run is for")]
    {
        println!(
            "{name}: {by_chance} by chance, {all}{in_order} with at most {preemptions} preemptions"
        );
    }
}
