//! Yardsticks, load generator and goals of Syncline.
//!
//! Everything is reached through [`run`], the command line; nothing else in the house knows this crate.
#![forbid(unsafe_code)]

mod cli;
mod compare;
mod error;
mod goals;
mod latency;
mod limits;
mod load;
mod report;
mod run;
mod stats;
mod target;
mod wire;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use clap::Parser as _;

pub use self::error::Error;

/// Runs the command line `arguments`, the program's name first. Results go to standard output, complaints to
/// standard error. 0 is success, 1 a failure or a violation of the server, 2 wrong usage.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = match cli::Cli::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nowhere is left to complain to when standard error is gone.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let Err(error) = cli::run(parsed) else { return ExitCode::SUCCESS };
    let _ = writeln!(std::io::stderr(), "syncline-bench: {error}");
    ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
}
