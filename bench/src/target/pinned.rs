//! Running a program on one core, ended with its parent. Knows nothing of the program.

use std::{
    ffi::OsString, os::unix::process::CommandExt as _, process::Command,
    thread::available_parallelism,
};

use rustix::{
    process::{Signal, set_parent_process_death_signal},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

use crate::error::Error;

/// A program and its core.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PinnedOptions {
    /// The core
    #[arg(long)]
    pub(crate) cpu: usize,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

/// Becomes the program: on one core, and ended when the process that started it ends.
pub(crate) fn exec_pinned(options: &PinnedOptions) -> Error {
    if let Err(error) = pin_self(options.cpu) {
        return error;
    }
    if let Err(errno) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return errno.into();
    }
    match options.command.split_first() {
        Some((program, arguments)) => Command::new(program).args(arguments).exec().into(),
        None => Error::Usage("no program was named".into()),
    }
}

/// Keeps this thread, and what it starts from now on, on one core.
pub(crate) fn pin_self(cpu: usize) -> Result<(), Error> {
    let allowed = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    if cpu >= CpuSet::MAX_CPU {
        return Err(Error::Usage(format!("there is no core {cpu}")));
    }
    one.set(cpu);
    sched_setaffinity(None, &one).map_err(|errno| {
        let cores = allowed.count().max(available_parallelism().map_or(1, usize::from) as u32);
        Error::Usage(format!("cannot use core {cpu} of {cores}: {errno}"))
    })
}
