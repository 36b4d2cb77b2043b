//! The command line of `syncline-bench`. Knows what can be asked for, not how it is done.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
};

use clap::{Parser, Subcommand};

use crate::{
    compare::Pairs,
    error::Error,
    goals::{self, GoalsOptions},
    latency,
    limits::{self, SyncOptions, Yardstick},
    load::{Scenario, maps, oplog, peer, relay, workspace},
    report,
    run::{RunOptions, run_once},
    target::{self, PinnedOptions, Target},
};

/// Load generator and yardsticks of Syncline.
#[derive(Debug, Parser)]
#[command(name = "syncline-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Drive the relay dialect of a server and measure it
    Relay(Box<DriveOptions<relay::Scenario>>),
    /// Drive the workspace dialect
    Workspace(Box<DriveOptions<workspace::Scenario>>),
    /// Drive the oplog dialect
    Oplog(Box<DriveOptions<oplog::Scenario>>),
    /// Drive the maps dialect
    Maps(Box<DriveOptions<maps::Scenario>>),
    /// Drive the peer dialect's relay
    Peer(Box<DriveOptions<peer::Scenario>>),
    /// Measure the server goals against their yardsticks
    Goals(Box<GoalsOptions>),
    /// Be a yardstick
    #[command(subcommand)]
    Limit(Limit),
    /// Run a program on one core, ended with its parent
    #[command(hide = true)]
    Pinned(PinnedOptions),
}

#[derive(Debug, Subcommand)]
enum Limit {
    /// Serve: the least a room server can do
    Bcast(ServeOptions),
    /// Serve: the same with one write and one sync per turn, then acknowledgements
    Ack(ServeOptions),
    /// Serve: accept, upgrade and join, nothing else
    Accept(ServeOptions),
    /// Measure how often the disk syncs a small write
    Sync(SyncOptions),
}

#[derive(Debug, clap::Args)]
struct ServeOptions {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Where `ack` makes its file
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

#[derive(Debug, clap::Args)]
struct DriveOptions<S: Subcommand> {
    /// What to measure
    #[arg(long, value_enum, default_value = "syncline", global = true)]
    target: Target,
    /// Measure this yardstick too, in interleaved pairs, and show the ratios
    #[arg(long, value_enum, global = true, conflicts_with = "url")]
    compare: Option<Target>,
    /// Pairs of runs with --compare
    #[arg(long, default_value_t = 5, global = true)]
    pairs: usize,
    /// Print JSON, one object per scenario
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    run: RunOptions,
    /// What to do; the usual ones one after the other when not given.
    #[command(subcommand)]
    scenario: Option<S>,
}

/// Does what was asked for.
pub(crate) fn run(cli: Cli) -> Result<(), Error> {
    match cli.command {
        Command::Relay(options) => measure(*options, relay::Scenario::usual),
        Command::Workspace(options) => measure(*options, workspace::Scenario::usual),
        Command::Oplog(options) => measure(*options, oplog::Scenario::usual),
        Command::Maps(options) => measure(*options, maps::Scenario::usual),
        Command::Peer(options) => measure(*options, peer::Scenario::usual),
        Command::Goals(options) => goals::run(&options),
        Command::Limit(limit) => run_limit(&limit),
        Command::Pinned(options) => Err(target::exec_pinned(&options)),
    }
}

fn run_limit(limit: &Limit) -> Result<(), Error> {
    let (kind, options) = match limit {
        Limit::Bcast(options) => (Yardstick::Broadcast, options),
        Limit::Ack(options) => (Yardstick::Acknowledge, options),
        Limit::Accept(options) => (Yardstick::Accept, options),
        Limit::Sync(options) => {
            let (rate, took) = limits::measure_sync(options)?;
            writeln!(
                io::stdout(),
                "{rate:.0} syncs/s of {} B, p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms",
                options.bytes,
                latency::millis(&took, 0.5),
                latency::millis(&took, 0.99),
                latency::millis(&took, 1.0),
            )?;
            return Ok(());
        }
    };
    target::raise_open_files()?;
    limits::serve(kind, options.listen, &options.dir)
}

fn measure<S: Subcommand + Into<Scenario>>(
    options: DriveOptions<S>,
    usual: fn() -> Vec<S>,
) -> Result<(), Error> {
    let DriveOptions { target, compare, pairs, json, run, scenario } = options;
    let wish = Wish { target, pairs, json, run };
    let scenarios = scenario.map_or_else(usual, |one| vec![one]);
    for scenario in scenarios.into_iter().map(Into::into) {
        match compare {
            Some(limit) => side_by_side(&wish, &scenario, limit)?,
            None => single(&wish, &scenario)?,
        }
    }
    Ok(())
}

/// How a scenario is run and shown.
struct Wish {
    target: Target,
    pairs: usize,
    json: bool,
    run: RunOptions,
}

fn single(options: &Wish, scenario: &Scenario) -> Result<(), Error> {
    let measured = run_once(scenario, options.target, &options.run)?;
    let target = options.run.url.as_deref().unwrap_or(options.target.name());
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{}", report::run_json(scenario.name(), target, &measured))?;
    } else {
        report::run_table(&mut out, scenario.name(), target, &measured)?;
    }
    Ok(())
}

fn side_by_side(options: &Wish, scenario: &Scenario, limit: Target) -> Result<(), Error> {
    let name = scenario.name();
    let (target, pairs) = (options.target, options.pairs);
    let pairs = Pairs::run(scenario, target, limit, pairs, &options.run, |which, run| {
        // Progress only: what counts is printed at the end.
        let _ = report::run_line(&mut io::stderr().lock(), name, which, run);
    })?;
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{}", report::pairs_json(name, target, limit, &pairs))?;
    } else {
        report::pairs_table(&mut out, name, target, limit, &pairs)?;
    }
    Ok(())
}
