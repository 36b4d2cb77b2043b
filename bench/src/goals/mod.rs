//! The server goals, checked in one go: each a ratio against a yardstick measured in the same minutes.

mod dialects;

use std::{
    env,
    io::{self, Write as _},
};

use serde_json::json;

use crate::{
    compare::Pairs,
    error::Error,
    load::{Measured, Scenario, relay},
    report,
    run::{RunOptions, run_once},
    stats::median,
    target::{Durability, Target},
};

/// What to check.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GoalsOptions {
    /// Pairs of runs for each comparison
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Only goals whose name begins with one of these, such as P10,P13
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    run: RunOptions,
}

impl GoalsOptions {
    fn durable_streams_is_there(&self) -> bool {
        let program = &self.run.start.durable_streams;
        let path = env::var_os("PATH").unwrap_or_default();
        program.is_file() || env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }
}

/// One goal and what was reached.
#[derive(Debug)]
struct Goal {
    id: &'static str,
    what: String,
    /// The bound, and whether it is a lower one.
    asked: f64,
    at_least: bool,
    reached: Option<f64>,
}

impl Goal {
    fn met(&self) -> bool {
        self.reached.is_some_and(|reached| {
            if self.at_least { reached >= self.asked } else { reached <= self.asked }
        })
    }
}

/// Measures the goals and prints a table.
pub(crate) fn run(options: &GoalsOptions) -> Result<(), Error> {
    let mut check = Check { options, goals: Vec::new() };
    if check.wanted(&["P10", "P11", "P17"]) {
        check.fanout()?;
    }
    if check.wanted(&["P11"]) {
        check.trickle()?;
    }
    if check.wanted(&["P12"]) {
        check.rooms()?;
    }
    if check.wanted(&["P13"]) {
        check.ingest()?;
    }
    if check.wanted(&["P14"]) {
        check.idle()?;
    }
    if check.wanted(&["P15"]) {
        check.join()?;
    }
    if check.wanted(&["P18"]) {
        check.maps()?;
    }
    if check.wanted(&["P19"]) {
        check.oplog()?;
    }
    if check.wanted(&["P20"]) {
        check.workspace()?;
    }
    if check.wanted(&["P21"]) {
        check.peer()?;
    }
    let mut goals: Vec<Goal> =
        check.goals.into_iter().filter(|goal| wanted(&options.only, goal.id)).collect();
    goals.sort_by_key(|goal| goal.id);
    print(options, &goals)
}

fn wanted(only: &[String], id: &str) -> bool {
    only.is_empty() || only.iter().any(|wanted| id.starts_with(wanted.as_str()))
}

fn print(options: &GoalsOptions, goals: &[Goal]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    if options.json {
        let goals: Vec<_> = goals
            .iter()
            .map(|goal| {
                json!({
                    "goal": goal.id, "what": goal.what, "asked": goal.asked,
                    "at_least": goal.at_least, "reached": goal.reached, "met": goal.met(),
                })
            })
            .collect();
        writeln!(out, "{}", json!({ "pairs": options.pairs, "goals": goals }))?;
        return Ok(());
    }
    let width = goals.iter().map(|goal| goal.what.chars().count()).max().unwrap_or_default();
    writeln!(out, "{:<5} {:<width$} {:>9} {:>9}", "goal", "what", "asked", "reached")?;
    for goal in goals {
        let sign = if goal.at_least { "≥" } else { "≤" };
        let asked = format!("{sign} {}", goal.asked);
        let reached = goal.reached.map_or_else(|| "-".into(), |reached| format!("{reached:.2}"));
        let met = if goal.met() { "yes" } else { "NO" };
        writeln!(out, "{:<5} {:<width$} {asked:>9} {reached:>9}  {met}", goal.id, goal.what)?;
    }
    Ok(())
}

struct Check<'a> {
    options: &'a GoalsOptions,
    goals: Vec<Goal>,
}

