//! The signals that end the server. A closed pipe or a file-size limit is an error where it
//! happens, not the end of the process.

use std::{io, process, thread};

use rustix::process::Signal;
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{self, SignalKind},
};
use tracing::{info, warn};

/// Waits for SIGTERM or SIGINT.
#[derive(Debug)]
pub(crate) struct Signals {
    runtime: Runtime,
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    /// Takes the signals over from their defaults. Writes past a file-size limit fail with an
    /// error from now on, which the store treats like a full disk; SIGPIPE is ignored by Rust's
    /// start-up already.
    pub(crate) fn install() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let context = runtime.enter();
        let terminate = unix::signal(SignalKind::terminate())?;
        let interrupt = unix::signal(SignalKind::interrupt())?;
        handle_file_size_limit()?;
        drop(context);
        Ok(Self { runtime, terminate, interrupt })
    }

    /// Returns at the first signal, or with the reason when the server fails before. From then on
    /// a signal ends the process at once, as if it had not been taken over.
    pub(crate) fn wait(
        mut self,
        failed: impl Future<Output = String>,
    ) -> io::Result<Option<String>> {
        let failure = self.first(failed);
        if failure.is_none() {
            info!("shutting down; a second signal ends at once");
        }
        thread::Builder::new().name("signals".into()).spawn(move || {
            let second = self.next();
            warn!(signal = second.name, "ending at once");
            process::exit(second.exit_code);
        })?;
        Ok(failure)
    }

    fn first(&mut self, failed: impl Future<Output = String>) -> Option<String> {
        let Self { runtime, terminate, interrupt } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => None,
                _ = interrupt.recv() => None,
                why = failed => Some(why),
            }
        })
    }

    fn next(&mut self) -> Received {
        let Self { runtime, terminate, interrupt } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => Received { name: "SIGTERM", exit_code: 128 + 15 },
                _ = interrupt.recv() => Received { name: "SIGINT", exit_code: 128 + 2 },
            }
        })
    }
}

/// Makes a write past a file-size limit fail with an error, in a command that takes no other signal
/// over.
pub(crate) fn outlive_file_size_limit() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let _context = runtime.enter();
    handle_file_size_limit()
}

/// Needs a runtime's context. The handler outlives the stream, which nobody needs to read.
fn handle_file_size_limit() -> io::Result<()> {
    unix::signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// A signal that came, and how a shell tells that it ended a process.
struct Received {
    name: &'static str,
    exit_code: i32,
}
