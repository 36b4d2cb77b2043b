//! Measures the engine goals: Syncline, its peers and the raw disk, in interleaved rounds of one run.

mod engines;
mod figures;
mod goals;
mod measure;
mod options;
mod random;
mod report;
mod results;
mod row;
mod scale;

use std::{fs, io::Write as _, path::Path, time::Instant};

use clap::Parser as _;

use self::{
    engines::{Failure, Kind},
    measure::Measurement,
    options::Options,
    results::Results,
};

/// Counts what is allocated at any moment: two relaxed additions per allocation, for every engine alike.
#[global_allocator]
static ALLOCATED: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    if let Some(kind) = options.fill {
        return measure::fill(
            kind,
            &options.dir,
            options.scale().open_records,
            options.fill_snapshot,
        );
    }
    let mut results = Results::new(options.scale());
    for path in &options.add {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        results.add_file(&text).map_err(|error| format!("{shown}: {error}"))?;
    }
    let mut failures = Vec::new();
    for round in 0..options.rounds() {
        for measurement in options.measurements() {
            measure_round(measurement, round, &options, &mut results, &mut failures)?;
        }
        // A long run that is ended early leaves the rounds that it had.
        write_all(&options, &results)?;
    }
    let text = write_all(&options, &results)?;
    writeln!(std::io::stdout(), "{text}")?;
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ").into()) }
}

/// Writes every file of results, and returns them as Markdown.
fn write_all(options: &Options, results: &Results) -> Result<String, Failure> {
    let rows = goals::check(results);
    let markdown = report::markdown(results, &rows);
    for path in options.out() {
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => results.json(&rows).to_string(),
            Some("html") => report::page(results, &rows),
            _ => markdown.clone(),
        };
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(markdown)
}

/// One round of one measurement: every engine once, another one first each time. One that fails is left out
/// and named at the end.
fn measure_round(
    measurement: Measurement,
    round: usize,
    options: &Options,
    results: &mut Results,
    failures: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut kinds = options.kinds(measurement, round);
    let first = round % kinds.len().max(1);
    kinds.rotate_left(first);
    for kind in kinds {
        let (measured, name) = (measurement.name(), kind.name());
        let shown = match measure_one(measurement, kind, &options.dir, results) {
            Ok(took) => format!("{took:.1} s"),
            Err(error) => {
                failures.push(format!("{measured} of {name}: {error}"));
                format!("failed: {error}")
            }
        };
        writeln!(std::io::stderr(), "round {round}  {measured:<9} {name:<12} {shown}")?;
    }
    Ok(())
}

/// Measures in a directory of its own, and says how many seconds it took.
fn measure_one(
    measurement: Measurement,
    kind: Kind,
    dir: &Path,
    results: &mut Results,
) -> Result<f64, Failure> {
    let dir = tempfile::TempDir::with_prefix_in("syncline-peers-", dir)?;
    let start = Instant::now();
    for (metric, value) in measurement.run(kind, dir.path(), &results.scale)? {
        let figure = figures::named(metric).ok_or("a figure without a place in the tables")?;
        if !value.is_finite() {
            return Err(format!("{metric} is {value}").into());
        }
        results.add(figure.name, kind, value);
    }
    Ok(start.elapsed().as_secs_f64())
}
