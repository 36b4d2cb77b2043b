//! What can be set in `[log]`, and its defaults. Values only.

use crate::config::{LogFormat, LogLevel};

/// What is logged and how. The library only carries it; the program acts on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogConfig {
    /// The least urgent events that are logged.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}
