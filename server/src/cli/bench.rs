//! `syncline bench`: becomes the separate program `syncline-bench`.
//!
//! The load generator may know everything, so the server may not know it: it is found, not linked.

use std::{
    ffi::OsString, io::ErrorKind, os::unix::process::CommandExt, path::PathBuf, process::Command,
};

use super::failure::{Exit, Failure};

const PROGRAM: &str = "syncline-bench";

/// Everything after `bench` goes to the load generator as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Arguments of syncline-bench; --help shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

/// Replaces this process; returns only when that fails.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let program = beside_this_program().unwrap_or_else(|| PROGRAM.into());
    let error = Command::new(&program).args(&args.args).exec();
    if error.kind() != ErrorKind::NotFound {
        return Err(Failure::new(Exit::Failed, format!("{}: {error}", program.display())));
    }
    Err(Failure::new(
        Exit::NotFound,
        format!("{PROGRAM} is neither beside this program nor on the PATH"),
    )
    .hint("build it with `cargo build --release -p syncline-bench`"))
}

/// The load generator of the same build, before any other on the `PATH`.
fn beside_this_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?.with_file_name(PROGRAM);
    program.is_file().then_some(program)
}