impl Check<'_> {
    fn wanted(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| wanted(&self.options.only, id))
    }

    fn goal(
        &mut self,
        id: &'static str,
        what: impl Into<String>,
        at_least: bool,
        asked: f64,
        reached: Option<f64>,
    ) {
        self.goals.push(Goal { id, what: what.into(), asked, at_least, reached });
    }

    fn run_options(&self, durability: Durability) -> RunOptions {
        let mut run = self.options.run.clone();
        run.start.durability = durability;
        run
    }

    /// Interleaved pairs of the server, at a durability, and a yardstick.
    fn pairs(
        &self,
        scenario: &Scenario,
        durability: Durability,
        limit: Target,
    ) -> Result<Pairs, Error> {
        let run = self.run_options(durability);
        let pairs = self.options.pairs;
        Pairs::run(scenario, Target::Syncline, limit, pairs, &run, |target, run| {
            // Progress only: what counts is printed at the end.
            let _ = report::run_line(&mut io::stderr().lock(), scenario.name(), target, run);
        })
    }

    /// Fan-out at saturation: P10 and P11 with durability `os`, P17 with `device` as a share of that.
    fn fanout(&mut self) -> Result<(), Error> {
        for (subscribers, bytes, asked) in
            [(100, 128, 0.8), (1000, 128, 0.8), (100, 1024, 0.7), (1000, 1024, 0.7)]
        {
            let what = format!("{subscribers} subscribers, {bytes} B");
            let scenario = relay::Scenario::fanout(subscribers, bytes, 0.0).into();
            let os = self.pairs(&scenario, Durability::Os, Target::LimitBcast)?;
            let rate = os.ratio(per_second);
            self.goal("P10", format!("fan-out, {what}: rate / limit-bcast"), true, asked, rate);
            let cpu = os.ratio(Measured::cpu_per_million);
            self.goal("P11", format!("fan-out, {what}: CPU / limit-bcast"), false, 1.25, cpu);
            if self.wanted(&["P17"]) {
                let device = self.pairs(&scenario, Durability::Device, Target::LimitBcast)?;
                let share = device.ratio(per_second).zip(rate).map(|(device, os)| device / os);
                let what = format!("fan-out, {what}, synced first: rate / not synced");
                self.goal("P17", what, true, 0.85, share);
            }
        }
        Ok(())
    }

    fn trickle(&mut self) -> Result<(), Error> {
        let scenario = relay::Scenario::fanout(100, 128, 20_000.0).into();
        let pairs = self.pairs(&scenario, Durability::Os, Target::LimitBcast)?;
        let cpu = pairs.ratio(Measured::cpu_per_million);
        self.goal("P11", "fan-out at 20,000 deliveries/s: CPU / limit-bcast", false, 1.15, cpu);
        Ok(())
    }

    fn rooms(&mut self) -> Result<(), Error> {
        let scenario = relay::Scenario::rooms(1000).into();
        let pairs = self.pairs(&scenario, Durability::Os, Target::LimitBcast)?;
        let rate = pairs.ratio(per_second);
        self.goal("P12", "1,000 rooms of 2: rate / limit-bcast", true, 0.9, rate);
        let cpu = pairs.ratio(Measured::cpu_per_million);
        self.goal("P12", "1,000 rooms of 2: CPU / limit-bcast", false, 1.1, cpu);
        let spread = pairs.ours(|run| Some(run.millis(0.99) / run.millis(0.5)));
        self.goal("P12", "1,000 rooms of 2: p99 / p50", false, 3.0, spread);
        Ok(())
    }

    fn ingest(&mut self) -> Result<(), Error> {
        let scenario = relay::Scenario::ingest(64, 64).into();
        let pairs = self.pairs(&scenario, Durability::Device, Target::LimitAck)?;
        let rate = pairs.ratio(per_second);
        self.goal("P13", "acknowledged, 64 × window 64: rate / limit-ack", true, 0.5, rate);
        let cpu = pairs.ours(Measured::cpu_per_million);
        self.goal("P13", "acknowledged, 64 × window 64: CPU-s per million", false, 0.7, cpu);
        let p99 = pairs.ours(|run| Some(run.millis(0.99)));
        self.goal("P13", "acknowledged, 64 × window 64: p99 in ms", false, 8.0, p99);
        let scenario = relay::Scenario::ingest(64, 1).into();
        let pairs = self.pairs(&scenario, Durability::Device, Target::LimitAck)?;
        let rate = pairs.ratio(per_second);
        self.goal("P13", "acknowledged, 64 × window 1: rate / limit-ack", true, 0.9, rate);
        Ok(())
    }

    fn idle(&mut self) -> Result<(), Error> {
        let scenario = relay::Scenario::idle().into();
        let pairs = self.pairs(&scenario, Durability::Device, Target::LimitAccept)?;
        let kib = pairs.ours(|run| run.extra("rss_bytes_per_connection").map(|rss| rss / 1024.0));
        self.goal("P14", "idle joined connection: KiB resident", false, 3.0, kib);
        let cpu = pairs.ratio(Measured::cpu_per_million);
        self.goal("P14", "connect, upgrade and join: CPU / limit-accept", false, 2.0, cpu);
        Ok(())
    }

    fn join(&mut self) -> Result<(), Error> {
        let runs = self.alone(&relay::Scenario::join().into())?;
        let millis = median(runs.iter().map(|run| run.millis(0.5)));
        let what = "late join of 100,000 × 128 B: ms, median of the runs' medians";
        self.goal("P15", what, false, 20.0, millis);
        Ok(())
    }

    /// Runs of the server alone, synced.
    fn alone(&self, scenario: &Scenario) -> Result<Vec<Measured>, Error> {
        let run = self.run_options(Durability::Device);
        let one = |_| {
            let measured = run_once(scenario, Target::Syncline, &run)?;
            let mut told = io::stderr().lock();
            // Progress only: what counts is printed at the end.
            let _ = report::run_line(&mut told, scenario.name(), Target::Syncline, &measured);
            Ok(measured)
        };
        (0..self.options.pairs).map(one).collect()
    }
}

fn rate(run: &Measured) -> f64 {
    run.per_second()
}

fn per_second(run: &Measured) -> Option<f64> {
    Some(rate(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_on_its_own_side_of_the_bound() {
        let goal = |at_least, reached| Goal {
            id: "P0",
            what: String::new(),
            asked: 2.0,
            at_least,
            reached,
        };
        assert!(goal(true, Some(2.0)).met() && goal(true, Some(3.0)).met());
        assert!(!goal(true, Some(1.9)).met());
        assert!(goal(false, Some(2.0)).met() && goal(false, Some(1.0)).met());
        assert!(!goal(false, Some(2.1)).met());
        assert!(!goal(true, None).met() && !goal(false, None).met());
    }

    #[test]
    fn goals_are_chosen_by_the_beginning_of_their_name() {
        let only = ["P1".to_owned(), "P20".to_owned()];
        assert!(wanted(&only, "P10") && wanted(&only, "P20") && !wanted(&only, "P2"));
        assert!(wanted(&[], "P9"));
    }
}
