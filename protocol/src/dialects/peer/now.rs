//! What time it is, told to every machine by its caller. No clock is read here.

use std::time::Duration;

/// The moment in which something is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since some beginning that stays the same while the machine lives. Never goes back; timers
    /// are set by it.
    pub elapsed: Duration,
    /// Microseconds since the Unix epoch. May jump either way.
    pub wall_micros: i64,
}

impl Now {
    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        self.wall_micros.div_euclid(1000)
    }
}

/// The earlier of two moments at which something may be due.
#[must_use]
pub fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
