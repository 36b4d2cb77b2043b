//! Measures the engine goals: Syncline, its peers and the raw disk, in interleaved rounds of one run.

mod engines;
mod goals;
mod measure;
mod random;
mod results;
mod row;

use std::{fs, io::Write as _, path::PathBuf, time::Instant};

use clap::Parser;

use self::{
    engines::{Failure, Kind},
    measure::{Measurement, Scale},
    results::Results,
};

/// Counts what is allocated at any moment: two relaxed additions per allocation, for every engine alike.
#[global_allocator]
static ALLOCATED: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

/// The engine beside other storage engines, in one run.
#[derive(Debug, Parser)]
struct Options {
    /// A tenth of the work and two rounds: shows that it works, proves nothing
    #[arg(long)]
    quick: bool,
    /// Interleaved rounds [default: 5, or 2 with --quick]
    #[arg(long)]
    rounds: Option<usize>,
    /// Only these measurements
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Where the stores are made: the disk to measure, not tmpfs
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Write the results here too: as JSON for a name that ends in .json, else as Markdown
    #[arg(long)]
    out: Vec<PathBuf>,
}

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let scale = if options.quick { Scale::QUICK } else { Scale::FULL };
    let rounds = options.rounds.unwrap_or(if options.quick { 2 } else { 5 });
    let mut results = Results::default();
    for round in 0..rounds {
        for measurement in Measurement::ALL {
            if options.only.is_empty() || options.only.contains(measurement) {
                measure_round(*measurement, round, &options, &scale, &mut results)?;
            }
        }
    }
    let rows = goals::check(&results);
    let text = results::markdown(&results, &rows, rounds, options.quick);
    writeln!(std::io::stdout(), "{text}")?;
    for path in &options.out {
        let json = path.extension().is_some_and(|extension| extension == "json");
        let text = if json { results::json(&results, &rows, rounds) } else { text.clone() };
        fs::write(path, text)?;
    }
    Ok(())
}

/// One round of one measurement: every engine once, another one first each time.
fn measure_round(
    measurement: Measurement,
    round: usize,
    options: &Options,
    scale: &Scale,
    results: &mut Results,
) -> Result<(), Failure> {
    let mut kinds: Vec<Kind> = measurement.kinds().to_vec();
    let first = round % kinds.len();
    kinds.rotate_left(first);
    for kind in kinds {
        let dir = tempfile::TempDir::with_prefix_in("syncline-peers-", &options.dir)?;
        let start = Instant::now();
        for (metric, value) in measurement.run(kind, dir.path(), scale)? {
            results.add(metric, kind, value);
        }
        let took = start.elapsed().as_secs_f64();
        let name = measurement.name();
        writeln!(std::io::stderr(), "round {round}  {name:<9} {:<12} {took:.1} s", kind.name())?;
    }
    Ok(())
}
