//! The clock that gives a node's timestamps. The wall time comes in.

use super::{
    super::now::Now,
    hlc::{Hlc, MICROS_MAX},
    node::NodeId,
};

/// How far ahead of the wall time a timestamp of someone else may be, in milliseconds (dossier, 1.7).
pub const DRIFT_MS_MAX: u64 = 60_000;

/// Gives timestamps, each above all that it has given and [seen](Self::observe).
#[derive(Clone, Debug)]
pub struct Clock {
    node: NodeId,
    micros: i64,
    counter: u16,
}

impl Clock {
    /// A clock of this node that has seen nothing.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self { node, micros: i64::MIN, counter: 0 }
    }

    /// Whose it is.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The next timestamp: the wall time, or if that is not above the last one, the last one and one
    /// more in the counter. A full counter goes over into the next microsecond.
    pub fn send(&mut self, now: Now) -> Hlc {
        let wall = now.wall_micros.clamp(0, MICROS_MAX);
        if wall > self.micros {
            (self.micros, self.counter) = (wall, 0);
        } else if let Some(counter) = self.counter.checked_add(1) {
            self.counter = counter;
        } else {
            (self.micros, self.counter) = (self.micros + 1, 0);
        }
        Hlc { micros: self.micros, counter: self.counter, node: self.node.clone() }
    }

    /// Stays above this one from now on. To be called only with what was [accepted](is_ahead).
    pub fn observe(&mut self, hlc: &Hlc) {
        (self.micros, self.counter) = (self.micros, self.counter).max(hlc.place());
    }
}

/// Whether a timestamp is more than `drift_ms_max` ahead of the wall time, or beyond all years.
#[must_use]
pub fn is_ahead(hlc: &Hlc, now: Now, drift_ms_max: u64) -> bool {
    let drift = i64::try_from(drift_ms_max).unwrap_or(i64::MAX).saturating_mul(1000);
    hlc.micros > now.wall_micros.saturating_add(drift).min(MICROS_MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_micros: i64) -> Now {
        Now { wall_micros, ..Now::default() }
    }

    #[test]
    fn timestamps_rise_whatever_the_wall_does() {
        let mut clock = Clock::new(NodeId::new("a").unwrap());
        let mut last = clock.send(at(1_000));
        assert_eq!(last.place(), (1_000, 0));
        for wall in [1_000, 999, i64::MIN, 1_001, i64::MAX - 1, 5] {
            let next = clock.send(at(wall));
            assert!(next > last);
            last = next;
        }
        let mut full = Clock::new(NodeId::new("a").unwrap());
        full.observe(&Hlc { micros: 7, counter: u16::MAX, node: NodeId::new("b").unwrap() });
        assert_eq!(full.send(at(7)).place(), (8, 0));
    }

    #[test]
    fn what_is_ahead() {
        let hlc = |micros| Hlc { micros, counter: 0, node: NodeId::new("a").unwrap() };
        assert!(!is_ahead(&hlc(60_000_000), at(0), DRIFT_MS_MAX));
        assert!(is_ahead(&hlc(60_000_001), at(0), DRIFT_MS_MAX));
        assert!(!is_ahead(&hlc(-5), at(0), 0));
        assert!(is_ahead(&hlc(MICROS_MAX), at(i64::MAX), u64::MAX));
    }
}
