//! The command line: one file per command. Knows the library's public face and nothing below it.

mod banner;
mod bench;
mod config;
mod failure;
mod flags;
mod open_files;
mod output;
mod progress;
#[cfg(feature = "sqlite")]
mod relay;
mod serve;
mod signals;
mod store;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use failure::Failure;

/// A real-time sync server for local-first and multiplayer apps.
#[derive(Debug, Parser)]
#[command(name = "syncline", bin_name = "syncline", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  syncline serve                      serve 127.0.0.1:8080, data in ./syncline-data
  syncline config default > syncline.toml
  syncline serve --config syncline.toml

Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 the store is damaged, 4 not found,
5 locked by another process, 6 the server is not there or lets nobody in";

/// What `syncline` can do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; needs no flags
    Serve(serve::ServeArgs),
    /// Check, show or write the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Bring the relay's changes in from, or out to, a SQLite file
    #[cfg(feature = "sqlite")]
    #[command(subcommand)]
    Relay(relay::RelayCommand),
    /// List the datasets of the oplog, and give them new keys after a restore
    #[command(subcommand)]
    Oplog(store::datasets::OplogCommand),
    /// List the maps and what is in them
    #[command(subcommand)]
    Maps(store::maps::MapsCommand),
    /// List peer rooms and their packets; kick and ban
    #[command(subcommand)]
    Peer(store::peer::PeerCommand),
    /// Make tokens, and say what a server would make of one
    #[command(subcommand)]
    Token(token::TokenCommand),
    #[command(flatten)]
    Store(store::StoreCommand),
    /// Measure a server with the load generator (the program syncline-bench)
    #[command(disable_help_flag = true)]
    Bench(bench::BenchArgs),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command line of this process.
pub(crate) fn run() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Config(command) => config::run(&command),
        #[cfg(feature = "sqlite")]
        Command::Relay(command) => relay::run(&command),
        Command::Oplog(command) => store::datasets::run(&command),
        Command::Maps(command) => store::maps::run(&command),
        Command::Peer(command) => store::peer::run(&command),
        Command::Token(command) => token::run(&command),
        Command::Store(command) => store::run(&command),
        Command::Bench(args) => bench::run(&args),
        Command::Completions { shell } => completions(shell),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "syncline", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
