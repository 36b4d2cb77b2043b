//! The `syncline` program. Picks the allocator and hands over to the command line.

mod cli;

use std::process::ExitCode;

/// Many small allocations of many threads, which the system's allocator is slow at.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
