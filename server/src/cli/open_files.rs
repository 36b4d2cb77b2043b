//! How many files the process may have open: every connection is one, and the usual limit is 1,024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use syncline::LimitsConfig;
use tracing::warn;

/// Files beside connections: segments, listeners, event queues.
const OTHERS: u64 = 512;

/// Raises the limit as far as `connections_max` needs it and the system lets us. Warns when that is
/// not enough, unless nobody asked for that many: the default is generous.
pub(crate) fn allow(connections_max: usize) {
    let needed = (connections_max as u64).saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    let Some(raised) = raised(limit.current, limit.maximum, needed) else { return };
    let new = Rlimit { current: Some(raised), maximum: limit.maximum };
    let allowed = match setrlimit(Resource::Nofile, new) {
        Ok(()) => raised,
        Err(_) => limit.current.unwrap_or(raised),
    };
    let asked = connections_max != LimitsConfig::default().connections_max;
    if allowed < needed && asked {
        warn!(
            open_files_max = allowed,
            connections_max,
            "the system allows fewer open files than limits.connections_max needs; \
             raise the hard limit (ulimit -Hn, LimitNOFILE=)"
        );
    }
}

/// The limit to set; none when the present one is enough. No limit is enough for everything.
fn raised(current: Option<u64>, maximum: Option<u64>, needed: u64) -> Option<u64> {
    let current = current?;
    let raised = maximum.map_or(needed, |maximum| maximum.min(needed)).max(current);
    (current < needed).then_some(raised)
}

#[cfg(test)]
mod tests {
    use super::raised;

    #[test]
    fn it_is_raised_as_far_as_needed_and_allowed() {
        assert_eq!(raised(Some(1_024), Some(4_096), 2_000), Some(2_000));
        assert_eq!(raised(Some(1_024), Some(4_096), 9_000), Some(4_096));
        assert_eq!(raised(Some(1_024), None, 9_000), Some(9_000));
        assert_eq!(raised(Some(1_024), Some(4_096), 1_000), None);
        assert_eq!(raised(None, None, 9_000), None);
    }
}
