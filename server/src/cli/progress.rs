//! How far a long command is, on standard error: a bar that renews itself on a terminal, now and
//! then a line of its own elsewhere. Nothing in the first second.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use super::output;

/// Looking at the clock for every step would cost more than many steps do.
const STEPS_PER_LOOK: u64 = 64;

/// Characters of a full bar.
const BAR: usize = 30;

/// The progress of one command.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    done: u64,
    expected: u64,
    terminal: bool,
    next: Instant,
    shown: bool,
}

impl Progress {
    /// Of a command that says what it has done with this word.
    pub(crate) fn new(what: &'static str) -> Self {
        let next = Instant::now() + Duration::from_secs(1);
        let terminal = io::stderr().is_terminal();
        Self { what, done: 0, expected: 0, terminal, next, shown: false }
    }

    /// Sets how many steps there are.
    pub(crate) fn expect(&mut self, steps: u64) {
        self.expected = steps;
    }

    /// Counts one step.
    pub(crate) fn advance(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(STEPS_PER_LOOK) && Instant::now() >= self.next {
            self.show();
        }
    }

    /// Says how many steps are done, for work that counts them itself.
    pub(crate) fn reach(&mut self, done: u64) {
        self.done = done;
        if Instant::now() >= self.next {
            self.show();
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&mut self) {
        if self.shown && self.terminal {
            output::complain("\r\x1b[K");
        }
    }

    fn show(&mut self) {
        let percent = (self.done * 100).checked_div(self.expected).unwrap_or(0).min(100);
        let Self { what, terminal, .. } = *self;
        self.shown = true;
        if terminal {
            output::complain(&format!("\r{what} {}\x1b[K", bar(percent)));
            self.next = Instant::now() + Duration::from_millis(200);
        } else {
            output::complain(&format!("{what} {percent} %\n"));
            self.next = Instant::now() + Duration::from_secs(5);
        }
    }
}

fn bar(percent: u64) -> String {
    let full = BAR * percent as usize / 100;
    format!("[{}{}] {percent} %", "#".repeat(full), "-".repeat(BAR - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_from_the_left() {
        assert_eq!(bar(0), "[------------------------------] 0 %");
        assert_eq!(bar(50), "[###############---------------] 50 %");
        assert_eq!(bar(100), "[##############################] 100 %");
    }
}
