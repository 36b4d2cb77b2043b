//! How the program logs: for people on a terminal, JSON lines otherwise; never a token.
//!
//! Knows nothing of what is logged. Only the program calls [`init`], a host of the library its own.

use std::{
    io::{self, IsTerminal},
    panic,
};

use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat, LogLevel};

/// What the targets of our own events begin with.
const OURS: &str = "syncline";

/// Sends events to standard error, and a panic as an event. Colours only on a terminal and not
/// when `NO_COLOR` is set. Does nothing when the process has a subscriber already.
pub fn init(config: &LogConfig) {
    let terminal = io::stderr().is_terminal();
    let human = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(terminal && colours());
    let lines = if human { lines.boxed() } else { lines.json().flatten_event(true).boxed() };
    let started = registry().with(lines.with_filter(filter(level(config.level)))).try_init();
    if started.is_ok() {
        panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let payload = panic.payload();
            let words = payload.downcast_ref::<&str>().copied();
            let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let words = words.unwrap_or("without words");
            tracing::error!(place, "panicked: {words}");
        }));
    }
}

/// Whether colours are wanted on a terminal (<https://no-color.org>).
#[must_use]
pub fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A request's target with no value of its query left: `/sync?token=abc` becomes
/// `/sync?token=[redacted]`. Values are hidden whatever their names, since a token under a
/// mistyped or escaped name is a token too.
#[must_use]
pub fn redact_query(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.into() };
    let parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) => format!("{name}=[redacted]"),
            None if parameter.is_empty() => String::new(),
            None => "[redacted]".into(),
        })
        .collect();
    format!("{path}?{}", parameters.join("&"))
}

/// Libraries tell what they like when they are asked for details, addresses with all that is in
/// them for one. What we cannot vouch for is not asked for.
fn filter(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::INFO)).with_target(OURS, level)
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn details_are_told_of_ourselves_only() {
        let told =
            |target: &str, event: Level| filter(LevelFilter::TRACE).would_enable(target, &event);
        for ours in ["syncline", "syncline::http::entry", "syncline_engine::store"] {
            assert!(told(ours, Level::TRACE), "{ours}");
        }
        for other in ["ureq::run", "rustls::client", "hyper", "log", "tungstenite"] {
            assert!(told(other, Level::INFO) && !told(other, Level::DEBUG), "{other}");
        }
        assert!(!filter(LevelFilter::WARN).would_enable("hyper", &Level::INFO));
        assert!(!filter(LevelFilter::OFF).would_enable("syncline", &Level::ERROR));
    }

    #[test]
    fn no_value_of_a_query_is_left() {
        assert_eq!(redact_query("/sync?token=secret"), "/sync?token=[redacted]");
        assert_eq!(redact_query("/sync?v=1&token=a=b"), "/sync?v=[redacted]&token=[redacted]");
        assert_eq!(redact_query("/sync?%74oken=secret"), "/sync?%74oken=[redacted]");
        assert_eq!(redact_query("/sync?secret"), "/sync?[redacted]");
        assert_eq!(redact_query("/sync?a=b?token=secret"), "/sync?a=[redacted]");
        assert_eq!(redact_query("/sync?a&&token=x#secret"), "/sync?[redacted]&&token=[redacted]");
    }

    #[test]
    fn a_path_is_left_alone() {
        for target in ["/sync", "/", "", "/sync?"] {
            assert_eq!(redact_query(target), target);
        }
    }
}
