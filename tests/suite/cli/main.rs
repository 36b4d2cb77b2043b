//! The `syncline` program as an operator meets it: flags, output, exit codes.

mod config;
mod help;
mod maps;
mod oplog;
mod peer;
mod relay;
mod serve;
mod store;
mod token;

use std::process::Output;

use syncline_tests::process::command;

/// What one run of the program said and how it ended.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program with these arguments and variables.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let run = command(arguments).envs(variables.iter().copied()).output();
    Ran::of(&run.expect("the program starts"))
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}
