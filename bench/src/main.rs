//! The program `syncline-bench`. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    syncline_bench::run(std::env::args_os())
}
