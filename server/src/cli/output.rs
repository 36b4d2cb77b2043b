//! Standard output and standard error: writing to them, and colours where they are wanted.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};

use super::failure::Failure;

/// What is gathered before it is written, in bytes.
const OUT_BYTES: usize = 64 << 10;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    colours: bool,
}

impl Style {
    /// Colours when standard output is a terminal.
    pub(crate) fn of_stdout() -> Self {
        Self { colours: io::stdout().is_terminal() && syncline::logging::colours() }
    }

    /// Colours when standard error is a terminal.
    pub(crate) fn of_stderr() -> Self {
        Self { colours: io::stderr().is_terminal() && syncline::logging::colours() }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { colours: false }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

/// `1 key`, `2 keys`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Writes to standard output. A reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Standard output for much that is written in small pieces. A reader that has gone away is no
/// failure: what follows is not written.
#[derive(Debug)]
pub(crate) struct Stdout {
    out: BufWriter<StdoutLock<'static>>,
    gone: bool,
}

impl Stdout {
    pub(crate) fn new() -> Self {
        Self { out: BufWriter::with_capacity(OUT_BYTES, io::stdout().lock()), gone: false }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = if self.gone { Ok(()) } else { self.out.write_all(bytes) };
        self.note(written)
    }

    /// Writes what is still in memory.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        let flushed = if self.gone { Ok(()) } else { self.out.flush() };
        self.note(flushed)
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    fn note(&mut self, done: io::Result<()>) -> Result<(), Failure> {
        match done {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
            done => {
                self.gone |= done.is_err();
                Ok(())
            }
        }
    }
}

/// Writes to standard error. When that fails there is nobody left to tell.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
